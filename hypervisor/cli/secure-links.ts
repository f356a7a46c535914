/** The secrets of a process, of its links and of its admin port: loaded at its start, loaded again at SIGHUP. */

import { HvError } from '../base/errors.ts';
import { AdminToken } from '../host/admin-guard.ts';
import { HostClock } from '../host/clock.ts';
import { terminalIsGone } from '../host/terminal-gone.ts';
import { type LinkSecurity, loadSecurity, type SecurityOptions } from '../host/tls.ts';
import type { AdminOptions } from './admin-options.ts';
import type { Lifecycle } from './lifecycle.ts';
import { say } from './print.ts';

const DAY_MS = 86_400_000;

export interface Secrets {
  readonly security: LinkSecurity;
  readonly adminToken: AdminToken | undefined;
  /** SIGHUP reads something, instead of ending the process as it ends other programs. */
  readonly readsAgain: boolean;
}

/** Loads what is asked for and says what people should know. Throws HV_E_SECURITY_FILE and HV_E_USAGE. */
export function openSecrets(links: SecurityOptions, { adminTokenFile }: AdminOptions): Secrets {
  const security = openSecurity(links);
  const adminToken = adminTokenFile === undefined ? undefined : new AdminToken(adminTokenFile);
  const readsAgain = security.mode !== 'plain' || adminToken !== undefined;
  return { security, adminToken, readsAgain };
}

function openSecurity(options: SecurityOptions): LinkSecurity {
  const security = loadSecurity(options);
  if (options.mode === 'plain' && options.insecure)
    say(
      'WARNING: --insecure: whoever reaches the ports of this replica can read and change everything, and become it',
    );
  warn(security);
  return security;
}

function warn(security: LinkSecurity): void {
  const warning = security.warning();
  if (warning !== undefined) say(`WARNING: ${warning}`);
}

/**
 * From now on SIGHUP reads the files again, where there are any, and a certificate near its end is
 * reported daily. If one of the files cannot be used that is reported, and none of them changes
 * anything. `onTerminalGone`: it was a real hang-up, and nobody else acts on it.
 */
export function tendSecrets(
  { security, adminToken, readsAgain }: Secrets,
  lifecycle: Lifecycle,
  onTerminalGone: () => void = () => {},
): void {
  if (!readsAgain) return;
  setInterval(() => warn(security), DAY_MS).unref();
  process.on('SIGHUP', () => {
    if (terminalIsGone()) return onTerminalGone();
    try {
      const renewAdmin = adminToken?.reread();
      security.reload();
      renewAdmin?.();
    } catch (error) {
      if (!(error instanceof HvError)) throw error;
      lifecycle.event('security.failed', new HostClock().wall(), { reason: error.message });
      say(`ERROR: what was loaded before stays in force: ${error.message}   [${error.code}]`);
      return;
    }
    lifecycle.event('security.reloaded', new HostClock().wall(), { mode: security.mode });
    const admin = adminToken === undefined ? '' : '; the admin port needs the token in its file';
    say(`reloaded: ${security.describe()}${admin}`);
    warn(security);
  });
}
