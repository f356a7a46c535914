/** `hv top`: every replica of this machine, one row each, drawn again as they go on. */

import { HvError } from '../base/errors.ts';
import { WATCH_MS } from '../base/limits.ts';
import { isDirectory } from '../host/directories.ts';
import { data, say } from './print.ts';
import { watchScreen } from './screen.ts';
import { askAll, noneBelow } from './status-report.ts';
import {
  count,
  duration,
  type Fields,
  failoverWords,
  fieldsOf,
  mebibytes,
  millis,
  text,
} from './status-text.ts';

/** What is counted up in a status, to be divided by the time between two of them. */
export interface TopSample {
  readonly status: Fields;
  /** Monotonic, in milliseconds. */
  readonly at: number;
}

export interface TopRow {
  readonly name: string;
  readonly pid: number;
  readonly role: string;
  readonly epoch: number | null;
  readonly state: string;
  readonly stateForMs: number | null;
  readonly lagMs: number | null;
  readonly lagRecords: number | null;
  readonly acksPerSecond: number | null;
  readonly ackP50Ms: number | null;
  readonly ackP99Ms: number | null;
  readonly held: number | null;
  readonly ticksPerSecond: number | null;
  readonly heapBytes: number | null;
  readonly logBytesPerSecond: number | null;
  readonly arbiter: string;
  readonly failover: string;
}

/** Throws HV_E_USAGE when there is no such directory: a replica would have made it. */
export async function showTop(options: {
  readonly dir: string;
  readonly once: boolean;
  readonly json: boolean;
}): Promise<void> {
  const { dir } = options;
  if (!isDirectory(dir)) throw new HvError('HV_E_USAGE', noneBelow('no replica', dir));
  let before: readonly TopSample[] = [];
  const look = async (): Promise<readonly TopRow[]> => {
    const found = await askAll({ name: undefined, dir });
    const now = found.map((status) => ({ status, at: performance.now() }));
    const rows = topRows(now, before);
    before = now;
    return rows;
  };
  if (process.stdout.isTTY && !options.once && !options.json) {
    const { stdin: input, stdout: output } = process;
    await watchScreen({ input, output }, async () => topLines(await look(), { dir, keys: true }));
    return;
  }
  // A rate needs two looks.
  await look();
  await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
  const rows = await look();
  if (options.json && rows.length === 0) say(noneBelow('no replica', dir));
  if (options.json) for (const row of rows) data(JSON.stringify(row));
  else data(topLines(rows, { dir, keys: false }).join('\n'));
}

/** One row per replica of `now`; rates where `before` has the same process. */
export function topRows(
  now: readonly TopSample[],
  before: readonly TopSample[],
): readonly TopRow[] {
  return now.map((sample) => {
    const { pid, role } = sample.status;
    const old = before.find(({ status }) => status.pid === pid && status.role === role);
    return rowOf(sample, old);
  });
}

function rowOf({ status, at }: TopSample, old: TopSample | undefined): TopRow {
  const replication = fieldsOf(status.replication);
  const protection = fieldsOf(status.protection);
  const latency = fieldsOf(status.latency);
  const totals = fieldsOf(status.totals);
  const totalsBefore = fieldsOf(old?.status.totals);
  const rate = (name: string): number | null => {
    const [from, to] = [numberOf(totalsBefore?.[name]), numberOf(totals?.[name])];
    if (from === null || to === null || old === undefined || at <= old.at) return null;
    return (Math.max(0, to - from) / (at - old.at)) * 1000;
  };
  const view = fieldsOf(replication?.view);
  const arbiter = fieldsOf(status.arbiter);
  const backups = Array.isArray(replication?.backups) ? replication.backups : [];
  const lags = backups.map((one) => numberOf(fieldsOf(one)?.lag) ?? 0);
  return {
    name: text(status.name),
    pid: numberOf(status.pid) ?? 0,
    role: text(status.role),
    epoch: numberOf(view?.epoch ?? replication?.epoch),
    state: stateOf(status, protection),
    stateForMs: numberOf(protection?.forMs),
    lagMs: numberOf(fieldsOf(status.lag)?.ms),
    lagRecords: numberOf(replication?.lag) ?? (lags.length === 0 ? null : Math.max(...lags)),
    acksPerSecond: status.role === 'primary' ? rate('acks') : null,
    ackP50Ms: numberOf(latency?.ackP50Ms),
    ackP99Ms: numberOf(latency?.ackP99Ms),
    held: status.role === 'primary' ? numberOf(fieldsOf(status.outputs)?.held) : null,
    ticksPerSecond: rate('ticks'),
    heapBytes: numberOf(fieldsOf(status.meter)?.bytes),
    logBytesPerSecond: rate('diskBytes'),
    arbiter:
      // One that was not asked yet is neither up nor down.
      arbiter?.up === undefined ? '-' : arbiter.up === true ? millis(arbiter.roundTripMs) : 'DOWN',
    failover: failoverWords(status) ?? '-',
  };
}

