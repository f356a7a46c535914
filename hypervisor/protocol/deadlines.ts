/** Times by which something has to happen. */

import type { Millis } from '../../log-format/index.ts';

/** The first of several deadlines; undefined if nothing is awaited. */
export function earliest(...times: readonly (Millis | undefined)[]): Millis | undefined {
  // Asked after every step of a core: nothing is made for it.
  let first: Millis | undefined;
  for (const time of times) first = earlier(first, time);
  return first;
}

export function earlier(one: Millis | undefined, other: Millis | undefined): Millis | undefined {
  if (one === undefined) return other;
  return other === undefined || one <= other ? one : other;
}
