/** What `hv status` prints of a process of `hv backup`, whichever role it has by now. */

import type { LogHeader } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import type { BackupReplica } from '../replica/backup.ts';
import { readLogHeader } from './log-reader.ts';
import type { FollowerFigures } from './relay.ts';
import type { RemoteMachine } from './remote-machine.ts';
import { commonStatus } from './status.ts';
import type { Supervisor } from './supervisor.ts';
import type { ArbiterFigures } from './watched-arbiter.ts';

export interface BackupFacts {
  readonly name: string;
  readonly replica: Pick<BackupReplica, 'core' | 'lsnReplayed'>;
  /** Undefined: nothing runs. */
  readonly machine: RemoteMachine | undefined;
  /** Set once it is primary. */
  readonly supervisor: Supervisor | undefined;
  /** Directory of the copy; undefined: there is none. */
  readonly logDir: string | undefined;
  readonly arbiter: ArbiterFigures | undefined;
  readonly links: object;
  readonly followers: readonly FollowerFigures[];
  /** Microseconds; 0: none. */
  readonly delay: number;
}

export function backupStatus(facts: BackupFacts, done: (status: object) => void): void {
  const { name, replica, machine, supervisor, logDir, arbiter, links, followers } = facts;
  const { core, lsnReplayed } = replica;
  const { phase, epoch, synced, lsnReceived } = core;
  // A cold copy has nothing to be behind with: what it would replay is known when it is promoted.
  const cold = machine === undefined;
  const lag = cold ? 0 : lsnReceived - lsnReplayed;
  const delayMs = facts.delay / 1000;
  const copy = {
    phase,
    cold,
    epoch,
    synced,
    lsnReceived,
    lsnReplayed,
    lag,
    arbiter,
    followers,
    delayMs,
  };
  const alive = supervisor ?? machine;
  if (alive === undefined || machine === undefined) {
    const header = logDir === undefined || lsnReceived === 0 ? undefined : headerIn(logDir);
    if (header === undefined) {
      done({ name, role: 'backup', pid: process.pid, phase, links });
      return;
    }
    const hang = { limitMs: Infinity, turn: 0, busyMs: 0, silentMs: 0 };
    const common = commonStatus({ role: 'backup', header, logDir, hang, worker: undefined });
    done({ ...common, replication: copy, links });
    return;
  }
  const role = supervisor === undefined ? 'backup' : 'primary';
  alive.status((hang, worker) =>
    done({
      ...commonStatus({ role, header: machine.header, logDir, hang, worker }),
      replication: role === 'primary' ? (worker?.primary ?? null) : copy,
      links,
    }),
  );
}

/** Whoever asks is answered, too, where the files of the copy were deleted. */
function headerIn(dir: string): LogHeader | undefined {
  try {
    return readLogHeader(dir);
  } catch (error) {
    if (error instanceof HvError) return undefined;
    throw error;
  }
}
