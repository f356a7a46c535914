/**
 * What becomes of a primary that is not one any more: the guest runs elsewhere, and this process goes on as
 * a backup of it, in the same directory and at the same address. A new process does it, so that nothing of
 * the old role is left in it; this one lends it its terminal and its exit status.
 */

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { HvError } from '../base/errors.ts';
import { builtPath } from '../host/engine-parts.ts';
import type { SecurityOptions } from '../host/tls.ts';
import type { BackupOutcome, PrimaryOutcome } from '../replica/hooks.ts';
import { keyArguments } from './key-arguments.ts';
import { say } from './print.ts';
import { securityArguments } from './security-options.ts';
import { closeOwnStatus } from './status-report.ts';

const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Rejoin {
  /** As bound: the new process listens where this one did. */
  readonly address: string;
  readonly dir: string;
  readonly vm: string;
  readonly arbiter: string;
  readonly security: SecurityOptions;
  readonly eventsFd: number | undefined;
  readonly verbose: boolean;
  /** More of the command line, such as what kind of backup it is. */
  readonly also: readonly string[];
}

/** Whether there is somebody to follow: a fenced primary may not know who won, but the arbiter does. */
export function mayRejoin(
  outcome: PrimaryOutcome | BackupOutcome | undefined,
  error: HvError | undefined,
): boolean {
  if (error !== undefined) return error.code === 'HV_E_FENCED';
  return outcome?.type === 'handedOver' || outcome?.type === 'fenced';
}

/** Never returns; the process ends as the new one does. */
export function rejoin(given: Rejoin): void {
  const { address, dir, vm, arbiter, security, eventsFd, verbose, also } = given;
  closeOwnStatus();
  say(`going on as a backup at ${address}`);
  const child = spawn(
    process.execPath,
    [
      ...[
        builtPath('bin/main.js'),
        'backup',
        '--listen',
        address,
        '--dir',
        dir,
        '--rejoin',
        vm,
        '--arbiter',
        arbiter,
      ],
      '--arbiter-colocated',
      ...securityArguments(security),
      ...keyArguments(),
      ...(eventsFd === undefined ? [] : ['--events-fd', String(eventsFd)]),
      ...(verbose ? ['--verbose'] : []),
      ...also,
    ],
    { stdio: stdioWith(eventsFd) },
  );
  for (const name of PASSED_ON) {
    process.removeAllListeners(name);
    // A terminal tells the whole group; what is sent to this process alone is passed on.
    process.on(name, () => child.kill(name));
  }
  child.once('error', (error) => {
    say(`no backup could be started here: ${error.message}`);
    process.exit(1);
  });
  child.once('exit', (code, signal) =>
    process.exit(code ?? 128 + (constants.signals[signal ?? 'SIGKILL'] ?? 0)),
  );
}

function stdioWith(eventsFd: number | undefined): ('inherit' | 'ignore')[] {
  const count = Math.max(3, (eventsFd ?? 0) + 1);
  return Array.from({ length: count }, (_, fd) =>
    fd < 3 || fd === eventsFd ? 'inherit' : 'ignore',
  );
}
