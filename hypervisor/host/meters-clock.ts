/**
 * Brings the times in a thread's meters onto a clock that all threads share: `performance.now()`, which
 * the meters' hooks are called with, begins anew in every thread.
 */

import type { Meters } from '../replica/meters.ts';

/** Call in the thread whose HostClock the hooks are called with, before anything is counted. */
export function startMeters(meters: Meters): Meters {
  meters.setOrigin(processMs() - performance.now());
  return meters;
}

/** Now, in any thread, by the clock of whoever writes these meters; milliseconds. */
export function metersNow(meters: Meters): number {
  return processMs() - meters.figure('origin');
}

function processMs(): number {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1_000 + nanos / 1_000_000;
}
