/**
 * What becomes of a primary that is not one any more: the guest runs elsewhere, and this process goes on as
 * a backup of it, in the same directory and at the same address. A new process does it, so that nothing of
 * the old role is left in it; this one lends it its terminal and its exit status.
 */

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { EXIT } from '../base/errors.ts';
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
  /** Of the guest: names the new process's sockets, as those of a primary. */
  readonly name: string;
  readonly vm: string;
  readonly arbiter: string;
  readonly security: SecurityOptions;
  readonly eventsFd: number | undefined;
  readonly verbose: boolean;
  /** This process was started by one that came back, and that one starts the next. */
  readonly isSuccessor: boolean;
  /** More of the command line, such as what kind of backup it is. */
  readonly also: readonly string[];
}

/** Whether there is somebody to follow: a fenced primary may not know who won, but the arbiter does. */
export function mayRejoin(outcome: PrimaryOutcome | BackupOutcome | undefined): boolean {
  return outcome?.type === 'handedOver' || outcome?.type === 'fenced';
}

/** What a process started here says when it was primary in between and is to be a backup once more. */
const AGAIN = 'again';

/**
 * Never returns. The process ends as the new one does, and begins another when that was primary and is not
 * any more: however often the guest goes to and fro, there are two processes.
 */
export function rejoin(given: Rejoin): void {
  if (given.isSuccessor) {
    process.send?.(AGAIN, undefined, undefined, () => process.exit(EXIT.ok));
    return;
  }
  closeOwnStatus();
  for (const name of PASSED_ON) process.removeAllListeners(name);
  start(given);
}

function start(given: Rejoin): void {
  say(`going on as a backup at ${given.address}`);
  const child = spawn(
    process.execPath,
    [builtPath('bin/main.js'), 'backup', ...argumentsOf(given)],
    {
      stdio: stdioWith(given.eventsFd),
    },
  );
  // A terminal tells the whole group; what is sent to this process alone is passed on.
  const passers = PASSED_ON.map((name) => [name, () => child.kill(name)] as const);
  for (const [name, pass] of passers) process.on(name, pass);
  let again = false;
  child.on('message', (word) => {
    again ||= word === AGAIN;
  });
  child.once('error', (error) => {
    say(`no backup could be started here: ${error.message}`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => {
    if (!again) process.exit(code ?? 128 + (constants.signals[signal ?? 'SIGKILL'] ?? 0));
    for (const [name, pass] of passers) process.removeListener(name, pass);
    start(given);
  });
}

function argumentsOf(given: Rejoin): readonly string[] {
  const { address, dir, name, vm, arbiter, security, eventsFd, verbose, also } = given;
  return [
    ...['--listen', address, '--dir', dir, '--as', name, '--seek', vm, '--arbiter', arbiter],
    // Whoever started this one allowed it, or it is not.
    '--arbiter-colocated',
    ...securityArguments(security),
    ...keyArguments(),
    ...(eventsFd === undefined ? [] : ['--events-fd', String(eventsFd)]),
    ...(verbose ? ['--verbose'] : []),
    ...also,
  ];
}

/** A process that runs in the place of another one ends with it: whoever kills that one means this replica. */
export function endWithParent(): void {
  process.once('disconnect', () => process.exit(EXIT.failed));
  // It may have gone while this one was starting.
  if (process.connected === false) process.exit(EXIT.failed);
}

/** Our own descriptors, and a channel behind them: on it the new process speaks, and hears our end. */
function stdioWith(eventsFd: number | undefined): ('inherit' | 'ignore' | 'ipc')[] {
  const count = Math.max(3, (eventsFd ?? 0) + 1);
  const own = Array.from({ length: count }, (_, fd) =>
    fd < 3 || fd === eventsFd ? ('inherit' as const) : ('ignore' as const),
  );
  return [...own, 'ipc'];
}
