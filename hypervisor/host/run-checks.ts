/** Whether a guest may run as it is asked to, before anything is started. */

import { resolve } from 'node:path';
import { HvError } from '../base/errors.ts';
import { isLoopback, parseAddress } from './addresses.ts';
import { absoluteArbiterUrl } from './arbiters.ts';
import { makeDirectory } from './directories.ts';
import type { HypervisorOptions } from './hypervisor.ts';

/** What needs a log that is kept. */
export function refuseWithoutLog(options: HypervisorOptions): void {
  const { record, backups, listen, resume, keep, checkpoint } = options;
  const protects = backups.length > 0 || listen !== undefined;
  if (checkpoint.type === 'off' && resume && protects)
    throw new HvError(
      'HV_E_USAGE',
      '--checkpoint off, --resume and a backup exclude each other: a log that goes on may have lost its beginning, and then a backup joins by a snapshot',
    );
  if (keep.type !== 'all' && checkpoint.type === 'off')
    throw new HvError('HV_E_USAGE', '--keep needs checkpoints: what is forgotten lies before one');
  if (record === 'disk' || !(protects || resume)) return;
  const option = record === 'off' ? '--no-record' : '--record-nowhere';
  throw new HvError(
    'HV_E_USAGE',
    protects
      ? `${option} and a backup exclude each other: a backup joins by replaying the log`
      : `${option} and --resume exclude each other: a run goes on from its log`,
  );
}

/**
 * Without an arbiter nobody decides who is primary when a link breaks. On one machine a directory
 * does; across hosts it must be named (HV_E_NO_ARBITER).
 */
export function resolveArbiter(options: HypervisorOptions): string {
  if (options.arbiter !== undefined) return absoluteArbiterUrl(options.arbiter);
  const remote = options.backups.find(
    (address) => !isLoopback(parseAddress(address, { what: 'the address of a backup' }).host),
  );
  if (remote !== undefined)
    throw new HvError(
      'HV_E_NO_ARBITER',
      `no arbiter given, and the backup ${remote} is on another host`,
    );
  // A directory named by the user may be a share that is not mounted, so only our own is made.
  const own = resolve(options.dir, 'arbiter');
  if (options.record === 'disk') makeDirectory(own);
  return absoluteArbiterUrl(`file:${own}`);
}
