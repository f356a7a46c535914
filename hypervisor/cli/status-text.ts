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

/**
 * `PROTECTED for 41 s (since …)`, and which backup was lost. Of a backup also whom it follows; one that
 * is in no view says so, and whether that is by design: it cannot know whether others protect the guest.
 */
export function protectionWords(status: Fields): string | undefined {
  const protection = fieldsOf(status.protection);
  if (protection === undefined) return undefined;
  const copy = copyOf(status);
  if (copy !== undefined) {
    const follows = followWords(copy);
    if (copy.counts === false)
      return `by design in no view (${text(copy.kind)}): it is not counted as protection; ${follows}`;
    if (protection.protected !== true) return `NOT IN THE VIEW: nobody counts on it; ${follows}`;
    const since = `for ${duration(protection.forMs)} (since ${text(protection.since)})`;
    return `PROTECTED ${since}: in the view; ${follows}`;
  }
  const since = `for ${duration(protection.forMs)} (since ${text(protection.since)})`;
  const word = protection.protected === true ? 'PROTECTED' : 'UNPROTECTED';
  const lost = Array.isArray(protection.lost) ? (protection.lost as readonly Fields[]) : [];
  const newest = lost.at(-1);
  const whom =
    newest === undefined ? '' : `; ${text(newest.peer)} was lost: ${text(newest.reason)}`;
  const held =
    fieldsOf(status.replication)?.lacksBackups === true
      ? '; nothing leaves before there are enough backups (--on-backup-loss stop)'
      : '';
  return `${word} ${since}${whom}${held}`;
}

/** What a backup says of its copy; undefined: it is primary, or has none. */
function copyOf(status: Fields): Fields | undefined {
  const replication = fieldsOf(status.replication);
  return status.role === 'backup' && replication?.phase !== undefined ? replication : undefined;
}

/** Whom a backup follows, or what it does instead. */
function followWords({ phase, follows }: Fields): string {
  switch (phase) {
    case 'following':
      return `it follows ${text(follows)}`;
    case 'deciding':
      return `${text(follows)} is gone, and it finds out who goes on`;
    case 'parted':
      return 'it follows nobody, and keeps its copy until a primary dials';
    case 'diverged':
      return 'its replay differs: its machine is never promoted';
    default:
      return `it is ${text(phase)}`;
  }
}

/** What would happen if the primary died now. */
export function failoverWords(status: Fields): string | undefined {
  const forecast = fieldsOf(status.failover);
  if (forecast === undefined) return undefined;
  if (forecast.how === 'forced') return text(forecast.why);
  if (forecast.how === 'unknown') return `not known yet: ${text(forecast.why)}`;
  if (forecast.possible !== true) return `IMPOSSIBLE now: ${text(forecast.why)}`;
  const { winner, records, replayMs, detectMs } = forecast;
  const starts = forecast.starts === true ? 'starting a machine and ' : '';
  const work =
    records === 0 && starts === ''
      ? 'with nothing left to replay'
      : `after ${starts}replaying ${records === 1 ? '1 record' : `${count(records)} records`} (some ${millis(replayMs)})`;
  const detect =
    typeof detectMs === 'number'
      ? `, at once if its link closes, after ${millis(detectMs)} of silence otherwise`
      : '';
  return `possible now: ${text(winner)} would take over ${work}${detect}`;
}

/** RPO: what a kill now would lose. RTO of a primary: as the last failover here took, if there was one. */
export function lossWords(status: Fields): string | undefined {
  const protection = fieldsOf(status.protection);
  if (protection === undefined) return undefined;
  const copy = copyOf(status);
  const isProtected = protection.protected === true;
  if (copy !== undefined) return copyLossWords(copy, isProtected);
  const replication = fieldsOf(status.replication) ?? {};
  const alone =
    replication.lacksBackups === true
      ? "RPO 0: this replica's log is the only one, and nothing leaves"
      : "RPO: this replica's log is the only one";
  const rpo = isProtected ? viewLossWords(replication) : alone;
  return `${rpo}; ${recoveryWords(status.lastFailover)}`;
}

/** What is lost with the primary while there is a backup in the view. */
function viewLossWords({ rule }: Fields): string {
  return fieldsOf(rule)?.level === 'async'
    ? 'RPO: what is under way, for with --ack async no output waits for a backup'
    : 'RPO 0: no output leaves before a backup has its cause';
}

function copyLossWords(copy: Fields, isProtected: boolean): string {
  const behind = `what the primary has done behind lsn ${count(copy.lsnReceived)}`;
  if (copy.counts === false) {
    const back = Number(copy.delayMs) > 0 ? ', and what is taken back with it' : '';
    return `RPO of a promotion by force: ${behind}${back}`;
  }
  return isProtected ? viewLossWords(copy) : `RPO if only this copy were left: ${behind}`;
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
