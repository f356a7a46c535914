/** Log records in words: names of kinds, one-line summaries, JSON. Used by `hv log` and by exports. */

import {
  INTERRUPT,
  type LogRecord,
  type Micros,
  NET_ERRORS,
  toHex,
} from '../../log-format/index.ts';
import { unreachable } from '../base/assert.ts';

const INTERRUPT_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(INTERRUPT).map(([name, kind]) => [kind, name]),
);

/** Characters of a payload shown on a line. */
const PREVIEW_CHARS = 60;

/** Name of a record's kind, as in abi.ts and records.ts. */
export function kindOf(record: LogRecord): string {
  if (record.type !== 'interrupt') return record.type;
  return INTERRUPT_NAMES.get(record.kind) ?? String(record.kind);
}

/** `+seconds` since the log's start, or blanks for records without a time. */
export function timeText(record: LogRecord, startedAt: Micros): string {
  if (!('time' in record)) return '';
  return `+${((record.time - startedAt) / 1e6).toFixed(6)}`;
}

export function hex32(value: number): string {
  return value.toString(16).padStart(8, '0');
}

/** `1234567` as `1,234,567`. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A number and its noun: `1 record`, `2 records`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${grouped(value)} ${value === 1 ? one : many}`;
}

/** `n bytes "preview"`: text quoted, with escapes; anything else in hex. */
export function payloadText(payload: Uint8Array): string {
  if (payload.length === 0) return '0 bytes';
  return `${counted(payload.length, 'byte')} ${preview(payload)}`;
}

function preview(payload: Uint8Array): string {
  const text = textOf(payload.subarray(0, 4 * PREVIEW_CHARS), true);
  if (text === undefined) {
    const shown = payload.subarray(0, PREVIEW_CHARS / 2);
    const hex = Buffer.from(shown).toString('hex');
    return shown.length < payload.length ? `${hex}…` : hex;
  }
  const shown = [...text].slice(0, PREVIEW_CHARS).join('');
  const whole = Buffer.byteLength(shown) === payload.length;
  return `${JSON.stringify(shown)}${whole ? '' : '…'}`;
}

/** Control characters other than tab, line feed and carriage return: a sign of binary data. */
const CONTROL = /(?![\t\n\r])\p{Cc}/u;

/** The text that `bytes` are, if they are one. `cut`: a character may be incomplete at the end. */
function textOf(bytes: Uint8Array, cut: boolean): string | undefined {
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const text = decoder.decode(bytes, { stream: cut });
    return CONTROL.test(text) ? undefined : text;
  } catch {
    // Not UTF-8.
    return undefined;
  }
}

function netError(index: number): string {
  return NET_ERRORS[index] ?? `error ${index}`;
}

function interruptText(record: Extract<LogRecord, { type: 'interrupt' }>): string {
  const parts: string[] = [];
  const { kind, num, payload } = record;
  if (kind === INTERRUPT.netBound || kind === INTERRUPT.netClose) {
    if (num !== 0) parts.push(netError(num));
  } else if (kind === INTERRUPT.netAccept) {
    parts.push(`listener ${num}`);
  } else if (kind === INTERRUPT.netDrain) {
    parts.push(`${counted(num, 'byte')} left`);
  } else if (num !== 0) {
    parts.push(`num ${num}`);
  }
  if (payload) parts.push(payloadText(payload));
  return parts.join(' ');
}

/** What a record says beyond its kind, time and id, on one line. */
export function recordText(record: LogRecord): string {
  switch (record.type) {
    case 'interrupt':
      return interruptText(record);
    case 'resync':
    case 'preempt':
      return `in turn ${record.turn} at tick ${record.ticks}`;
    case 'stopAt':
      return `in turn ${record.turn} at tick ${record.ticks}, status ${record.code}: ${JSON.stringify(record.reason)}`;
    case 'end':
      return `ticks ${record.ticks} digest ${hex32(record.digest)} outputs ${record.outputs} crc ${hex32(record.outputsCrc)}`;
    case 'output':
      return payloadText(record.bytes);
    case 'checkpoint':
      return `turns ${record.turns} heap ${grouped(record.heapBytes)} bytes in ${grouped(record.heapBlocks)} blocks, ${record.pages} pages, memory ${toHex(record.memory)}`;
    case 'view':
      return `epoch ${record.epoch} primary ${record.primary} backups ${record.backups.join(', ') || 'none'}`;
    case 'stop':
      return `status ${record.code}: ${JSON.stringify(record.reason)}`;
    default:
      return unreachable(record);
  }
}

/** A record on one line, as `hv log cat` prints it. */
export function recordLineOf(lsn: number, record: LogRecord, startedAt: Micros): string {
  const when = timeText(record, startedAt).padStart(14);
  const what = `${kindOf(record).padEnd(12)} ${idText(record).padEnd(6)} ${recordText(record)}`;
  return `${String(lsn).padStart(8)} ${when}  ${what}`.trimEnd();
}

/** Connection, listener or signal a record is about. */
export function idText(record: LogRecord): string {
  return record.type === 'interrupt' && record.id !== 0 ? `#${record.id}` : '';
}

/** A record as plain JSON: text payloads as they are, others as base64; times from the log's start. */
export function recordJson(record: LogRecord, startedAt: Micros): Record<string, unknown> {
  const micros = 'time' in record ? { micros: record.time - startedAt } : {};
  switch (record.type) {
    case 'interrupt': {
      const { id, num, payload } = record;
      return { kind: kindOf(record), ...micros, id, num, ...(payload ? payloadJson(payload) : {}) };
    }
    case 'view': {
      const { epoch, primary, backups } = record;
      return { kind: 'view', ...micros, view: { epoch, primary, backups } };
    }
    case 'output':
      return { kind: 'output', ...payloadJson(record.bytes) };
    case 'end': {
      const { type: kind, checks, ...fields } = record;
      return { kind, ...fields, ...(checks.length > 0 ? { checks: toHex(checks) } : {}) };
    }
    case 'checkpoint': {
      const { type: kind, time: _, memory, ...fields } = record;
      return { kind, ...micros, ...fields, memory: toHex(memory) };
    }
    default: {
      const { type: kind, ...fields } = record;
      return { kind, ...fields, ...micros, time: undefined };
    }
  }
}

/** Text as `payload`, anything else as `payloadBase64`. */
export function payloadJson(payload: Uint8Array): Record<string, string> {
  const text = textOf(payload, false);
  if (text !== undefined) return { payload: text };
  return { payloadBase64: Buffer.from(payload).toString('base64') };
}
