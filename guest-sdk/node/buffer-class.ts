/** The class behind Buffer: what an instance can do. Creation is buffer.ts. */

import { ENCODING } from '../../log-format/abi.ts';
import { decodeBytes, encodingId } from './buffer-encodings.ts';
import type { NumberMethods } from './buffer-numbers.ts';
import { compareBytes, searchBytes } from './buffer-search.ts';
import { fillAny, MAX_LENGTH, type TextMethods, writeAny } from './buffer-text.ts';
import { inspectHook } from './inspect-hook.ts';
import { invalidArgType, nodeError, outOfRange, unknownEncoding } from './node-errors.ts';
import { validateInteger } from './validators.ts';

/** What a program may set on `require('buffer')`; the methods read it here. */
export const settings: { INSPECT_MAX_BYTES: number } = { INSPECT_MAX_BYTES: 50 };

export type Buffer = FastBuffer & NumberMethods & TextMethods;

const bytesTypes = ['Buffer', 'Uint8Array'] as const;

export function asBuffer(bytes: FastBuffer): Buffer {
  return bytes as Buffer;
}

export function requireBytes(value: unknown, name: string): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array)) throw invalidArgType(name, bytesTypes, value);
}

/** Integer of an index argument; 0 for what is none. */
function toInteger(value: unknown): number {
  return Math.trunc(Number(value)) || 0;
}

function relativeIndex(value: unknown, length: number): number {
  const index = typeof value === 'number' && (value | 0) === value ? value : toInteger(value);
  if (index >= 0) return index < length ? index : length;
  return index + length > 0 ? index + length : 0;
}

interface InspectContext {
  readonly showHidden?: boolean;
}

function swap<T extends Uint8Array>(bytes: T, width: number): T {
  if (bytes.length % width !== 0) {
    const message = `Buffer size must be a multiple of ${width * 8}-bits`;
    throw nodeError(RangeError, 'ERR_INVALID_BUFFER_SIZE', message);
  }
  for (let at = 0; at < bytes.length; at += width) {
    new Uint8Array(bytes.buffer, bytes.byteOffset + at, width).reverse();
  }
  return bytes;
}

/** Properties that a program has put on the buffer. */
function inspectExtras(bytes: Uint8Array, context: InspectContext): string {
  const own = Reflect.ownKeys(bytes);
  if (own.length === bytes.length) return '';
  const extras: Record<PropertyKey, unknown> = {};
  let count = 0;
  for (const key of own.slice(bytes.length)) {
    const isEnumerable = Object.prototype.propertyIsEnumerable.call(bytes, key);
    if (!isEnumerable && context.showHidden !== true) continue;
    extras[key] = (bytes as unknown as Record<PropertyKey, unknown>)[key];
    count++;
  }
  if (count === 0) return '';
  const options = { ...context, breakLength: Number.POSITIVE_INFINITY, compact: true };
  const text = inspectHook.inspect(extras, options).slice(2, -2);
  return bytes.length === 0 ? text : `, ${text}`;
}

/** The class behind `Buffer`; `Buffer.prototype` is its prototype. */
export class FastBuffer extends Uint8Array<ArrayBuffer> {
  constructor(source: ArrayBuffer | number, byteOffset?: number, length?: number) {
    super(source as ArrayBuffer, byteOffset, length);
  }

  get parent(): ArrayBuffer | undefined {
    return this instanceof FastBuffer ? this.buffer : undefined;
  }

  get offset(): number | undefined {
    return this instanceof FastBuffer ? this.byteOffset : undefined;
  }

  override toString(encoding?: unknown, start?: unknown, end?: unknown): string {
    if (encoding === undefined && start === undefined && end === undefined) {
      return decodeBytes(this, ENCODING.utf8);
    }
    const from = Math.max(toInteger(start), 0);
    const to = end === undefined ? this.length : Math.min(toInteger(end), this.length);
    if (to <= from) return '';
    const id = encoding === undefined ? ENCODING.utf8 : encodingId(encoding);
    if (id === undefined) throw unknownEncoding(encoding);
    return decodeBytes(this, id, from, to);
  }

  override toLocaleString(encoding?: unknown, start?: unknown, end?: unknown): string {
    return this.toString(encoding, start, end);
  }

