/**
 * CPU time of another process, from /proc (Linux). Wall-clock ratios of a protected pair on one
 * machine mix what protection costs with the backup's own work on the same cores; CPU time of each
 * process does not.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Length of a tick of utime and stime: USER_HZ is 100 in every Linux ABI that Node runs on. */
const TICK_MICROS = 10_000;
/** Fields of /proc/<pid>/stat behind the name, counted from the state (proc(5), fields 14 and 15). */
const UTIME = 11;
const STIME = 12;

/** User and system time in microseconds from the text of /proc/<pid>/stat. */
export function parseStat(text: string): number {
  // The name is in parentheses and may hold spaces and parentheses itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[UTIME]) + Number(fields[STIME]);
  if (!Number.isFinite(ticks)) throw new Error('this is no /proc/<pid>/stat');
  return ticks * TICK_MICROS;
}

/** Microseconds on a core from the text of /proc/<pid>/task/<tid>/schedstat. */
export function parseSchedstat(text: string): number {
  const nanos = Number(text.split(' ')[0]);
  if (text === '' || !Number.isFinite(nanos)) throw new Error('this is no schedstat');
  return nanos / 1000;
}

/**
 * CPU time of a process and its living threads so far, in microseconds. The scheduler's own count,
 * where the kernel has one: the ticks of /proc/<pid>/stat are 10 ms, 2 % of a slice of half a second.
 * Throws when the process is gone.
 */
export function cpuMicros(pid: number): number {
  const home = `/proc/${pid}`;
  if (!existsSync(`${home}/schedstat`)) return parseStat(readFileSync(`${home}/stat`, 'utf8'));
  let sum = 0;
  for (const thread of readdirSync(`${home}/task`)) {
    sum += parseSchedstat(readFileSync(`${home}/task/${thread}/schedstat`, 'utf8'));
  }
  return sum;
}

const LOOK_MS = 50;
/** Share of one core below which a process counts as calm: heartbeats and timers take less. */
const CALM_SHARE = 0.25;

/**
 * Resolves with the milliseconds until `pid` no longer works off a backlog, looking every 50 ms.
 * Rejects after `timeoutMs`. `cpuOf`: microseconds a process has computed so far.
 */
export async function untilCalm(
  pid: number,
  timeoutMs: number,
  cpuOf: (pid: number) => number = cpuMicros,
): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    const [before, at] = [cpuOf(pid), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const waited = performance.now() - startedAt;
    const share = (cpuOf(pid) - before) / 1000 / (performance.now() - at);
    // The last look only found that it was calm already.
    if (share < CALM_SHARE) return Math.max(0, waited - LOOK_MS);
    if (waited > timeoutMs) throw new Error(`process ${pid} is still busy after ${timeoutMs} ms`);
  }
}
