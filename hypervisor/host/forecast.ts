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
      /** Silence until the primary is suspected, if it does not close its links; undefined: unknown. */
      readonly detectMs: number | undefined;
    }
  | { readonly possible: false; readonly why: string };

export interface ForecastBackup {
  readonly peer: string;
  readonly state: string;
  readonly lsnAcked: number;
  readonly lsnReplayed: number;
}

export interface ForecastArbiter {
  readonly up: boolean;
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
}): Forecast {
  const { backups, arbiter, viewBackups, detectMs } = given;
  if (!given.live) return no('this primary is not live yet');
  if (arbiter === undefined) return no('no arbiter: nobody decides who goes on');
  if (viewBackups.length === 0) {
    const [joining] = backups;
    return no(
      joining === undefined
        ? 'no backup is in the view'
        : `the backup ${joining.peer} is not in the view yet (${joining.state})`,
    );
  }
  if (!arbiter.up) return no(`the arbiter does not answer: ${arbiter.reason ?? 'no reason given'}`);
  const able = backups.filter(({ peer, state }) => viewBackups.includes(peer) && state !== 'lost');
  const [winner] = able.toSorted(
    (a, b) => b.lsnAcked - a.lsnAcked || b.lsnReplayed - a.lsnReplayed,
  );
  if (winner === undefined) return no('every backup of the view is lost');
  const records = Math.max(0, given.lsnAppended - winner.lsnReplayed);
  const replayMs = (records / REPLAY_RECORDS_PER_SECOND) * 1000;
  return { possible: true, winner: winner.peer, records, replayMs, detectMs };
}

/** As a backup sees itself. `replayRate`: records a second as measured here; 0: nothing measured. */
export function forecastOfBackup(given: {
  readonly synced: boolean;
  readonly phase: string;
  readonly lag: number;
  readonly replayRate: number;
  readonly arbiter: ForecastArbiter | undefined;
  readonly detectMs: number | undefined;
}): Forecast {
  const { arbiter, lag, replayRate, detectMs } = given;
  if (!given.synced) return no(`this backup is not in the view yet (${given.phase})`);
  if (arbiter === undefined) return no('no arbiter: nobody decides who goes on');
  if (!arbiter.up) return no(`the arbiter does not answer: ${arbiter.reason ?? 'no reason given'}`);
  const rate = replayRate > 0 ? replayRate : REPLAY_RECORDS_PER_SECOND;
  const replayMs = (lag / rate) * 1000;
  return { possible: true, winner: 'this backup', records: lag, replayMs, detectMs };
}

function no(why: string): Forecast {
  return { possible: false, why };
}
