/**
 * A value of the guest as a plain JSON-like tree, read from memory without running guest code.
 *
 * Strings, finite numbers, booleans, null, arrays and plain objects are themselves. Anything else is
 * an object whose `$` names its kind: `{ $: 'Map', entries }`, `{ $: 'Account', balance: 3 }` for an
 * instance of a class, `{ $: 'undefined' }`. Cut-off parts show as `$more` (how many) and `$cut`.
 */

import { civilFromDays } from './civil-date.ts';
import { CLASS_ID, OBJECT, PROMISE, TYPED_ARRAY } from './heap-layout.ts';
import type { HeapProperty, HeapReader, HeapValue } from './heap-reader.ts';

export interface TreeLimits {
  /** Levels of objects inside objects. */
  readonly depth: number;
  /** Elements, entries or properties per object. */
  readonly entriesMax: number;
  /** UTF-16 units per string; bytes per buffer are half of it. */
  readonly charactersMax?: number;
}

type TreeObject = { [name: string]: unknown };

const CHARACTERS_MAX = 10_000;
const WRAPPERS: ReadonlySet<number> = new Set([
  CLASS_ID.number,
  CLASS_ID.string,
  CLASS_ID.boolean,
  CLASS_ID.symbol,
]);
const PROMISE_STATES = ['pending', 'fulfilled', 'rejected'];
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  Int8Array: 1,
  Uint8Array: 1,
  Uint8ClampedArray: 1,
  Int16Array: 2,
  Uint16Array: 2,
  Int32Array: 4,
  Uint32Array: 4,
  BigInt64Array: 8,
  BigUint64Array: 8,
  Float16Array: 2,
  Float32Array: 4,
  Float64Array: 8,
};

/** The tree of the value at `address`. Cycles are cut where they close: `{ $: 'circular' }`. */
export function treeAt(reader: HeapReader, address: number, limits: TreeLimits): unknown {
  return new TreeMaker(reader, limits).tree(address, limits.depth);
}

class TreeMaker {
  readonly #reader: HeapReader;
  readonly #limits: TreeLimits;
  readonly #charactersMax: number;
  readonly #open = new Set<number>();

  constructor(reader: HeapReader, limits: TreeLimits) {
    this.#reader = reader;
    this.#limits = limits;
    this.#charactersMax = limits.charactersMax ?? CHARACTERS_MAX;
  }

  tree(address: number, depth: number): unknown {
    const value = this.#reader.value(address, this.#charactersMax);
    return value.type === 'object' ? this.#object(value.at, depth) : plain(value);
  }

  #object(at: number, depth: number): unknown {
    if (this.#open.has(at)) return { $: 'circular' };
    this.#open.add(at);
    const tree = this.#describe(at, depth);
    this.#open.delete(at);
    return tree;
  }

