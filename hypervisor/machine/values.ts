/**
 * Values crossing the boundary: small integers, doubles, bytes and texts. Reading never runs guest
 * code (no toString, no getters): only tags and memory are looked at. Texts cross as the engine's
 * binary form (bjson), because C strings would be cut at the first NUL.
 *
 * "Owned" pointers are freed by whoever receives them: results of traps by the engine.
 */

import { assert } from '../base/assert.ts';
import type { Engine } from './engine.ts';
import { TAG } from './engine-abi.ts';
import { leb } from './leb.ts';

/** bjson: version, no atoms, then the tag of a string. */
const BJSON_STRING_HEADER: readonly number[] = [5, 0, 7];
const VALUE_BYTES = 8;

/** Argument `index` of a trap as an integer; 0 when it is no number. */
export function readInt(engine: Engine, argv: number, index: number): number {
  const at = argv + index * VALUE_BYTES;
  if (engine.i32[(at >> 2) + 1] === TAG.int) return engine.i32[at >> 2] as number;
  return Math.trunc(readNumber(engine, argv, index)) | 0;
}

/** Argument `index` as a double; 0 when it is no number. */
export function readNumber(engine: Engine, argv: number, index: number): number {
  const at = argv + index * VALUE_BYTES;
  const tag = engine.i32[(at >> 2) + 1] as number;
  if (tag === TAG.int) return engine.i32[at >> 2] as number;
  if (tag >= -16 && tag <= 16) return 0;
  DOUBLE_WORDS[0] = engine.u32[at >> 2] as number;
  DOUBLE_WORDS[1] = (tag + engine.layout.doubleAddend) >>> 0;
  return DOUBLE[0] as number;
}

const DOUBLE = new Float64Array(1);
const DOUBLE_WORDS = new Uint32Array(DOUBLE.buffer);

/**
 * The bytes `[offset, offset + length)` of the ArrayBuffer in argument `index`: a view of guest
 * memory, valid until the next call into the engine. Out of range or no buffer: empty.
 */
export function readBytes(
  engine: Engine,
  argv: number,
  index: number,
  range: { offset: number; length: number },
): Uint8Array {
  const whole = bufferOf(engine, argv + index * VALUE_BYTES);
  if (range.offset < 0 || range.length < 0 || range.offset + range.length > whole.length)
    return whole.subarray(0, 0);
  return whole.subarray(range.offset, range.offset + range.length);
}

function bufferOf(engine: Engine, value: number): Uint8Array {
  if (engine.i32[(value >> 2) + 1] !== TAG.object) return engine.u8.subarray(0, 0);
  const object = engine.u32[value >> 2] as number;
  const record = engine.u32[(object + engine.layout.arrayBufferRecord) >> 2] as number;
  const length = engine.i32[(record + engine.layout.recordLength) >> 2] as number;
  const data = engine.u32[(record + engine.layout.recordData) >> 2] as number;
  if (length <= 0 || data + length > engine.u8.length) return engine.u8.subarray(0, 0);
  return engine.u8.subarray(data, data + length);
}

/** Argument `index` as text, UTF-16 exact; empty when it is no string. */
export function readText(engine: Engine, argv: number, index: number): string {
  const encoded = engine.call.bjsonEncode(engine.context, argv + index * VALUE_BYTES);
  if (engine.tag(encoded) === TAG.exception) {
    clearException(engine, encoded);
    return '';
  }
  const text = parseText(bufferOf(engine, encoded));
  engine.freeValue(encoded);
  return text;
}

/** Clears a pending exception and frees its value and the marker. */
export function clearException(engine: Engine, marker: number): void {
  const error = engine.call.resolveException(engine.context, marker);
  if (error !== 0) engine.freeValue(error);
  engine.freeValue(marker);
}

function parseText(bytes: Uint8Array): string {
  if (BJSON_STRING_HEADER.some((byte, index) => bytes[index] !== byte)) return '';
  let at = BJSON_STRING_HEADER.length;
  let head = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] as number;
    head += (byte & 127) * 2 ** shift;
    if (byte < 128) break;
  }
  const wide = head % 2 === 1;
  const length = Math.floor(head / 2) * (wide ? 2 : 1);
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString(
    wide ? 'utf16le' : 'latin1',
  );
}

/** An owned integer or double. */
export function newNumber(engine: Engine, value: number): number {
  if ((value | 0) !== value || Object.is(value, -0))
    return engine.call.newFloat64(engine.context, value);
  const at = engine.allocate(VALUE_BYTES);
  engine.i32[at >> 2] = value;
  engine.i32[(at >> 2) + 1] = TAG.int;
  return at;
}

/** An owned ArrayBuffer with a copy of `bytes`. */
export function newBytes(engine: Engine, bytes: Uint8Array): number {
  const data = engine.allocate(bytes.length);
  engine.u8.set(bytes, data);
  return engine.call.newArrayBuffer(engine.context, data, bytes.length);
}

/** An owned string. */
export function newText(engine: Engine, text: string): number {
  const wide = hasWide(text);
  const size = text.length * (wide ? 2 : 1);
  const head = leb(text.length * 2 + (wide ? 1 : 0));
  const prefix = BJSON_STRING_HEADER.length + head.length;
  const data = engine.allocate(prefix + size);
  engine.u8.set(BJSON_STRING_HEADER, data);
  engine.u8.set(head, data + BJSON_STRING_HEADER.length);
  Buffer.from(engine.memory.buffer, data + prefix, size).write(text, wide ? 'utf16le' : 'latin1');
  const bytes = engine.call.newArrayBuffer(engine.context, data, prefix + size);
  const value = engine.call.bjsonDecode(engine.context, bytes);
  engine.freeValue(bytes);
  assert(engine.tag(value) !== TAG.exception, 'text decodes in the guest');
  return value;
}

function hasWide(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 255) return true;
  return false;
}
