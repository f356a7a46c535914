/**
 * A divergence as people read it: where the replay left the log, what the log says, what the replay
 * computed, and the records around the place (hermit's desync report, SwingSet's ok/wrong/extra).
 */

import {
  INTERRUPT,
  type InterruptRecord,
  type LogRecord,
  type Lsn,
  type Micros,
  toHex,
} from '../../log-format/index.ts';
import type { MachineDivergence } from '../ports.ts';

export interface Divergence extends MachineDivergence {
  /** The turns that may have caused it: every interrupt since the last `end` that agreed. */
  readonly turns: readonly { readonly lsn: Lsn; readonly record: InterruptRecord }[];
  /** A few records before the group, the group, and what followed, as far as known. */
  readonly around: readonly { readonly lsn: Lsn; readonly record: LogRecord }[];
  readonly startedAt: Micros;
}

const KIND_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(INTERRUPT).map(([name, kind]) => [kind, name]),
);
const PREVIEW_BYTES = 40;
const AROUND_MAX = 12;

/** One record on one line: lsn, seconds since the start, kind, id, what it carried. */
export function recordLine(lsn: Lsn, record: LogRecord, startedAt: Micros): string {
  const head = `lsn ${lsn}`.padEnd(14);
  if (record.type === 'interrupt') {
    const seconds = `+${((record.time - startedAt) / 1e6).toFixed(6)}s`;
    const name = KIND_NAMES.get(record.kind) ?? `kind ${record.kind}`;
    const id = record.id === 0 ? '' : ` ${record.id}`;
    const num = record.num === 0 ? '' : ` num ${record.num}`;
    return `${head}${seconds.padEnd(14)}${name}${id}${num}${preview(record.payload)}`;
  }
  if (record.type === 'end')
    return `${head}${''.padEnd(14)}end ticks ${record.ticks} digest ${hex(record.digest)} outputs ${record.outputs}`;
  if (record.type === 'resync' || record.type === 'stopAt' || record.type === 'preempt')
    return `${head}${''.padEnd(14)}${record.type} in turn ${record.turn} at tick ${record.ticks}`;
  if (record.type === 'checkpoint')
    return `${head}${''.padEnd(14)}checkpoint turns ${record.turns} heap ${record.heapBytes} memory ${toHex(record.memory)}`;
  return `${head}${''.padEnd(14)}${record.type}`;
}

function preview(payload: Uint8Array | undefined): string {
  if (payload === undefined) return '';
  const text = JSON.stringify(new TextDecoder('latin1').decode(payload.subarray(0, PREVIEW_BYTES)));
  return ` ${payload.length} bytes ${text}${payload.length > PREVIEW_BYTES ? '…' : ''}`;
}

/** The whole report, several lines, without a final newline. */
export function divergenceReport(found: Divergence): string {
  const start = Math.max(0, found.around.length - AROUND_MAX);
  return [
    `DIVERGED at lsn ${found.lsn} (${turnText(found)})`,
    ...endRows(found),
    ...outputRows(found.output),
    ...checkpointRows(found.checkpoint),
    '    records around it:',
    ...found.around
      .slice(start)
      .map(({ lsn, record }) => `      ${recordLine(lsn, record, found.startedAt)}`),
  ].join('\n');
}

function turnText({ turn, turns, lsn, startedAt }: Divergence): string {
  const exact = turns.find((one) => one.lsn === turn);
  const first = exact ?? turns[0];
  const last = exact ?? turns.at(-1);
  if (first === undefined || last === undefined) return `no turn before lsn ${lsn}`;
  const at = `+${((first.record.time - startedAt) / 1e6).toFixed(6)}s`;
  if (first.lsn === last.lsn) return `turn at lsn ${first.lsn}, ${at}`;
  return `one of the turns at lsn ${first.lsn} to ${last.lsn}, ${at}`;
}

function row(name: string, recorded: string, replayed: string): string {
  return `      ${name.padEnd(11)} recorded ${recorded}   replayed ${replayed}`;
}

function endRows({ expected, got, output, checkpoint }: Divergence): string[] {
  const rows = (['ticks', 'digest', 'outputs', 'outputsCrc'] as const)
    .filter((field) => expected[field] !== got[field])
    .map((field) => {
      const show = field === 'digest' || field === 'outputsCrc' ? hex : String;
      return row(field, show(expected[field]), show(got[field]));
    });
  if (rows.length > 0 || output !== undefined || checkpoint !== undefined) return rows;
  return [row('checks', toHex(expected.checks), toHex(got.checks))];
}

function outputRows(output: MachineDivergence['output']): string[] {
  if (output === undefined) return [];
  const { expected, got } = output;
  if (expected === undefined || got === undefined)
    return [row('output', outputText(expected, 0), outputText(got, 0))];
  let at = 0;
  while (at < expected.length && expected[at] === got[at]) at++;
  const from = Math.max(0, at - PREVIEW_BYTES / 2);
  return [
    row('output', outputText(expected, from), outputText(got, from)),
    `      first difference at byte ${at} of the output`,
  ];
}

function outputText(bytes: Uint8Array | undefined, from: number): string {
  if (bytes === undefined) return 'none';
  const text = new TextDecoder('latin1').decode(bytes.subarray(from, from + PREVIEW_BYTES));
  return `${from > 0 ? '…' : ''}${JSON.stringify(text)}`;
}

function checkpointRows(checkpoint: MachineDivergence['checkpoint']): string[] {
  if (checkpoint === undefined) return [];
  const { expected, got } = checkpoint;
  const rows = (['turns', 'heapBytes', 'heapBlocks', 'pages'] as const)
    .filter((field) => expected[field] !== got[field])
    .map((field) => row(field, String(expected[field]), String(got[field])));
  return [...rows, row('memory', toHex(expected.memory), toHex(got.memory))];
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
