/** What `hv status` prints of a process of `hv backup`, whichever role it has by now. */

import type { LogHeader } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import type { Hello } from '../protocol/backup-events.ts';
import type { BackupReplica } from '../replica/backup.ts';
import type { MemberKind } from './backup-options.ts';
import { checkpointLsns } from './checkpoint-files.ts';
import { readLogHeader } from './log-reader.ts';
import type { FollowerFigures } from './relay.ts';
import type { RemoteMachine } from './remote-machine.ts';
import { commonStatus } from './status.ts';
import type { Supervisor } from './supervisor.ts';
import type { ArbiterFigures } from './watched-arbiter.ts';

export interface BackupFacts {
  readonly name: string;
  readonly replica: Pick<BackupReplica, 'core' | 'lsnReplayed'>;
  /** What it was started as. */
  readonly member: MemberKind;
  /** Of the primary it follows, or followed last. */
  readonly hello: Hello | undefined;
  /** Undefined: nothing runs. */
  readonly machine: RemoteMachine | undefined;
  /** Set once it is primary. */
  readonly supervisor: Supervisor | undefined;
  /** Directory of the copy; undefined: there is none. */
  readonly logDir: string | undefined;
  readonly arbiter: ArbiterFigures | undefined;
  readonly links: object;
  readonly followers: readonly FollowerFigures[];
}

/** What kind of backup this is, as docs/backups.md calls it: `hot`, or what it was told to be. */
export function kindOf({ delay, chained, hidden, cold, warm }: MemberKind): string {
  const kinds: string[] = [];
  if (delay > 0) kinds.push('delayed');
  if (chained) kinds.push('chained');
  if (hidden && kinds.length === 0) kinds.push('hidden');
  if (cold && delay === 0) kinds.push(warm ? 'warm' : 'cold');
  return kinds.join(', ') || 'hot';
}

export function backupStatus(facts: BackupFacts, done: (status: object) => void): void {
  const { name, replica, machine, supervisor, logDir, arbiter, links, followers, member } = facts;
  const { core, lsnReplayed } = replica;
  const kind = kindOf(member);
  const { phase, epoch, synced, lsnReceived } = core;
  // A cold copy has nothing to be behind with: what it would replay is known when it is promoted.
  const { cold } = member;
  const lag = cold ? 0 : lsnReceived - lsnReplayed;
  const delayMs = member.delay / 1000;
  const lsnSnapshot = cold ? newestSnapshot(logDir, lsnReceived) : undefined;
  const copy = {
    kind,
    // By design never in a view: nobody waits for it, and it takes over by force only.
    counts: !member.hidden,
    follows: facts.hello?.primary,
    rule: facts.hello?.rule,
    phase,
    cold,
    lsnSnapshot,
    toReplay: cold ? lsnReceived - (lsnSnapshot ?? 0) : lag,
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
      done({ name, role: 'backup', pid: process.pid, phase, kind, links });
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

/** Where a promotion of a copy that runs nothing would begin; undefined: at the beginning. */
function newestSnapshot(dir: string | undefined, lsnReceived: number): number | undefined {
  if (dir === undefined) return undefined;
  try {
    return checkpointLsns(dir).find((lsn) => lsn <= lsnReceived);
  } catch (error) {
    // The copy is being moved aside, or made anew.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
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
