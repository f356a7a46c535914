/** A primary's guest and its mounts: which backend it gets, and what it finds in them when it boots. */

import { HvError } from '../base/errors.ts';
import type { HostInterrupt } from '../ports.ts';
import { Mounts } from './mounts.ts';
import type { PrimaryRunnerOptions } from './primary-runner.ts';

/** Undefined: the guest has none. Throws HV_E_MOUNT. */
export function mountsOf(
  { settings, machine, handover, header, post }: PrimaryRunnerOptions,
  onInterrupt: (interrupt: HostInterrupt) => void,
): Mounts | undefined {
  if (settings.mounts.length === 0 && machine.disk.mounts.length === 0) return undefined;
  const mounts = new Mounts({
    given: settings.mounts,
    disk: machine.disk,
    vm: header.vm,
    goesOn: settings.mountsMayMiss,
    onInterrupt,
    trouble: (event, fields) => post({ type: 'trouble', event, fields }),
  });
  // What a dead primary has not let out may leave before this one's own view is in the log.
  if (handover?.view !== undefined) mounts.goLive(handover.view.epoch);
  return mounts;
}

/** Boots the guest, behind what it has in its mounts. */
export function bootWith(
  mounts: Mounts | undefined,
  given: {
    readonly boot: HostInterrupt;
    push(interrupt: HostInterrupt): void;
    failed(error: HvError): void;
  },
): void {
  if (mounts === undefined) {
    given.push(given.boot);
    return;
  }
  mounts.load().then(
    (interrupts) => {
      for (const interrupt of [...interrupts, given.boot]) given.push(interrupt);
    },
    (error: Error) =>
      given.failed(error instanceof HvError ? error : new HvError('HV_E_MOUNT', error.message)),
  );
}