function stateOf(status: Fields, protection: Fields | undefined): string {
  if (status.vm === undefined) return 'waiting';
  if (fieldsOf(status.busy) !== undefined) return 'busy';
  if (status.role === 'primary')
    return protection?.protected === true ? 'protected' : 'UNPROTECTED';
  const { counts, phase, kind } = fieldsOf(status.replication) ?? {};
  if (counts === false) return text(kind);
  if (protection?.protected === true) return 'in the view';
  return phase === 'following' ? 'joining' : text(phase);
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

const COLUMNS: readonly (readonly [string, (row: TopRow) => string])[] = [
  ['VM', ({ name }) => name],
  ['PID', ({ pid }) => String(pid)],
  ['ROLE', ({ role }) => role],
  ['EPOCH', ({ epoch }) => shown(epoch, String)],
  ['STATE', ({ state }) => state],
  ['FOR', ({ stateForMs }) => shown(stateForMs, duration)],
  ['LAG', ({ lagRecords, lagMs }) => lagText(lagRecords, lagMs)],
  ['ACKS/S', ({ acksPerSecond }) => shown(acksPerSecond, count)],
  [
    'ACK P50/P99',
    ({ ackP50Ms, ackP99Ms }) => shown(ackP50Ms, (p50) => `${millis(p50)}/${millis(ackP99Ms)}`),
  ],
  ['HELD', ({ held }) => shown(held, count)],
  ['TICKS/S', ({ ticksPerSecond }) => shown(ticksPerSecond, count)],
  ['HEAP', ({ heapBytes }) => shown(heapBytes, mebibytes)],
  ['LOG/S', ({ logBytesPerSecond }) => shown(logBytesPerSecond, (bytes) => `${count(bytes)} B`)],
  ['ARBITER', ({ arbiter }) => arbiter],
];

function shown(value: number | null, words: (value: number) => string): string {
  return value === null ? '-' : words(value);
}

function lagText(records: number | null, ms: number | null): string {
  if (records === null) return '-';
  return ms === null || ms === 0 ? count(records) : `${count(records)} ${millis(ms)}`;
}

/** The table, and below it what a failover would do, guest by guest. */
export function topLines(
  rows: readonly TopRow[],
  { dir, keys }: { readonly dir: string; readonly keys: boolean },
): readonly string[] {
  const table = [
    COLUMNS.map(([head]) => head),
    ...rows.map((row) => COLUMNS.map(([, cell]) => cell(row))),
  ];
  const widths = COLUMNS.map((_column, index) =>
    Math.max(...table.map((line) => line[index]?.length ?? 0)),
  );
  const lines = table.map((line) =>
    line
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const primaries = rows.filter(({ role }) => role === 'primary');
  const failovers = primaries.map(({ name, failover }) => `  ${name}: failover ${failover}`);
  const empty = rows.length === 0 ? [`no replica runs below ${dir}`] : [];
  const foot = keys ? ['', `q quits; below ${dir}`] : [];
  return [...lines, ...empty, ...(failovers.length === 0 ? [] : ['', ...failovers]), ...foot];
}
