/** What would happen if the primary died now. Told to people and programs; decides nothing. */

import { REPLAY_RECORDS_PER_SECOND } from '../base/limits.ts';

export type Forecast =
  | {
      readonly possible: true;
      /** Who holds most of the log, and of these who has replayed most. */
      readonly winner: string;
      /** Records it would have to replay first, and how long that takes it. */
      readonly records: number;
      readonly replayMs: number;
      /** It runs nothing yet: a machine has to be started before, in which `replayMs` has no part. */
      readonly starts?: boolean;
      /** Silence until the primary is suspected, if it does not close its links; undefined: unknown. */
      readonly detectMs: number | undefined;
    }
  /** `unknown`: it may be possible all the same. `forced`: not by itself, and an operator can. */
  | {
      readonly possible: false;
      readonly why: string;
      readonly how?: 'unknown' | 'forced';
    };

export interface ForecastBackup {
  readonly peer: string;
  readonly state: string;
  readonly lsnAcked: number;
  readonly lsnReplayed: number;
  readonly cold?: boolean;
  /** By design in no view. */
  readonly hidden?: boolean;
}

export interface ForecastArbiter {
  /** Undefined: it was not asked yet. */
  readonly up: boolean | undefined;
  readonly reason: string | undefined;
}

/** As the primary sees it. `arbiter` undefined: there is none, so nobody may take over. */
export function forecastOfPrimary(given: {
  readonly live: boolean;
  readonly viewBackups: readonly string[];
  readonly backups: readonly ForecastBackup[];
  readonly lsnAppended: number;
  readonly arbiter: ForecastArbiter | undefined;
  readonly detectMs: number | undefined;
  /** All the backups of the view have what has left: the first of them claims, whatever else it has. */
  readonly byRank: boolean;
}): Forecast {
  const { backups, arbiter, viewBackups, detectMs } = given;
  if (!given.live) return no('this primary is not live yet');
  if (arbiter === undefined) return no('no arbiter: nobody decides who goes on');
  if (viewBackups.length === 0) {
    const joining = backups.find(({ hidden }) => hidden !== true);
    if (joining !== undefined)
      return no(`the backup ${joining.peer} is not in the view yet (${joining.state})`);
    const [never] = backups;
    return no(
      never === undefined
        ? 'no backup is in the view'
        : `no backup is in the view, and ${never.peer} by design never is`,
    );
  }
  if (!arbiter.up) return away(arbiter);
  const able = backups.filter(({ peer, state }) => viewBackups.includes(peer) && state !== 'lost');
  const rank = ({ peer }: ForecastBackup): number => viewBackups.indexOf(peer);
  const [winner] = able.toSorted((a, b) =>
    given.byRank
      ? rank(a) - rank(b)
      : b.lsnAcked - a.lsnAcked || b.lsnReplayed - a.lsnReplayed || rank(a) - rank(b),
  );
  if (winner === undefined) return no('every backup of the view is lost');
  const records = Math.max(0, given.lsnAppended - winner.lsnReplayed);
  const replayMs = (records / REPLAY_RECORDS_PER_SECOND) * 1000;
  const starts = winner.cold === true;
  return { possible: true, winner: winner.peer, records, replayMs, starts, detectMs };
}

/** As a backup sees itself. `replayRate`: records a second as measured here; 0: nothing measured. */
export function forecastOfBackup(given: {
  readonly synced: boolean;
  readonly phase: string;
  /** False: by design (`kind`) it is never in a view. */
  readonly counts: boolean;
  readonly kind: string;
  readonly cold: boolean;
  /** Records a promotion would replay: all of the log, where none were replayed and there is no snapshot. */
  readonly lag: number;
  readonly replayRate: number;
  readonly arbiter: ForecastArbiter | undefined;
  readonly detectMs: number | undefined;
}): Forecast {
  const { arbiter, lag, replayRate, detectMs } = given;
  if (!given.counts) {
    const why = `this backup never takes over by itself (${given.kind}); hv promote --force makes it primary`;
    return { possible: false, why, how: 'forced' };
  }
  if (!given.synced) return no(`this backup is not in the view yet (${given.phase})`);
  if (arbiter === undefined) return no('no arbiter: nobody decides who goes on');
  if (!arbiter.up) return away(arbiter);
  const rate = replayRate > 0 ? replayRate : REPLAY_RECORDS_PER_SECOND;
  const replayMs = (lag / rate) * 1000;
  const starts = given.cold;
  return { possible: true, winner: 'this backup', records: lag, replayMs, starts, detectMs };
}

function away({ up, reason }: ForecastArbiter): Forecast {
  if (up === undefined)
    return { possible: false, why: 'the arbiter was not asked yet', how: 'unknown' };
  return no(`the arbiter does not answer: ${reason ?? 'no reason given'}`);
}

function no(why: string): Forecast {
  return { possible: false, why };
}
