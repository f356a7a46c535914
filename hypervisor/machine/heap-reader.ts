/**
 * Reads values out of guest memory as they lie there. Runs no guest code: no getter, no proxy, no
 * toString. Nothing is written, so it may look into any memory at rest; addresses it hands out are
 * valid until the guest runs again.
 */

import { InvariantError } from '../base/assert.ts';
import type { Engine } from './engine.ts';
import { TAG } from './engine-abi.ts';
import {
  ARRAY,
  ATOM_HASH_MASK,
  ATOM_HASH_PRIVATE,
  ATOM_TYPE_SHIFT,
  ATOM_TYPE_STRING,
  BIGINT,
  CLASS_BYTES,
  CLASS_ID,
  CLASS_NAME,
  FAST_ARRAY,
  HEADER,
  HEAP_TAG,
  KIND_MASK,
  KIND_OBJECT,
  MAP,
  OBJECT,
  PROPERTY_BYTES,
  PROPERTY_ENUMERABLE,
  PROPERTY_FLAGS_SHIFT,
  PROPERTY_TYPE,
  PROPERTY_TYPE_SHIFT,
  RECORD,
  ROPE,
  RUNTIME,
  SHAPE,
  STRING,
  TAG_MAX,
  TAG_MIN,
  VARIABLE,
} from './heap-layout.ts';

export type HeapValue =
  | { readonly type: 'undefined' | 'null' | 'uninitialized' | 'other' }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'bigint'; readonly value: bigint }
  /** `value` may be cut; `length` is the whole length in UTF-16 units. */
  | { readonly type: 'string'; readonly value: string; readonly length: number }
  | { readonly type: 'symbol'; readonly value: string }
  | { readonly type: 'object'; readonly at: number };

export interface HeapProperty {
  readonly name: string;
  readonly kind: 'string' | 'symbol' | 'private';
  readonly enumerable: boolean;
  /** Address of the value; 0 for an accessor, or for what the engine makes on first use. */
  readonly valueAt: number;
  readonly accessor: boolean;
}

interface AtomText {
  readonly text: string;
  readonly kind: HeapProperty['kind'];
}

const CHARACTERS_MAX = 65_536;
const PROTOTYPES_MAX = 100;
const OBJECT_BYTES_MIN = 16;
const VALUE_BYTES = 8;
const ENDLESS = 'heap reader: a list does not end';
const CLOSURE_CLASSES: ReadonlySet<number> = new Set([
  CLASS_ID.bytecodeFunction,
  CLASS_ID.generatorFunction,
  CLASS_ID.asyncFunction,
  CLASS_ID.asyncGeneratorFunction,
]);
const CALLABLE: ReadonlySet<number> = new Set([
  ...CLOSURE_CLASSES,
  CLASS_ID.nativeFunction,
  CLASS_ID.boundFunction,
  CLASS_ID.nativeClosure,
]);

/** By the low byte of the class id; all classes of the engine fit into it. */
const CLOSURES: readonly boolean[] = Array.from({ length: 256 }, (_, id) =>
  CLOSURE_CLASSES.has(id),
);

