/** The writing half of V8's format for structured values (version 15), as `v8.serialize` has it. */

import { Buffer } from './buffer.ts';
import { isSharedArrayBuffer } from './util-types.ts';

export const FORMAT_VERSION = 15;

/** Class names of views by their tag in the format. */
export const VIEW_TAGS: Readonly<Record<string, string>> = {
  Int8Array: 'b',
  Uint8Array: 'B',
  Uint8ClampedArray: 'C',
  Int16Array: 'w',
  Uint16Array: 'W',
  Int32Array: 'd',
  Uint32Array: 'D',
  Float32Array: 'f',
  Float64Array: 'F',
  BigInt64Array: 'q',
  BigUint64Array: 'Q',
  DataView: '?',
};

export const ERROR_TAGS: Readonly<Record<string, string>> = {
  EvalError: 'E',
  RangeError: 'R',
  ReferenceError: 'F',
  SyntaxError: 'S',
  TypeError: 'T',
  URIError: 'U',
};

/** Flags of regular expressions by their bit. */
export const REGEXP_FLAGS = 'gimyus-dv';

const viewName = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get as (this: unknown) => string | undefined;

export function classOfView(view: ArrayBufferView): string {
  return viewName.call(view) ?? 'DataView';
}

/** Bytes as they grow. */
class Bytes {
  #bytes: Uint8Array = new Uint8Array(256);
  length = 0;

  #reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.length] = value;
    this.length += 1;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  varint(value: bigint | number): void {
    let rest = BigInt(value);
    while (rest >= 0x80n) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest));
  }

  take(): Buffer {
    const taken = Buffer.from(this.#bytes.slice(0, this.length).buffer as ArrayBuffer);
    this.#bytes = new Uint8Array(256);
    this.length = 0;
    return taken;
  }
}

interface Delegate {
  _writeHostObject?(object: object): unknown;
  _getDataCloneError?: new (message: string) => Error;
  _getSharedArrayBufferId?(buffer: object): number;
}

function varintLength(value: number): number {
  return Math.max(1, Math.ceil((32 - Math.clz32(value)) / 7));
}

export class Serializer {
  readonly #out = new Bytes();
  readonly #ids = new Map<object, number>();
  readonly #transferred = new Map<object, number>();
  #viewsAreForeign = false;

  writeHeader(): void {
    this.#out.byte(0xff);
    this.#out.byte(FORMAT_VERSION);
  }

  writeValue(value: unknown): true {
    this.#write(value);
    return true;
  }

  releaseBuffer(): Buffer {
    return this.#out.take();
  }

  transferArrayBuffer(id: number, buffer: object): void {
    this.#transferred.set(buffer, id);
  }

  writeUint32(value: number): void {
    this.#out.varint(Number(value) >>> 0);
  }

  writeUint64(high: number, low: number): void {
    this.#out.varint((BigInt(Number(high) >>> 0) << 32n) | BigInt(Number(low) >>> 0));
  }

  writeDouble(value: number): void {
    this.#out.raw(new Uint8Array(new Float64Array([value]).buffer));
  }

