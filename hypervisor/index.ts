/** hv as a library. Everything else is an implementation detail. */

export { HvError, type HvErrorCode } from './base/errors.ts';
export { BackupHost } from './host/backup-host.ts';
export type { BackupHostOptions } from './host/backup-options.ts';
export { GuestLoadError } from './host/guest-load-error.ts';
export { type GuestLimits, Hypervisor, type HypervisorOptions } from './host/hypervisor.ts';
export {
  type LinkSecurity,
  loadSecurity,
  type SecurityMaterial,
  type SecurityOptions,
} from './host/tls.ts';