export class HeapReader {
  readonly engine: Engine;
  /** The same few names are read over and over, and decoding one costs more than all else. */
  readonly #atoms = new Map<number, AtomText>();
  #closures: readonly number[] | undefined;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  u32(address: number): number {
    return this.engine.u32[address >> 2] as number;
  }

  u16(address: number): number {
    return this.engine.view.getUint16(address, true);
  }

  /** A count in memory. One that memory cannot hold is a wrong address, and not worth a long loop. */
  count(address: number): number {
    const count = this.u32(address);
    if (count <= this.engine.u8.length / VALUE_BYTES) return count;
    throw new InvariantError('heap reader: a count is larger than memory');
  }

  /** The value whose eight bytes are at `address`. */
  value(address: number, charactersMax: number = CHARACTERS_MAX): HeapValue {
    const payload = this.u32(address);
    const tag = this.engine.i32[(address >> 2) + 1] as number;
    switch (tag) {
      case TAG.object:
        return { type: 'object', at: payload };
      case TAG.int:
        return { type: 'number', value: payload | 0 };
      case TAG.bool:
        return { type: 'boolean', value: payload !== 0 };
      case TAG.null:
        return { type: 'null' };
      case TAG.undefined:
        return { type: 'undefined' };
      case HEAP_TAG.uninitialized:
        return { type: 'uninitialized' };
      case HEAP_TAG.string:
      case HEAP_TAG.rope:
        return this.#text(address, charactersMax);
      case HEAP_TAG.symbol:
        return { type: 'symbol', value: this.#characters(payload, CHARACTERS_MAX) };
      case HEAP_TAG.shortBigint:
        return { type: 'bigint', value: BigInt(payload | 0) };
      case HEAP_TAG.bigint:
        return { type: 'bigint', value: this.#bigint(payload) };
      default:
        if (tag >= TAG_MIN && tag <= TAG_MAX) return { type: 'other' };
        return { type: 'number', value: this.#double(payload, tag) };
    }
  }

  /** Forgets what it remembers of this memory. Call whenever guest code ran or memory was loaded. */
  reset(): void {
    this.#atoms.clear();
    this.#closures = undefined;
  }

  /** The text of an atom; of a symbol its description, of a private name with its `#`. */
  atom(atom: number): AtomText {
    if (atom >>> 31 === 1) return { text: String(atom & 0x7fffffff), kind: 'string' };
    let known = this.#atoms.get(atom);
    if (known === undefined) {
      known = this.#readAtom(atom);
      this.#atoms.set(atom, known);
    }
    return known;
  }

  #readAtom(atom: number): AtomText {
    const at = this.u32(this.u32(this.engine.runtime + RUNTIME.atomArray) + 4 * atom);
    const hash = this.u32(at + STRING.hash);
    const text = this.#characters(at, CHARACTERS_MAX);
    if (hash >>> ATOM_TYPE_SHIFT === ATOM_TYPE_STRING) return { text, kind: 'string' };
    const isPrivate = (hash & ATOM_HASH_MASK) === ATOM_HASH_PRIVATE;
    return { text, kind: isPrivate ? 'private' : 'symbol' };
  }

  classId(object: number): number {
    return this.u16(object + OBJECT.classId);
  }

  /** A function with bytecode: only these capture variables. */
  isClosure(object: number): boolean {
    return CLOSURE_CLASSES.has(this.classId(object));
  }

  isCallable(object: number): boolean {
    return CALLABLE.has(this.classId(object));
  }

  /** The engine's own name of the object's class: what it was made as, whatever its prototype. */
  className(object: number): string {
    const classes = this.u32(this.engine.runtime + RUNTIME.classArray);
    return this.atom(this.u32(classes + CLASS_BYTES * this.classId(object) + CLASS_NAME)).text;
  }

  /** 0 when there is none. */
  prototype(object: number): number {
    return this.u32(this.u32(object + OBJECT.shape) + SHAPE.prototype);
  }

  /** Own properties in the order they were made, elements of fast arrays not included. */
  properties(object: number): HeapProperty[] {
    const shape = this.u32(object + OBJECT.shape);
    const count = this.count(shape + SHAPE.count);
    const found: HeapProperty[] = [];
    for (let index = 0; index < count; index++) {
      const one = this.#property(object, shape, index);
      if (one !== undefined) found.push(one);
    }
    return found;
  }

  /** The own property of that name (a string key), or undefined. */
  own(object: number, name: string): HeapProperty | undefined {
    return this.properties(object).find((one) => one.kind === 'string' && one.name === name);
  }

  /** The property of that name on the object or its prototypes. Runs no getter. */
  find(object: number, name: string): HeapProperty | undefined {
    for (const at of this.prototypeChain(object)) {
      const found = this.own(at, name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The object and its prototypes; ends at a proxy, whose prototype only guest code knows. */
  prototypeChain(object: number): number[] {
    const chain: number[] = [];
    for (let at = object; at !== 0 && chain.length < PROTOTYPES_MAX; at = this.prototype(at)) {
      if (this.classId(at) === CLASS_ID.proxy) break;
      chain.push(at);
    }
    return chain;
  }

  /** `name` of the `constructor` the object inherits; "" when there is none. */
  constructorName(object: number): string {
    const property = this.find(object, 'constructor');
    if (property === undefined || property.valueAt === 0) return '';
    const value = this.value(property.valueAt);
    return value.type === 'object' ? this.functionName(value.at) : '';
  }

  functionName(object: number): string {
    const name = this.own(object, 'name');
    if (name === undefined || name.valueAt === 0) return '';
    const value = this.value(name.valueAt);
    return value.type === 'string' ? value.value : '';
  }

  isArray(object: number): boolean {
    return this.classId(object) === CLASS_ID.array;
  }

  /** Addresses of the elements of an array in its fast form: `count` values from `at`. */
  elements(object: number): { readonly at: number; readonly count: number } {
    const fast = ((this.engine.u8[object + OBJECT.flags] as number) & FAST_ARRAY) !== 0;
    if (!fast) return { at: 0, count: 0 };
    return { at: this.u32(object + ARRAY.elements), count: this.u32(object + ARRAY.count) };
  }

  /** Addresses of keys and values of a Map (of a Set: the values are undefined), in order. */
  records(object: number, max: number): { readonly key: number; readonly value: number }[] {
    const state = this.u32(object + OBJECT.payload);
    const head = state + MAP.records;
    const found: { key: number; value: number }[] = [];
    const stepsMax = this.engine.u8.length / OBJECT_BYTES_MIN;
    let steps = 0;
    for (let link = this.u32(head + 4); link !== head; link = this.u32(link + 4)) {
      if (found.length >= max) break;
      if (++steps > stepsMax) throw new InvariantError(ENDLESS);
      const record = link - RECORD.link;
      if (this.engine.u8[record + RECORD.empty] !== 0) continue;
      found.push({ key: record + RECORD.key, value: record + RECORD.value });
    }
    return found;
  }

  recordCount(object: number): number {
    return this.u32(this.u32(object + OBJECT.payload) + MAP.count);
  }

  /** The text of a string structure that no value points to, such as a pattern's. */
  stringAt(string: number): string {
    return this.#characters(string, CHARACTERS_MAX);
  }

  /** The bytes of an ArrayBuffer object: a view of guest memory. */
  arrayBufferBytes(object: number): Uint8Array {
    const { arrayBufferRecord, recordLength, recordData } = this.engine.layout;
    const record = this.u32(object + arrayBufferRecord);
    const data = this.u32(record + recordData);
    return this.engine.u8.subarray(data, data + this.u32(record + recordLength));
  }

  /** Addresses of all function objects with bytecode, in the order of the collector's list. */
  closures(): readonly number[] {
    this.#closures ??= this.#findClosures();
    return this.#closures;
  }

  /** One tight loop over every object of the guest: tens of thousands in a small server. */
  #findClosures(): number[] {
    const { u8, u32 } = this.engine;
    const found: number[] = [];
    const head = this.engine.runtime + RUNTIME.objects;
    const objectsMax = u8.length / OBJECT_BYTES_MIN;
    let objects = 0;
    for (let link = this.u32(head + 4); link !== head; link = u32[(link + 4) >> 2] as number) {
      if (++objects > objectsMax) throw new InvariantError(ENDLESS);
      const at = link - HEADER.link;
      if (((u8[at + HEADER.kind] as number) & KIND_MASK) !== KIND_OBJECT) continue;
      if (CLOSURES[u8[at + OBJECT.classId] as number] === true) found.push(at);
    }
    return found;
  }

  #property(object: number, shape: number, index: number): HeapProperty | undefined {
    const entry = shape + SHAPE.properties + PROPERTY_BYTES * index;
    const atom = this.u32(entry + 4);
    if (atom === 0) return undefined;
    const flags = this.u32(entry) >>> PROPERTY_FLAGS_SHIFT;
    const type = flags >> PROPERTY_TYPE_SHIFT;
    const slot = this.u32(object + OBJECT.properties) + PROPERTY_BYTES * index;
    let valueAt = 0;
    if (type === PROPERTY_TYPE.value) valueAt = slot;
    else if (type === PROPERTY_TYPE.variable) valueAt = this.u32(this.u32(slot) + VARIABLE.value);
    const { text, kind } = this.atom(atom);
    const enumerable = (flags & PROPERTY_ENUMERABLE) !== 0;
    return { name: text, kind, enumerable, valueAt, accessor: type === PROPERTY_TYPE.accessor };
  }

  /** Concatenations are walked with a stack of our own: they may be nested as deep as they are long. */
  #text(address: number, charactersMax: number): HeapValue {
    const whole = this.u32(address);
    const isRope = this.engine.i32[(address >> 2) + 1] === HEAP_TAG.rope;
    const length = this.u32(whole + (isRope ? ROPE.length : STRING.length)) & 0x7fffffff;
    const todo = [address];
    let text = '';
    // A concatenation of n characters has fewer than n parts that are concatenations themselves.
    let stepsLeft = 4 * Math.min(length, this.engine.u8.length) + 16;
    for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
      if (text.length >= charactersMax) break;
      if (--stepsLeft < 0) throw new InvariantError(ENDLESS);
      const part = this.u32(at);
      if (this.engine.i32[(at >> 2) + 1] === HEAP_TAG.rope)
        todo.push(part + ROPE.right, part + ROPE.left);
      else text += this.#characters(part, charactersMax - text.length);
    }
    return { type: 'string', value: text, length };
  }

  #characters(string: number, max: number): string {
    const head = this.u32(string + STRING.length);
    const wide = head >>> 31 === 1;
    const length = Math.min(head & 0x7fffffff, max) * (wide ? 2 : 1);
    const { buffer } = this.engine.u8;
    return Buffer.from(buffer, string + STRING.characters, length).toString(
      wide ? 'utf16le' : 'latin1',
    );
  }

  #bigint(at: number): bigint {
    const words = this.count(at + BIGINT.length);
    let value = 0n;
    for (let word = words - 1; word >= 0; word--)
      value = (value << 32n) | BigInt(this.u32(at + BIGINT.words + 4 * word));
    return BigInt.asIntN(32 * words, value);
  }

  #double(low: number, tag: number): number {
    DOUBLE_WORDS[0] = low;
    DOUBLE_WORDS[1] = (tag + this.engine.layout.doubleAddend) >>> 0;
    return DOUBLE[0] as number;
  }
}

const DOUBLE = new Float64Array(1);
const DOUBLE_WORDS = new Uint32Array(DOUBLE.buffer);
