/** Times by which something has to happen. */

import { asMillis, type Millis } from '../../log-format/index.ts';

/** The first of several deadlines; undefined if nothing is awaited. */
export function earliest(...times: readonly (Millis | undefined)[]): Millis | undefined {
  const first = Math.min(...times.map((time) => time ?? Infinity));
  return first === Infinity ? undefined : asMillis(first);
}