  equals(other: unknown): boolean {
    requireBytes(other, 'otherBuffer');
    if (this === other) return true;
    return this.length === other.length && compareBytes(this, other) === 0;
  }

  compare(
    target: unknown,
    targetStart: unknown = 0,
    targetEnd?: unknown,
    sourceStart: unknown = 0,
    sourceEnd?: unknown,
  ): number {
    requireBytes(target, 'target');
    validateInteger(targetStart, 'targetStart', 0, MAX_LENGTH);
    if (targetEnd !== undefined) validateInteger(targetEnd, 'targetEnd', 0, target.length);
    validateInteger(sourceStart, 'sourceStart', 0, MAX_LENGTH);
    if (sourceEnd !== undefined) validateInteger(sourceEnd, 'sourceEnd', 0, this.length);
    const targetStop = (targetEnd as number | undefined) ?? target.length;
    const sourceStop = (sourceEnd as number | undefined) ?? this.length;
    if (sourceStart >= sourceStop) return targetStart >= targetStop ? 0 : -1;
    if (targetStart >= targetStop) return 1;
    const mine = new Uint8Array(
      this.buffer,
      this.byteOffset + sourceStart,
      sourceStop - sourceStart,
    );
    const view = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    return compareBytes(mine, view.subarray(targetStart, targetStop));
  }

  override indexOf(value: unknown, offset?: unknown, encoding?: unknown): number {
    return searchBytes(this, value, { forward: true, offset, encoding });
  }

  override lastIndexOf(value: unknown, offset?: unknown, encoding?: unknown): number {
    return searchBytes(this, value, { forward: false, offset, encoding });
  }

  override includes(value: unknown, offset?: unknown, encoding?: unknown): boolean {
    return searchBytes(this, value, { forward: true, offset, encoding }) !== -1;
  }

  override fill(value: unknown, offset?: unknown, end?: unknown, encoding?: unknown): this {
    return fillAny(this, value, offset, end, encoding);
  }

  write(text: string, offset?: unknown, length?: unknown, encoding?: unknown): number {
    return writeAny(this, text, offset, length, encoding);
  }

  copy(target: unknown, targetStart?: unknown, sourceStart?: unknown, sourceEnd?: unknown): number {
    requireBytes(this, 'source');
    requireBytes(target, 'target');
    const to = toInteger(targetStart);
    if (to < 0) throw outOfRange('targetStart', '>= 0', to);
    const from = toInteger(sourceStart);
    if (from < 0 || from > this.length) {
      throw outOfRange('sourceStart', `>= 0 && <= ${this.length}`, from);
    }
    const end = sourceEnd === undefined ? this.length : toInteger(sourceEnd);
    if (end < 0) throw outOfRange('sourceEnd', '>= 0', end);
    const count = Math.min(end - from, this.length - from, target.length - to);
    if (count <= 0) return 0;
    const whole = from === 0 && count === this.length;
    target.set(whole ? this : new Uint8Array(this.buffer, this.byteOffset + from, count), to);
    return count;
  }

  override subarray(start?: unknown, end?: unknown): Buffer {
    const { length } = this;
    const from = relativeIndex(start, length);
    const to = end === undefined ? length : relativeIndex(end, length);
    return asBuffer(new FastBuffer(this.buffer, this.byteOffset + from, to > from ? to - from : 0));
  }

  /** Shares memory, unlike Uint8Array's. */
  override slice(start?: unknown, end?: unknown): Buffer {
    return this.subarray(start, end);
  }

  swap16(): this {
    return swap(this, 2);
  }

  swap32(): this {
    return swap(this, 4);
  }

  swap64(): this {
    return swap(this, 8);
  }

  toJSON(): { type: 'Buffer'; data: number[] } {
    return { type: 'Buffer', data: Array.from(this) };
  }

  inspect(_depth?: unknown, context?: InspectContext): string {
    const shown = Math.min(this.length, settings.INSPECT_MAX_BYTES);
    let text = decodeBytes(this, ENCODING.hex, 0, shown)
      .replace(/(.{2})/g, '$1 ')
      .trim();
    const remaining = this.length - shown;
    if (remaining > 0) text += ` ... ${remaining} more byte${remaining > 1 ? 's' : ''}`;
    if (context !== undefined) text += inspectExtras(this, context);
    return `<${this.constructor?.name ?? 'Buffer'} ${text}>`;
  }
}
