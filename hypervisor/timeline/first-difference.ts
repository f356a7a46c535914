/**
 * The first byte two runs of one history differ in: of an output, with its place in the stream the
 * world sees; else of memory, by address; else of the figures of the turn. Pure: it is given what
 * two machines answered for one turn and looks at nothing else.
 */

import type { InterruptRecord, Lsn } from '../../log-format/index.ts';
import type { HeldOutput, Output, TurnsResult } from '../ports.ts';

/** A byte both sides have, or one has and the other not, with a few bytes around it. */
export interface DifferingByte {
  /** In the output, or in memory. */
  readonly offset: number;
  /** Undefined: this side ends before it. */
  readonly left: number | undefined;
  readonly right: number | undefined;
  readonly context: {
    /** Offset of the first byte of both contexts. */
    readonly from: number;
    readonly left: Uint8Array;
    readonly right: Uint8Array;
  };
}

export type Figure =
  | 'ticks'
  | 'digest'
  | 'outputs'
  | 'outputsCrc'
  | 'alarm'
  | 'immediates'
  | 'halt';

export interface DifferingFigure {
  readonly name: Figure;
  readonly left: string;
  readonly right: string;
}

export type Place =
  /** Byte of an output. `streamOffset` counts from the first byte of the stream. */
  | {
      readonly type: 'outputByte';
      readonly index: number;
      readonly stream: string;
      readonly streamOffset: number;
      readonly byte: DifferingByte;
    }
  /** One side has an output more, another kind of output, or one with another field. */
  | {
      readonly type: 'outputField';
      readonly index: number;
      readonly field: string;
      readonly left: string;
      readonly right: string;
    }
  | { readonly type: 'memory'; readonly byte: DifferingByte }
  | { readonly type: 'figure'; readonly figure: DifferingFigure };

export interface FirstDifference {
  /** The first turn that differs; its record when known. */
  readonly lsn: Lsn;
  readonly record: InterruptRecord | undefined;
  readonly place: Place;
  /** Every figure of that turn that differs. */
  readonly figures: readonly DifferingFigure[];
}

/** What one machine answered for one turn; memory as it is after it, where somebody can look. */
export interface TurnAnswer {
  readonly result: TurnsResult;
  readonly memory?: Uint8Array | undefined;
}

/** Bytes shown on each side of the differing one. */
const CONTEXT_BYTES = 16;
const PAGE_BYTES = 4096;

/**
 * Counts the bytes of the streams that carry no offset of their own, so that a place in an output is
 * also a place in the stream. Feed it every turn, in order, after comparing.
 */
export class StreamOffsets {
  readonly #bytes = new Map<string, number>();

  /** Offset in its stream of the first byte of output `index` of `outputs`. */
  of(outputs: readonly HeldOutput[], index: number): number {
    const output = outputs[index]?.output;
    if (output === undefined) return 0;
    if (output.device === 'net') return output.op === 'write' ? output.offset : 0;
    const stream = streamOf(output);
    let offset = this.#bytes.get(stream) ?? 0;
    for (const { output: before } of outputs.slice(0, index))
      if (streamOf(before) === stream) offset += bytesOf(before)?.length ?? 0;
    return offset;
  }

  add(outputs: readonly HeldOutput[]): void {
    for (const { output } of outputs) {
      const stream = streamOf(output);
      this.#bytes.set(stream, (this.#bytes.get(stream) ?? 0) + (bytesOf(output)?.length ?? 0));
    }
  }
}

/** Where two answers to one turn differ first; undefined when they are the same. */
export function firstDifference(
  left: TurnAnswer,
  right: TurnAnswer,
  offsets: StreamOffsets,
): Pick<FirstDifference, 'place' | 'figures'> | undefined {
  const figures = differingFigures(left.result, right.result);
  const place =
    differingOutput(left.result.outputs, right.result.outputs, offsets) ??
    differingMemory(left.memory, right.memory) ??
    figures.slice(0, 1).map((figure): Place => ({ type: 'figure', figure }))[0];
  return place === undefined ? undefined : { place, figures };
}

