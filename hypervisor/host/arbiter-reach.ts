/**
 * Whether the arbiter answers, as the replica's own questions to it have shown: nobody else asks it, so
 * an observer costs it nothing. The answer decides nothing, it is only told.
 */

import { shownUrl } from './server-urls.ts';
import type { ArbiterFigures } from './watched-arbiter.ts';

export interface ArbiterState {
  /** Without a password. */
  readonly url: string;
  /** Undefined: it was not asked yet. */
  readonly up: boolean | undefined;
  /** Of the last answer, in milliseconds; undefined: it does not answer. */
  readonly roundTripMs: number | undefined;
  /** Why it is down. */
  readonly reason: string | undefined;
}

/** Of the arbiter at `url`, by what `figures` say: see `WatchedArbiter`; undefined: nothing yet. */
export function arbiterState(url: string, figures: ArbiterFigures | undefined): ArbiterState {
  const { rttMs, unreachableMs, reason } = figures ?? {};
  const known = { url: shownUrl(url), roundTripMs: undefined };
  if (unreachableMs !== undefined) return { ...known, up: false, reason };
  if (rttMs === undefined) return { ...known, up: undefined, reason: undefined };
  return { ...known, up: true, roundTripMs: rttMs, reason: undefined };
}
