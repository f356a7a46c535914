/**
 * Whether the arbiter answers, as the replica's own questions to it have shown: nobody else asks it, so
 * an observer costs it nothing. The answer decides nothing, it is only told.
 */

import { shownUrl } from './server-urls.ts';
import type { ArbiterFigures } from './watched-arbiter.ts';

export interface ArbiterState {
  /** Without a password. */
  readonly url: string;
  readonly up: boolean;
  /** Of the last answer, in milliseconds; undefined: it does not answer. */
  readonly roundTripMs: number | undefined;
  /** Why it is not up. */
  readonly reason: string | undefined;
}

/** Of the arbiter at `url`, by what `figures` say: see `WatchedArbiter`. */
export function arbiterState(url: string, figures: ArbiterFigures): ArbiterState {
  const { rttMs, unreachableMs, reason } = figures;
  const known = { url: shownUrl(url), roundTripMs: undefined };
  if (unreachableMs !== undefined) return { ...known, up: false, reason };
  if (rttMs === undefined) return { ...known, up: false, reason: 'it was not asked yet' };
  return { ...known, up: true, roundTripMs: rttMs, reason: undefined };
}
