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
  if (record.type === 'resync' || record.type === 'stopAt')
    return `${head}${''.padEnd(14)}${record.type} in turn ${record.turn} at tick ${record.ticks}`;
  return `${head}${''.padEnd(14)}${record.type}`;
}

function preview(payload: Uint8Array | undefined): string {
  if (payload === undefined) return '';
  const text = JSON.stringify(new TextDecoder('latin1').decode(payload.subarray(0, PREVIEW_BYTES)));
  return ` ${payload.length} bytes ${text}${payload.length > PREVIEW_BYTES ? '…' : ''}`;
}

/** The whole report, several lines, without a final newline. */
export function divergenceReport(found: Divergence): string {
  const first = found.turns[0];
  const last = found.turns.at(-1);
  const turns =
    first === undefined || last === undefined
      ? `no turn before lsn ${found.lsn}`
      : first.lsn === last.lsn
        ? `turn at lsn ${first.lsn}`
        : `one of the turns at lsn ${first.lsn} to ${last.lsn}`;
  const at =
    first === undefined ? '' : `, +${((first.record.time - found.startedAt) / 1e6).toFixed(6)}s`;
  const rows = (['ticks', 'digest', 'outputs', 'outputsCrc'] as const)
    .filter((field) => found.expected[field] !== found.got[field])
    .map((field) => {
      const show = field === 'digest' || field === 'outputsCrc' ? hex : String;
      return `      ${field.padEnd(11)} recorded ${show(found.expected[field])}   replayed ${show(found.got[field])}`;
    });
  const start = Math.max(0, found.around.length - AROUND_MAX);
  return [
    `DIVERGED at lsn ${found.lsn} (${turns}${at})`,
    ...rows,
    '    records around it:',
    ...found.around
      .slice(start)
      .map(({ lsn, record }) => `      ${recordLine(lsn, record, found.startedAt)}`),
  ].join('\n');
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
