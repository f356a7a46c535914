/** `hv log stat`: where a log comes from and what its bytes are spent on. */

import { type Batch, type Micros, recordSizes } from '../../log-format/index.ts';
import { type LogVerdict, type OpenedLog, openLog } from '../host/log-reader.ts';
import { heapBytesMax } from '../machine/engine.ts';
import { counted, grouped, kindOf } from '../timeline/record-words.ts';
import { data } from './print.ts';

export interface KindStat {
  records: number;
  /** In the log, payload included. */
  bytes: number;
  payloadBytes: number;
}

export interface LogStat {
  readonly verdict: LogVerdict;
  readonly kinds: ReadonlyMap<string, KindStat>;
  /** Frame heads, epochs, lsns and base times of all batches. */
  readonly framingBytes: number;
  readonly epochs: readonly number[];
  /** From the log's start to the last record that has a time. */
  readonly durationMicros: number;
}

/** Reads all of the log. Throws HV_E_LOG_DAMAGED as the reader does. */
export function measureLog(log: OpenedLog): LogStat {
  const { startedAt } = log.header;
  const kinds = new Map<string, KindStat>();
  const epochs: number[] = [];
  let framingBytes = 0;
  let lastTime = startedAt;
  const batches = log.batches();
  for (;;) {
    const next = batches.next();
    if (next.done) {
      const durationMicros = lastTime - startedAt;
      return { verdict: next.value, kinds, framingBytes, epochs, durationMicros };
    }
    const { batch, frameBytes } = next.value;
    framingBytes += frameBytes - countBatch(batch, startedAt, kinds);
    lastTime = lastTimeOf(batch, lastTime);
    if (epochs.at(-1) !== batch.epoch) epochs.push(batch.epoch);
  }
}

/** Adds the records of a batch to `kinds`; returns their bytes. */
function countBatch(batch: Batch, startedAt: Micros, kinds: Map<string, KindStat>): number {
  let total = 0;
  const sizes = recordSizes(batch, startedAt);
  for (const [index, record] of batch.records.entries()) {
    const name = kindOf(record);
    const stat = kinds.get(name) ?? { records: 0, bytes: 0, payloadBytes: 0 };
    kinds.set(name, stat);
    const bytes = sizes[index] ?? 0;
    stat.records++;
    stat.bytes += bytes;
    if (record.type === 'interrupt') stat.payloadBytes += record.payload?.length ?? 0;
    total += bytes;
  }
  return total;
}

function lastTimeOf(batch: Batch, before: Micros): Micros {
  let last = before;
  for (const record of batch.records) {
    if ('time' in record && record.time > last) last = record.time;
  }
  return last;
}

export function statLog(path: string, options: { readonly json: boolean }): void {
  const log = openLog(path);
  const stat = measureLog(log);
  if (options.json) data(JSON.stringify(statJson(log, stat)));
  else data(statLines(log, stat).join('\n'));
}

function statJson(log: OpenedLog, stat: LogStat): Record<string, unknown> {
  const { end: _end, ...verdict } = stat.verdict;
  return {
    ...verdict,
    header: log.header,
    kinds: Object.fromEntries(stat.kinds),
    framingBytes: stat.framingBytes,
    beginningBytes: log.beginningBytes,
    bytesPerRecord: perRecord(stat),
    epochs: stat.epochs,
    durationMicros: stat.durationMicros,
  };
}

/** Without the header and the blobs, which do not grow. */
function recordBytes(stat: LogStat): number {
  let bytes = stat.framingBytes;
  for (const kind of stat.kinds.values()) bytes += kind.bytes;
  return bytes;
}

function perRecord(stat: LogStat): number {
  return stat.verdict.records === 0 ? 0 : recordBytes(stat) / stat.verdict.records;
}

function statLines(log: OpenedLog, stat: LogStat): string[] {
  const { header } = log;
  const { verdict } = stat;
  const row = (name: string, value: string): string => `${name.padEnd(12)} ${value}`;
  return [
    row('vm', `${header.vm} (${header.script})`),
    row('recorded', `${new Date(header.startedAt / 1000).toISOString()} by hv ${header.hvVersion}`),
    row(
      'format',
      `${header.formatVersion}, machine ${header.machineVersion}, ${header.ticksSemantics}`,
    ),
    row('engine', header.engineHash),
    row('helper', header.helperHash),
    row('firmware', header.firmwareHash),
    row('image', header.imageHash),
    row('source map', header.sourceMapHash),
    row(
      'memory',
      `${counted(header.memoryPages, 'page')} (heap ${heapBytesMax(header.memoryPages) / 2 ** 20} MiB), stack ${counted(header.stackBytes, 'byte')}`,
    ),
    row('cpu', cpuLimits(header)),
    row('clock', `${header.ticksPerMicro} ticks per µs, zone ${header.zoneOffsetMinutes} min`),
    row('epochs', stat.epochs.join(', ') || 'none'),
    row('duration', `${(stat.durationMicros / 1e6).toFixed(6)} s`),
    row(
      'state',
      verdict.sealed ? 'sealed' : `not sealed, ${counted(verdict.tornBytes, 'torn byte')}`,
    ),
    row('size', `${counted(verdict.bytes, 'byte')} in ${counted(verdict.segments, 'segment')}`),
    row(
      'records',
      `${grouped(verdict.records)}, ${perRecord(stat).toFixed(1)} bytes each with framing`,
    ),
    ...(verdict.firstLsn > 1
      ? [row('begins', `behind a checkpoint, with lsn ${verdict.firstLsn}`)]
      : []),
    '',
    ...kindLines(log, stat),
  ];
}

function cpuLimits({ turnTicksMax, secondTicksMax }: OpenedLog['header']): string {
  const limits = [
    ...(turnTicksMax > 0 ? [`${grouped(turnTicksMax)} ticks a turn`] : []),
    ...(secondTicksMax > 0 ? [`${grouped(secondTicksMax)} ticks a second`] : []),
  ];
  return limits.join(', ') || 'no limit';
}

function kindLines(log: OpenedLog, stat: LogStat): string[] {
  const line = (name: string, records: string, bytes: string, payload: string): string =>
    `${name.padEnd(12)} ${records.padStart(10)} ${bytes.padStart(14)} ${payload.padStart(14)}`.trimEnd();
  const rows = [...stat.kinds].sort(([, one], [, two]) => two.bytes - one.bytes);
  return [
    line('kind', 'records', 'bytes', 'of them payload'),
    ...rows.map(([name, { records, bytes, payloadBytes }]) =>
      line(name, grouped(records), grouped(bytes), grouped(payloadBytes)),
    ),
    line('framing', grouped(stat.verdict.batches), grouped(stat.framingBytes), ''),
    line('beginning', '', grouped(log.beginningBytes), ''),
  ];
}