  #describe(at: number, depth: number): unknown {
    const reader = this.#reader;
    if (reader.classId(at) === CLASS_ID.proxy) return { $: 'Proxy' };
    const kind = this.#kind(at);
    if (reader.isCallable(at)) return { $: 'function', name: reader.functionName(at) };
    const special = this.#special(at, kind, depth);
    if (special !== undefined && Object.keys(special).length > 1) return special;
    if (depth <= 0) return { $: kind, $cut: true };
    if (reader.isArray(at)) return this.#array(at, depth);
    const head = special ?? (kind === 'Object' ? {} : { $: kind });
    return this.#fields(at, head, depth);
  }

  #kind(at: number): string {
    const className = this.#reader.className(at);
    const constructorName = this.#reader.constructorName(at);
    return constructorName === '' ? className : constructorName;
  }

  /** What lies outside properties. Undefined for an ordinary object. */
  #special(at: number, kind: string, depth: number): TreeObject | undefined {
    const reader = this.#reader;
    const payload = at + OBJECT.payload;
    const id = reader.classId(at);
    if (id === CLASS_ID.map || id === CLASS_ID.set) return this.#collection(at, kind, depth);
    if (id === CLASS_ID.date) return { $: kind, value: isoText(reader.value(payload)) };
    if (WRAPPERS.has(id)) return { $: kind, value: plain(reader.value(payload)) };
    if (id === CLASS_ID.error) return this.#error(at, kind);
    if (id === CLASS_ID.regexp) return { $: kind, source: this.#pattern(payload) };
    if (id === CLASS_ID.promise) return this.#promise(payload, kind, depth);
    if (id === CLASS_ID.arrayBuffer) return this.#buffer(at, kind);
    if (id === CLASS_ID.dataView)
      return { $: kind, length: reader.u32(reader.u32(payload) + TYPED_ARRAY.length) };
    const elementBytes = ELEMENT_BYTES[reader.className(at)];
    return elementBytes === undefined ? undefined : this.#typedArray(at, kind, elementBytes);
  }

  #collection(at: number, kind: string, depth: number): TreeObject {
    const reader = this.#reader;
    const size = reader.recordCount(at);
    if (depth <= 0 && size > 0) return { $: kind, size, $cut: true };
    const records = reader.records(at, this.#limits.entriesMax);
    const isMap = reader.classId(at) === CLASS_ID.map;
    const head: TreeObject = isMap
      ? {
          $: kind,
          entries: records.map((one) => [this.#at(one.key, depth), this.#at(one.value, depth)]),
        }
      : { $: kind, values: records.map((one) => this.#at(one.key, depth)) };
    if (size > records.length) head.$more = size - records.length;
    return depth <= 0 ? head : this.#fields(at, head, depth);
  }

  #at(address: number, depth: number): unknown {
    return this.tree(address, depth - 1);
  }

  #array(at: number, depth: number): unknown[] {
    const reader = this.#reader;
    const { at: from, count } = reader.elements(at);
    const shown = Math.min(count, this.#limits.entriesMax);
    const tree: unknown[] = [];
    for (let index = 0; index < shown; index++) tree.push(this.#at(from + 8 * index, depth));
    const sparse = reader.properties(at).filter(({ name }) => /^\d+$/.test(name));
    for (const { name, valueAt } of sparse.slice(0, this.#limits.entriesMax)) {
      const index = Number(name);
      if (index > tree.length) tree.push({ $: 'hole', count: index - tree.length });
      tree.push(valueAt === 0 ? { $: 'accessor' } : this.#at(valueAt, depth));
    }
    const rest = count + sparse.length - Math.min(sparse.length, this.#limits.entriesMax) - shown;
    if (rest > 0) tree.push({ $more: rest });
    return tree;
  }

  #fields(at: number, head: TreeObject, depth: number): TreeObject {
    const shown = this.#reader
      .properties(at)
      .filter(({ enumerable, kind }) => enumerable || kind === 'private');
    for (const one of shown.slice(0, this.#limits.entriesMax))
      head[fieldName(one)] = this.#field(one, depth);
    if (shown.length > this.#limits.entriesMax) head.$more = shown.length - this.#limits.entriesMax;
    return head;
  }

  #field(one: HeapProperty, depth: number): unknown {
    if (one.valueAt !== 0) return this.#at(one.valueAt, depth);
    return { $: one.accessor ? 'accessor' : 'lazy' };
  }

  #error(at: number, kind: string): TreeObject {
    const message = this.#reader.find(at, 'message');
    if (message === undefined || message.valueAt === 0) return { $: kind, message: '' };
    return { $: kind, message: this.tree(message.valueAt, 0) };
  }

  #pattern(payload: number): string {
    return this.#reader.stringAt(this.#reader.u32(payload));
  }

  #promise(payload: number, kind: string, depth: number): TreeObject {
    const data = this.#reader.u32(payload);
    const state = PROMISE_STATES[this.#reader.u32(data + PROMISE.state)] ?? 'unknown';
    if (state === 'pending') return { $: kind, state };
    return { $: kind, state, value: this.#at(data + PROMISE.result, depth) };
  }

  #buffer(at: number, kind: string): TreeObject {
    const bytes = this.#reader.arrayBufferBytes(at);
    return { $: kind, length: bytes.length, hex: this.#hex(bytes) };
  }

  #typedArray(at: number, kind: string, elementBytes: number): TreeObject {
    const reader = this.#reader;
    const { at: from, count } = reader.elements(at);
    const bytes = reader.engine.u8.subarray(from, from + count * elementBytes);
    if (elementBytes === 1 && kind === 'Buffer')
      return { $: kind, length: count, hex: this.#hex(bytes) };
    const shown = Math.min(count, this.#limits.entriesMax);
    const values = typedValues(reader.className(at), bytes.slice(0, shown * elementBytes));
    const tree: TreeObject = { $: kind, length: count, values };
    if (count > shown) tree.$more = count - shown;
    return tree;
  }

  #hex(bytes: Uint8Array): string {
    const shown = bytes.subarray(0, this.#charactersMax / 2);
    return Buffer.from(shown.buffer, shown.byteOffset, shown.length).toString('hex');
  }
}

/** A key that would read as one of ours is doubled. */
function fieldName({ name, kind }: HeapProperty): string {
  if (kind === 'symbol') return `Symbol(${name})`;
  return name.startsWith('$') && /^\$(?:|more|cut)$/.test(name) ? `$${name}` : name;
}

function plain(value: HeapValue): unknown {
  switch (value.type) {
    case 'null':
      return null;
    case 'boolean':
      return value.value;
    case 'number':
      if (Number.isFinite(value.value) && !Object.is(value.value, -0)) return value.value;
      return { $: 'number', value: Object.is(value.value, -0) ? '-0' : String(value.value) };
    case 'string':
      if (value.length === value.value.length) return value.value;
      return { $: 'string', value: value.value, $more: value.length - value.value.length };
    case 'bigint':
      return { $: 'bigint', value: String(value.value) };
    case 'symbol':
      return { $: 'symbol', description: value.value };
    default:
      return { $: value.type };
  }
}

/** As toISOString for the years 0 to 9999; the number of milliseconds for others. */
function isoText(value: HeapValue): string {
  if (value.type !== 'number' || !Number.isFinite(value.value)) return 'Invalid';
  const day = Math.floor(value.value / 86_400_000);
  const left = value.value - day * 86_400_000;
  const { year, month, day: dayOfMonth } = civilFromDays(day);
  if (year < 0 || year > 9999) return String(value.value);
  const pad = (number: number, digits: number): string => String(number).padStart(digits, '0');
  const time = [3_600_000, 60_000, 1000].map((unit, index) =>
    pad(Math.floor(left / unit) % (index === 0 ? 24 : 60), 2),
  );
  const seconds = `${time.join(':')}.${pad(left % 1000, 3)}Z`;
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(dayOfMonth, 2)}T${seconds}`;
}

function typedValues(className: string, bytes: Uint8Array): unknown[] {
  const { buffer } = bytes;
  switch (className) {
    case 'Int8Array':
      return Array.from(new Int8Array(buffer));
    case 'Int16Array':
      return Array.from(new Int16Array(buffer));
    case 'Uint16Array':
      return Array.from(new Uint16Array(buffer));
    case 'Int32Array':
      return Array.from(new Int32Array(buffer));
    case 'Uint32Array':
      return Array.from(new Uint32Array(buffer));
    case 'Float16Array':
      return Array.from(new Uint16Array(buffer), (one) =>
        plain({ type: 'number', value: halfFloat(one) }),
      );
    case 'Float32Array':
      return Array.from(new Float32Array(buffer), (one) => plain({ type: 'number', value: one }));
    case 'Float64Array':
      return Array.from(new Float64Array(buffer), (one) => plain({ type: 'number', value: one }));
    case 'BigInt64Array':
      return Array.from(new BigInt64Array(buffer), String);
    case 'BigUint64Array':
      return Array.from(new BigUint64Array(buffer), String);
    default:
      return Array.from(bytes);
  }
}

/** A 16-bit float (IEEE 754 binary16) as a number. */
function halfFloat(bits: number): number {
  const sign = bits >> 15 === 1 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
