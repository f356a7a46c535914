/** The reading half of V8's format for structured values (versions 13 to 15). */

import { Buffer } from './buffer.ts';
import { nodeError } from './node-errors.ts';
import { ERROR_TAGS, FORMAT_VERSION, REGEXP_FLAGS, VIEW_TAGS } from './v8-writer.ts';

const VERSION_MIN = 13;
const DAMAGED = 'Unable to deserialize cloned data.';
const viewClasses: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(VIEW_TAGS).map(([name, tag]) => [tag, name]),
);
const errorClasses: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(ERROR_TAGS).map(([name, tag]) => [tag, name]),
);
const scope = globalThis as unknown as Record<string, new (...args: never[]) => unknown>;

interface Delegate {
  _readHostObject?(): unknown;
}

export class Deserializer {
  readonly buffer: ArrayBufferView;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #objects: unknown[] = [];
  readonly #transferred = new Map<number, unknown>();
  #at = 0;
  #version = 0;

  constructor(buffer: ArrayBufferView) {
    if (!ArrayBuffer.isView(buffer)) {
      const text = 'buffer must be a TypedArray or a DataView';
      throw nodeError(TypeError, 'ERR_INVALID_ARG_TYPE', text);
    }
    this.buffer = buffer;
    this.#bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }

  readHeader(): true {
    if (this.#bytes[this.#at] === 0xff) {
      this.#at += 1;
      this.#version = Number(this.#varint());
    }
    if (this.#version < VERSION_MIN || this.#version > FORMAT_VERSION) {
      throw new Error('Unable to deserialize cloned data due to invalid or unsupported version.');
    }
    return true;
  }

  readValue(): unknown {
    return this.#read();
  }

  getWireFormatVersion(): number {
    return this.#version;
  }

  transferArrayBuffer(id: number, buffer: unknown): void {
    this.#transferred.set(id, buffer);
  }

  readUint32(): number {
    return Number(this.#checked(() => this.#varint() & 0xffffffffn, 'ReadUint32'));
  }

  readUint64(): [high: number, low: number] {
    const value = this.#checked(() => this.#varint(), 'ReadUint64');
    return [Number((value >> 32n) & 0xffffffffn), Number(value & 0xffffffffn)];
  }

  readDouble(): number {
    return this.#checked(() => this.#double(), 'ReadDouble');
  }

  readRawBytes(length: number): Buffer {
    const offset = this._readRawBytes(length);
    return Buffer.from(this.#bytes.buffer as ArrayBuffer, this.#bytes.byteOffset + offset, length);
  }

  /** Skips `length` bytes; where they begin. */
  _readRawBytes(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) throw new Error('ReadRawBytes() failed');
    this.#at += length;
    return start;
  }

  #checked<T>(read: () => T, name: string): T {
    try {
      return read();
    } catch {
      // Too few bytes: the caller asked for a part, so the part is named.
      throw new Error(`${name}() failed`);
    }
  }

  #damaged(): never {
    throw new Error(DAMAGED);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) this.#damaged();
    this.#at += 1;
    return byte;
  }

  /** The next tag; padding before it is skipped. */
  #tag(): string {
    let byte = this.#byte();
    while (byte === 0) byte = this.#byte();
    return String.fromCharCode(byte);
  }

  #peek(): string {
    const before = this.#at;
    const tag = this.#tag();
    this.#at = before;
    return tag;
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  #length(): number {
    return Number(this.#varint());
  }

  #double(): number {
    if (this.#at + 8 > this.#bytes.length) this.#damaged();
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) this.#damaged();
    return this.readRawBytes(length);
  }

  #keep<T>(value: T): T {
    this.#objects.push(value);
    return value;
  }

  #read(): unknown {
    const value = this.#readOne();
    // Views follow their memory in the format.
    if (value instanceof ArrayBuffer && this.#at < this.#bytes.length && this.#peek() === 'V') {
      this.#tag();
      return this.#readView(value);
    }
    return value;
  }

  #readOne(): unknown {
    const tag = this.#tag();
    switch (tag) {
      case '_':
        return undefined;
      case '0':
        return null;
      case 'T':
        return true;
      case 'F':
        return false;
      case 'I': {
        const raw = Number(this.#varint() & 0xffffffffn);
        return (raw >>> 1) ^ -(raw & 1);
      }
      case 'U':
        return Number(this.#varint());
      case 'N':
        return this.#double();
      case 'Z':
        return this.#bigint();
      case '"':
      case 'c':
      case 'S':
        return this.#text(tag);
      default:
        return this.#object(tag);
    }
  }

  #text(tag: string): string {
    const bytes = this.#take(this.#length());
    if (tag === '"') return bytes.toString('latin1');
    return bytes.toString(tag === 'c' ? 'utf16le' : 'utf8');
  }

  #string(): string {
    const value = this.#readOne();
    if (typeof value !== 'string') this.#damaged();
    return value;
  }

  #bigint(): bigint {
    const field = this.#length();
    const bytes = this.#take(field >>> 1);
    let value = 0n;
    for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
    return field & 1 ? -value : value;
  }

  #object(tag: string): unknown {
    switch (tag) {
      case '^':
        return this.#known(this.#length());
      case 'o':
        return this.#properties(this.#keep({}), '{', 1);
      case 'A':
        return this.#dense();
      case 'a': {
        const array = this.#keep(new Array<unknown>(this.#length()));
        return this.#properties(array, '@', 2);
      }
      case ';':
        return this.#map();
      case "'":
        return this.#set();
      case 'B':
        return this.#keep(Uint8Array.from(this.#take(this.#length())).buffer);
      case 't':
        return this.#keep(this.#transferred.get(this.#length()) ?? this.#damaged());
      case '\\':
        return this.#foreign();
      case 'r':
        return this.#error();
      default:
        return this.#keep(this.#leaf(tag));
    }
  }

  /** Objects that hold no other. */
  #leaf(tag: string): unknown {
    switch (tag) {
      case 'D':
        return new Date(this.#double());
      case 'y':
        return Object(true);
      case 'x':
        return Object(false);
      case 'n':
        return Object(this.#double());
      case 's':
        return Object(this.#string());
      case 'z':
        return Object(this.#bigint());
      case 'R': {
        const source = this.#string();
        const bits = this.#length();
        const flags = [...REGEXP_FLAGS].filter((_, index) => bits & (1 << index));
        return new RegExp(source, flags.join(''));
      }
      default:
        return this.#damaged();
    }
  }

  #known(id: number): unknown {
    if (id >= this.#objects.length) this.#damaged();
    const value = this.#objects[id];
    if (value instanceof ArrayBuffer && this.#at < this.#bytes.length && this.#peek() === 'V') {
      this.#tag();
      return this.#readView(value);
    }
    return value;
  }

  /** Keys and values up to `end`, which says how many there were; `counts` numbers follow it. */
  #properties<T extends object>(object: T, end: string, counts: number): T {
    let read = 0;
    while (this.#peek() !== end) {
      const key = this.#readOne();
      if (typeof key !== 'string' && typeof key !== 'number') this.#damaged();
      Object.defineProperty(object, key, {
        value: this.#read(),
        writable: true,
        enumerable: true,
        configurable: true,
      });
      read += 1;
    }
    this.#tag();
    if (this.#length() !== read) this.#damaged();
    if (counts > 1) this.#length();
    return object;
  }

  #dense(): unknown[] {
    const length = this.#length();
    if (length > this.#bytes.length - this.#at) this.#damaged();
    const array = this.#keep(new Array<unknown>(length));
    for (let i = 0; i < length; i++) {
      if (this.#peek() === '-') this.#tag();
      else array[i] = this.#read();
    }
    return this.#properties(array, '$', 2);
  }

  #map(): Map<unknown, unknown> {
    const map = this.#keep(new Map<unknown, unknown>());
    while (this.#peek() !== ':') {
      const key = this.#read();
      map.set(key, this.#read());
    }
    this.#tag();
    if (this.#length() !== map.size * 2) this.#damaged();
    return map;
  }

  #set(): Set<unknown> {
    const set = this.#keep(new Set<unknown>());
    while (this.#peek() !== ',') set.add(this.#read());
    this.#tag();
    if (this.#length() !== set.size) this.#damaged();
    return set;
  }

  #readView(buffer: ArrayBuffer): unknown {
    const View = scope[viewClasses[String.fromCharCode(this.#byte())] ?? ''];
    const offset = this.#length();
    const bytes = this.#length();
    if (this.#version >= 14) this.#length();
    if (View === undefined || offset + bytes > buffer.byteLength) this.#damaged();
    const width = (View as unknown as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
    return this.#keep(new View(buffer as never, offset as never, (bytes / width) as never));
  }

  #foreign(): unknown {
    const read = (this as Delegate)._readHostObject;
    if (read === undefined) this.#damaged();
    const place = this.#objects.push(undefined) - 1;
    const value = read.call(this);
    this.#objects[place] = value;
    return value;
  }

  #error(): Error {
    const place = this.#objects.push(undefined) - 1;
    let name = 'Error';
    const own: { message?: unknown; stack?: unknown; cause?: unknown } = {};
    for (let tag = this.#tag(); tag !== '.'; tag = this.#tag()) {
      if (tag === 'm') own.message = this.#string();
      else if (tag === 's') own.stack = this.#string();
      else if (tag === 'c') own.cause = this.#read();
      else name = errorClasses[tag] ?? this.#damaged();
    }
    const Class = scope[name] as unknown as new (message?: unknown) => Error;
    const error = own.message === undefined ? new Class() : new Class(own.message);
    for (const key of ['stack', 'cause'] as const) {
      if (!(key in own)) continue;
      Object.defineProperty(error, key, {
        value: own[key],
        writable: true,
        enumerable: false,
        configurable: true,
      });
    }
    this.#objects[place] = error;
    return error;
  }
}
