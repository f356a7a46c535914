/** How `hv status` and `hv top` say things. Pure: fields of a status in, words out. */

import { grouped } from '../timeline/record-words.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
}

export function text(value: unknown): string {
  return value === undefined || value === null ? '?' : String(value);
}

export function count(value: unknown): string {
  return typeof value === 'number' ? grouped(Math.round(value)) : '?';
}

export function seconds(ms: unknown): string {
  return typeof ms === 'number' ? `${(ms / 1000).toFixed(1)} s` : '?';
}

export function mebibytes(bytes: unknown): string {
  return typeof bytes === 'number' ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : '?';
}

/** Milliseconds with as many digits as mean something: `0.12 ms`, `4.1 ms`, `310 ms`. */
export function millis(ms: unknown): string {
  return typeof ms === 'number' ? `${digits(ms)} ms` : '?';
}

function digits(ms: number): string {
  if (ms < 1) return ms.toFixed(2);
  return ms < 10 ? ms.toFixed(1) : ms.toFixed(0);
}

/** A time that people think of in larger units: `41 s`, `12 min`, `5 h`, `3 d`. */
export function duration(ms: unknown): string {
  if (typeof ms !== 'number') return '?';
  const s = Math.floor(ms / 1000);
  if (s < 120) return `${s} s`;
  if (s < 7_200) return `${Math.floor(s / 60)} min`;
  return s < 172_800 ? `${Math.floor(s / 3_600)} h` : `${Math.floor(s / 86_400)} d`;
}

/** `PROTECTED for 41 s (since …)`, and which backup was lost. */
export function protectionWords(status: Fields): string | undefined {
  const protection = fieldsOf(status.protection);
  if (protection === undefined) return undefined;
  const since = `for ${duration(protection.forMs)} (since ${text(protection.since)})`;
  const word = protection.protected === true ? 'PROTECTED' : 'UNPROTECTED';
  const lost = Array.isArray(protection.lost) ? (protection.lost as readonly Fields[]) : [];
  const newest = lost.at(-1);
  if (newest === undefined) return `${word} ${since}`;
  return `${word} ${since}; ${text(newest.peer)} was lost: ${text(newest.reason)}`;
}

/** What would happen if the primary died now. */
export function failoverWords(status: Fields): string | undefined {
  const forecast = fieldsOf(status.failover);
  if (forecast === undefined) return undefined;
  if (forecast.possible !== true) return `IMPOSSIBLE now: ${text(forecast.why)}`;
  const { winner, records, replayMs, detectMs } = forecast;
  const work =
    records === 0
      ? 'with nothing left to replay'
      : `after replaying ${records === 1 ? '1 record' : `${count(records)} records`} (some ${millis(replayMs)})`;
  const detect =
    typeof detectMs === 'number'
      ? `, at once if its link closes, after ${millis(detectMs)} of silence otherwise`
      : '';
  return `possible now: ${text(winner)} would take over ${work}${detect}`;
}

/** RPO: what a kill now would lose. RTO: as the last failover here took, if there was one. */
export function lossWords(status: Fields): string | undefined {
  const protection = fieldsOf(status.protection);
  if (protection === undefined) return undefined;
  const rpo =
    protection.protected === true
      ? 'RPO 0: no output leaves before a backup has its cause'
      : "RPO: this replica's log is the only one";
  return `${rpo}; ${recoveryWords(status.lastFailover)}`;
}

/** Of what has made this replica primary, and of nothing else. */
function recoveryWords(value: unknown): string {
  const last = fieldsOf(value);
  const times = fieldsOf(last?.times);
  if (times === undefined) return 'RTO not measured: no failover has made this replica primary';
  const took = Object.values(times).filter((ms) => typeof ms === 'number');
  const total = took.reduce((sum, ms) => sum + ms, 0);
  const parts = Object.entries(times)
    .map(([phase, ms]) => `${PHASE_WORDS[phase] ?? phase} ${millis(ms)}`)
    .join(', ');
  switch (last?.cause) {
    case 'switchover':
      return `RTO of a failover not measured: a switchover made this replica primary, ${millis(total)} after the handover (${parts})`;
    case 'forced':
      return `RTO of a failover not measured: hv promote --force made this replica primary, ${millis(total)} after the word (${parts})`;
    default:
      return `RTO ${millis(total)} at the last failover (${text(last?.cause)}: ${parts})`;
  }
}

const PHASE_WORDS: Readonly<Record<string, string>> = {
  detect: 'detect',
  claim: 'claim',
  tail: 'tail',
  live: 'live',
  firstOutput: 'first output',
};

/** Undefined where nothing was measured: a primary without a backup waits for no ack. */
export function latencyWords(status: Fields): string | undefined {
  const latency = fieldsOf(status.latency);
  if (typeof latency?.ackP50Ms !== 'number') return undefined;
  const { ackP50Ms, ackP99Ms, holdP50Ms, holdP99Ms } = latency;
  return `ack p50 ${millis(ackP50Ms)}, p99 ${millis(ackP99Ms)}; outputs held p50 ${millis(holdP50Ms)}, p99 ${millis(holdP99Ms)} (since the start)`;
}

/** `in step`, or by how much this replica (a primary: its slowest backup) is behind. */
export function lagWords(status: Fields): string | undefined {
  const lag = fieldsOf(status.lag);
  if (lag === undefined) return undefined;
  return lag.ms === 0 && lag.bytes === 0
    ? 'none'
    : `${millis(lag.ms)}, ${count(lag.bytes)} bytes of log`;
}