  writeRawBytes(source: ArrayBufferView | ArrayBuffer): void {
    this.#out.raw(
      ArrayBuffer.isView(source)
        ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
        : new Uint8Array(source),
    );
  }

  _setTreatArrayBufferViewsAsHostObjects(flag: boolean): void {
    this.#viewsAreForeign = Boolean(flag);
  }

  #tag(tag: string): void {
    this.#out.byte(tag.charCodeAt(0));
  }

  #refuse(value: unknown): never {
    const shown = shownInRefusal(value);
    const Failure = (this as Delegate)._getDataCloneError ?? Error;
    throw new Failure(`${shown} could not be cloned.`);
  }

  #write(value: unknown): void {
    switch (typeof value) {
      case 'undefined':
        this.#tag('_');
        return;
      case 'boolean':
        this.#tag(value ? 'T' : 'F');
        return;
      case 'number':
        this.#number(value);
        return;
      case 'bigint':
        this.#tag('Z');
        this.#bigint(value);
        return;
      case 'string':
        this.#string(value);
        return;
      case 'object':
        if (value === null) this.#tag('0');
        else this.#object(value);
        return;
      default:
        this.#refuse(value);
    }
  }

  #number(value: number): void {
    if (Number.isInteger(value) && (value | 0) === value && !Object.is(value, -0)) {
      this.#tag('I');
      this.#out.varint(((value << 1) ^ (value >> 31)) >>> 0);
    } else {
      this.#tag('N');
      this.writeDouble(value);
    }
  }

  #bigint(value: bigint): void {
    let rest = value < 0n ? -value : value;
    const digits: number[] = [];
    for (; rest > 0n; rest >>= 8n) digits.push(Number(rest & 0xffn));
    while (digits.length % 8 !== 0) digits.push(0);
    this.#out.varint((digits.length << 1) | (value < 0n ? 1 : 0));
    this.#out.raw(Uint8Array.from(digits));
  }

  #string(text: string): void {
    if (!/[^\0-\xff]/.test(text)) {
      this.#tag('"');
      this.#out.varint(text.length);
      this.#out.raw(Buffer.from(text, 'latin1'));
      return;
    }
    const bytes = text.length * 2;
    // Two-byte texts begin at an even place.
    if ((this.#out.length + 1 + varintLength(bytes)) & 1) this.#out.byte(0);
    this.#tag('c');
    this.#out.varint(bytes);
    this.#out.raw(Buffer.from(text, 'utf16le'));
  }

  #object(object: object): void {
    const isView = ArrayBuffer.isView(object);
    if (isView && !this.#viewsAreForeign && !this.#ids.has(object)) this.#object(object.buffer);
    const known = this.#ids.get(object);
    if (known !== undefined) {
      this.#tag('^');
      this.#out.varint(known);
      return;
    }
    this.#ids.set(object, this.#ids.size);
    if (isView) this.#view(object);
    else if (object instanceof ArrayBuffer || isSharedArrayBuffer(object)) this.#memory(object);
    else if (Array.isArray(object)) this.#array(object);
    else if (object instanceof Date) {
      this.#tag('D');
      this.writeDouble(object.getTime());
    } else if (object instanceof RegExp) this.#regexp(object);
    else if (object instanceof Map) this.#map(object);
    else if (object instanceof Set) this.#set(object);
    else if (object instanceof Error) this.#error(object);
    else if (!this.#boxed(object)) this.#plain(object);
  }

  #view(view: ArrayBufferView): void {
    if (this.#viewsAreForeign) {
      this.#tag('\\');
      const write = (this as Delegate)._writeHostObject;
      if (write === undefined) this.#refuse(view);
      write.call(this, view);
      return;
    }
    this.#tag('V');
    this.#tag(VIEW_TAGS[classOfView(view)] ?? '?');
    this.#out.varint(view.byteOffset);
    this.#out.varint(view.byteLength);
    this.#out.varint(0);
  }

  #memory(buffer: object): void {
    const transferred = this.#transferred.get(buffer);
    if (transferred !== undefined) {
      this.#tag('t');
      this.#out.varint(transferred);
      return;
    }
    if (isSharedArrayBuffer(buffer)) {
      const share = (this as Delegate)._getSharedArrayBufferId;
      if (share === undefined) this.#refuse(buffer);
      this.#tag('u');
      this.#out.varint(Number(share.call(this, buffer)) >>> 0);
      return;
    }
    const bytes = new Uint8Array(buffer as ArrayBuffer);
    this.#tag('B');
    this.#out.varint(bytes.length);
    this.#out.raw(bytes);
  }

  #array(array: unknown[]): void {
    const { length } = array;
    let dense = true;
    for (let i = 0; i < length && dense; i++) dense = Object.hasOwn(array, i);
    this.#tag(dense ? 'A' : 'a');
    this.#out.varint(length);
    if (dense) for (let i = 0; i < length; i++) this.#write(array[i]);
    const keys = Object.keys(array).filter((key) => !dense || !isIndexBelow(key, length));
    const count = this.#properties(array, keys);
    this.#tag(dense ? '$' : '@');
    this.#out.varint(count);
    this.#out.varint(length);
  }

  #plain(object: object): void {
    if (typeof object === 'function') this.#refuse(object);
    this.#tag('o');
    const count = this.#properties(object, Object.keys(object));
    this.#tag('{');
    this.#out.varint(count);
  }

  #properties(object: object, keys: readonly string[]): number {
    let count = 0;
    for (const key of keys) {
      // A getter before it may have removed the property.
      if (count > 0 && !Object.hasOwn(object, key)) continue;
      const value = (object as Record<string, unknown>)[key];
      if (isIndexBelow(key, 2 ** 32 - 1)) this.#number(Number(key));
      else this.#string(key);
      this.#write(value);
      count += 1;
    }
    return count;
  }

  #regexp(regexp: RegExp): void {
    this.#tag('R');
    this.#string(regexp.source);
    const bits = [...regexp.flags].map((flag) => 1 << REGEXP_FLAGS.indexOf(flag));
    this.#out.varint(bits.reduce((sum, bit) => sum | bit, 0));
  }

  #map(map: ReadonlyMap<unknown, unknown>): void {
    this.#tag(';');
    const entries = [...Map.prototype.entries.call(map)];
    for (const [key, value] of entries) {
      this.#write(key);
      this.#write(value);
    }
    this.#tag(':');
    this.#out.varint(entries.length * 2);
  }

  #set(set: ReadonlySet<unknown>): void {
    this.#tag("'");
    const values = [...Set.prototype.values.call(set)];
    for (const value of values) this.#write(value);
    this.#tag(',');
    this.#out.varint(values.length);
  }

  #error(error: Error): void {
    this.#tag('r');
    const tag = ERROR_TAGS[String(error.name)];
    if (tag !== undefined) this.#tag(tag);
    const message = Object.getOwnPropertyDescriptor(error, 'message');
    if (message !== undefined && 'value' in message) {
      this.#tag('m');
      this.#string(String(message.value));
    }
    const { stack } = error;
    if (typeof stack === 'string') {
      this.#tag('s');
      this.#string(stack);
    }
    this.#tag('.');
  }

  /** `Object(1)` and its like. */
  #boxed(object: object): boolean {
    if (object instanceof Boolean) this.#tag(object.valueOf() ? 'y' : 'x');
    else if (object instanceof Number) {
      this.#tag('n');
      this.writeDouble(object.valueOf());
    } else if (object instanceof String) {
      this.#tag('s');
      this.#string(object.valueOf());
    } else if (object instanceof BigInt) {
      this.#tag('z');
      this.#bigint(object.valueOf());
    } else {
      const weak = [WeakMap, WeakSet, WeakRef, Promise, Symbol];
      if (weak.some((one) => object instanceof one)) this.#refuse(object);
      return false;
    }
    return true;
  }
}

function isIndexBelow(key: string, limit: number): boolean {
  const index = Number(key);
  return Number.isInteger(index) && index >= 0 && index < limit && String(index) === key;
}

function shownInRefusal(value: unknown): string {
  if (typeof value === 'symbol') return String(value);
  if (typeof value === 'function') return Function.prototype.toString.call(value);
  const name = (value as { constructor?: { name?: unknown } }).constructor?.name;
  return `#<${typeof name === 'string' && name !== '' ? name : 'Object'}>`;
}
