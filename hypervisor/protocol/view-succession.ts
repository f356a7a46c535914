/**
 * Who takes over from a dead primary. Only who is named in the view in force and says in its last ping
 * that it holds the state of that very view.
 *
 * Where an output leaves once all backups have it, each of them will do, and the configured priority
 * chooses. Where any k of n are enough, only n - k + 1 backups that acknowledge nothing more show where
 * the log ends: one of them has every output that left, and who has most of the log has them all.
 */

import type { ReplicaId, View } from './messages.ts';
import type { KnownReplica } from './view-replicas.ts';

export type Verdict =
  | { readonly type: 'promote'; readonly replica: ReplicaId }
  | { readonly type: 'none'; readonly reason: string };

export interface Members {
  find(name: ReplicaId): KnownReplica | undefined;
  alive(name: ReplicaId): boolean;
  /** Backups that had to have an output's cause before it left; 1 where nobody has said. */
  readonly needs: number;
  /** What if the primary died now: then its backups would hear it no more. */
  readonly asIfGone: boolean;
}

/** Whether the view may move away from a primary in this state. */
export function mayMove(primary: 'alive' | 'dead' | 'restarted' | 'unheard'): boolean {
  return primary === 'dead' || primary === 'restarted';
}

export function successor(view: View, members: Members): Verdict {
  const { needs, asIfGone } = members;
  if (view.backups.length === 0) return none('the view has no backup');
  const alive = view.backups.flatMap((name) => {
    const one = members.find(name);
    return one !== undefined && members.alive(name) ? [one] : [];
  });
  if (alive.length === 0) return none('no backup of the view pings');
  const hears = alive.find(({ last }) => last.primaryLink === 'up');
  if (!asIfGone && hears !== undefined)
    return none(`${hears.last.replica} still hears the primary`);
  const synced = alive.filter(({ last }) => last.synced && last.epoch === view.epoch);
  if (synced.length === 0)
    return none(`no backup says that it holds the state of epoch ${view.epoch}`);
  const total = view.backups.length;
  if (needs >= total) return best(synced, (one) => one.last.priority, lsnOf);
  const settled = synced.filter(({ last }) => asIfGone || last.primaryLink === 'down');
  const enough = Math.min(total, total - needs + 1);
  if (settled.length < enough)
    // What left before the primary died is on `needs` backups, but nobody knows on which.
    return none(
      `an output needed ${needs} of ${total} backups, so ${enough} that have left the primary must ping, and ${settled.length} do`,
    );
  const most = Math.max(...settled.map(lsnOf));
  const verdict = best(
    settled.filter((one) => lsnOf(one) === most),
    lsnOf,
    (one) => one.last.priority,
  );
  return verdict.type === 'none' ? none(`who has most of the log may not be promoted`) : verdict;
}

function best(
  some: readonly KnownReplica[],
  first: (one: KnownReplica) => number,
  second: (one: KnownReplica) => number,
): Verdict {
  const able = some.filter(({ last }) => last.priority > 0 && !last.hidden);
  able.sort(
    (a, b) =>
      first(b) - first(a) || second(b) - second(a) || (a.last.replica < b.last.replica ? -1 : 1),
  );
  const chosen = able[0];
  if (chosen === undefined) return none('the backups that hold the state are never promoted');
  return { type: 'promote', replica: chosen.last.replica };
}

function lsnOf(one: KnownReplica): number {
  return one.last.lsn;
}

function none(reason: string): Verdict {
  return { type: 'none', reason };
}
