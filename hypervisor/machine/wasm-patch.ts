/**
 * Appends exports to a WebAssembly binary: the engine's function table and stack pointer, which the
 * published file keeps to itself and the helper needs. Section layout: WebAssembly core
 * specification 1.0, 5.5.
 */

import { assert } from '../base/assert.ts';
import { leb } from './leb.ts';

const EXPORT_SECTION = 7;
const PREAMBLE_BYTES = 8;

export interface AddedExport {
  readonly name: string;
  /** 1 table, 3 global. */
  readonly kind: 1 | 3;
  readonly index: number;
}

/** A copy of `wasm` whose export section ends with `added`. The module must have that section. */
export function addExports(wasm: Uint8Array, added: readonly AddedExport[]): Uint8Array {
  let at = PREAMBLE_BYTES;
  while (at < wasm.length) {
    const id = wasm[at];
    const size = readLeb(wasm, at + 1);
    const bodyEnd = size.next + size.value;
    if (id === EXPORT_SECTION) return spliceExports(wasm, { at, body: size.next, bodyEnd }, added);
    at = bodyEnd;
  }
  assert(false, 'engine has an export section');
}

function spliceExports(
  wasm: Uint8Array,
  section: { at: number; body: number; bodyEnd: number },
  added: readonly AddedExport[],
): Uint8Array {
  const count = readLeb(wasm, section.body);
  const tail = added.flatMap((one) => [
    ...leb(one.name.length),
    ...new TextEncoder().encode(one.name),
    one.kind,
    ...leb(one.index),
  ]);
  const head = leb(count.value + added.length);
  const kept = wasm.subarray(count.next, section.bodyEnd);
  const size = leb(head.length + kept.length + tail.length);
  const parts = [
    wasm.subarray(0, section.at),
    Uint8Array.from([EXPORT_SECTION, ...size, ...head]),
    kept,
    Uint8Array.from(tail),
    wasm.subarray(section.bodyEnd),
  ];
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let to = 0;
  for (const part of parts) {
    out.set(part, to);
    to += part.length;
  }
  return out;
}

function readLeb(bytes: Uint8Array, from: number): { value: number; next: number } {
  let value = 0;
  let shift = 0;
  for (let at = from; ; at++) {
    const byte = bytes[at];
    assert(byte !== undefined && shift < 35, 'engine section sizes are well formed');
    value += (byte & 127) * 2 ** shift;
    shift += 7;
    if (byte < 128) return { value, next: at + 1 };
  }
}