/** The first byte two views differ in, whole pages at a time; undefined when they are equal. */
export function firstDifferingByte(left: Uint8Array, right: Uint8Array): DifferingByte | undefined {
  if (left.length === right.length && Buffer.compare(left, right) === 0) return undefined;
  const shared = Math.min(left.length, right.length);
  let at = 0;
  while (at < shared && samePage(left, right, at)) at += PAGE_BYTES;
  while (at < shared && left[at] === right[at]) at += 1;
  const offset = Math.min(at, shared);
  const from = Math.max(0, offset - CONTEXT_BYTES);
  const until = offset + CONTEXT_BYTES + 1;
  const context = { from, left: left.slice(from, until), right: right.slice(from, until) };
  return { offset, left: left[offset], right: right[offset], context };
}

function samePage(left: Uint8Array, right: Uint8Array, at: number): boolean {
  const until = at + PAGE_BYTES;
  return Buffer.compare(left.subarray(at, until), right.subarray(at, until)) === 0;
}

function differingMemory(
  left: Uint8Array | undefined,
  right: Uint8Array | undefined,
): Place | undefined {
  if (left === undefined || right === undefined) return undefined;
  const byte = firstDifferingByte(left, right);
  return byte && { type: 'memory', byte };
}

function differingOutput(
  left: readonly HeldOutput[],
  right: readonly HeldOutput[],
  offsets: StreamOffsets,
): Place | undefined {
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const one = left[index];
    const other = right[index];
    if (one === undefined || other === undefined) {
      const name = (held: HeldOutput | undefined): string =>
        held === undefined ? 'none' : streamOf(held.output);
      return { type: 'outputField', index, field: 'output', left: name(one), right: name(other) };
    }
    const field = differingField(one.output, other.output);
    if (field !== undefined) return { type: 'outputField', index, ...field };
    const bytes = bytesOf(one.output);
    const others = bytesOf(other.output);
    const byte = bytes && others && firstDifferingByte(bytes, others);
    if (byte !== undefined) {
      const streamOffset = offsets.of(left, index) + byte.offset;
      return { type: 'outputByte', index, stream: streamOf(one.output), streamOffset, byte };
    }
    // The same bytes, but held for another record.
    if (one.lsn !== other.lsn)
      return {
        type: 'outputField',
        index,
        field: 'lsn',
        left: `${one.lsn}`,
        right: `${other.lsn}`,
      };
  }
  return undefined;
}

function differingField(
  left: Output,
  right: Output,
): { readonly field: string; readonly left: string; readonly right: string } | undefined {
  const kinds = [streamOf(left), streamOf(right)] as const;
  if (kinds[0] !== kinds[1]) return { field: 'output', left: kinds[0], right: kinds[1] };
  const others = fieldsOf(right);
  for (const [field, value] of fieldsOf(left)) {
    const other = others.get(field);
    if (other !== value) return { field, left: value, right: other ?? 'none' };
  }
  return undefined;
}

/** Everything of an output but its bytes. */
function fieldsOf(output: Output): Map<string, string> {
  const fields = Object.entries(output).filter(([name]) => name !== 'bytes' || !bytesOf(output));
  return new Map(fields.map(([name, value]) => [name, String(value)]));
}

/** The stream an output belongs to, as people call it. */
function streamOf(output: Output): string {
  if (output.device === 'console') return output.fd === 1 ? 'stdout' : 'stderr';
  if (output.device !== 'net') return output.device;
  const listens = output.op === 'listen' || output.op === 'unlisten';
  return `${listens ? 'listener' : 'connection'} ${output.id} ${output.op}`;
}

function bytesOf(output: Output): Uint8Array | undefined {
  return 'bytes' in output && typeof output.bytes !== 'number' ? output.bytes : undefined;
}

function differingFigures(left: TurnsResult, right: TurnsResult): DifferingFigure[] {
  const others = figuresOf(right);
  return figuresOf(left).flatMap(([name, value], index) => {
    const other = others[index]?.[1] ?? '';
    return other === value ? [] : [{ name, left: value, right: other }];
  });
}

function figuresOf({
  end,
  alarmAt,
  immediatesLeft,
  halted,
}: TurnsResult): (readonly [Figure, string])[] {
  return [
    ['ticks', String(end.ticks)],
    ['digest', hex(end.digest)],
    ['outputs', String(end.outputs)],
    ['outputsCrc', hex(end.outputsCrc)],
    ['alarm', String(alarmAt ?? 'none')],
    ['immediates', immediatesLeft ? 'left' : 'none'],
    ['halt', halted === undefined ? 'no' : `${halted.code} ${halted.reason}`],
  ];
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
