/**
 * Finds the words of the engine's structures that hv reads and writes, by behaviour and not by
 * assumed offsets. Every probe must have exactly one answer; otherwise the boot is refused, because
 * a machine that counts the wrong word is no machine.
 */

import { InvariantError } from '../base/assert.ts';
import type { Engine } from './engine.ts';
import { TAG } from './engine-abi.ts';

/** Absolute addresses, except where named an offset. */
export interface EngineLayout {
  /** JSContext.interrupt_counter (i32). */
  readonly counter: number;
  /** JSContext.random_state (u64, xorshift64*). */
  readonly randomState: number;
  /** JSRuntime.host_promise_rejection_tracker (function table index). */
  readonly rejectionTracker: number;
  /** JSRuntime.malloc_state: blocks and bytes (two u32). */
  readonly mallocState: number;
  /** Offset in an ArrayBuffer object of the pointer to its buffer record. */
  readonly arrayBufferRecord: number;
  /** Offsets in that record: length in bytes (i32) and data pointer. */
  readonly recordLength: number;
  readonly recordData: number;
  /** Added to the high word of a boxed double to get the IEEE high word. */
  readonly doubleAddend: number;
}

const STRUCTURE_WORDS = 256;

/** Call once, after the context was created while the clock answered `clockMs`. */
export function probeLayout(engine: Engine, clockMs: number): EngineLayout {
  const { runtime, context } = engine;
  return {
    counter: probeCounter(engine),
    randomState: context + probeRandomState(engine, clockMs),
    rejectionTracker: runtime + probeTracker(engine),
    mallocState: runtime + 16,
    ...probeArrayBuffer(engine),
    doubleAddend: probeDouble(engine),
  };
}

function unique<T>(what: string, hits: readonly T[]): T {
  const [only] = hits;
  if (only === undefined || hits.length !== 1)
    throw new InvariantError(`engine probe: ${what} found ${hits.length} times, refusing to boot`);
  return only;
}

/** The state is seeded with the clock in microseconds: find that number. */
function probeRandomState(engine: Engine, clockMs: number): number {
  const wanted = BigInt(clockMs) * 1000n;
  const hits: number[] = [];
  for (let offset = 0; offset < STRUCTURE_WORDS * 4; offset += 8)
    if (engine.view.getBigUint64(engine.context + offset, true) === wanted) hits.push(offset);
  return unique('random state', hits);
}

/** The counter is the word that falls by the same amount for each turn of an empty loop. */
function probeCounter(engine: Engine): number {
  const code = new TextEncoder().encode('(function(n){for(var i=0;i<n;i++){}})');
  const loop = engine.evaluate(code, 'hv:probe');
  const argument = engine.allocate(12);
  engine.u32[(argument >> 2) + 2] = argument;
  engine.i32[(argument >> 2) + 1] = TAG.int;
  const words = (): Int32Array =>
    engine.i32.slice(engine.context >> 2, (engine.context >> 2) + STRUCTURE_WORDS);
  const run = (times: number): void => {
    engine.i32[argument >> 2] = times;
    const self = engine.call.getUndefined();
    engine.freeValue(engine.call.call(engine.context, loop, self, 1, argument + 8));
  };
  run(1);
  const before = words();
  run(10);
  const middle = words();
  run(110);
  const after = words();
  engine.call.free(argument);
  engine.freeValue(loop);
  const hits: number[] = [];
  for (let word = 0; word < STRUCTURE_WORDS; word++) {
    const few = (before[word] as number) - (middle[word] as number);
    const many = (middle[word] as number) - (after[word] as number);
    if (few > 0 && many > few && (many - few) % 100 === 0) hits.push(word);
  }
  return engine.context + 4 * unique('interrupt counter', hits);
}

/** Toggling the interrupt handler changes one word; the tracker is two words behind it. */
function probeTracker(engine: Engine): number {
  const words = (): Uint32Array =>
    engine.u32.slice(engine.runtime >> 2, (engine.runtime >> 2) + STRUCTURE_WORDS);
  engine.call.disableInterruptHandler(engine.runtime);
  const off = words();
  engine.call.enableInterruptHandler(engine.runtime);
  const on = words();
  engine.call.disableInterruptHandler(engine.runtime);
  const hits = [...off.keys()].filter((word) => off[word] !== on[word]);
  const tracker = unique('interrupt handler', hits) + 2;
  if (off[tracker] !== 0 || off[tracker + 1] !== 0)
    throw new InvariantError('engine probe: rejection tracker slot is not empty');
  return tracker * 4;
}

function probeArrayBuffer(
  engine: Engine,
): Pick<EngineLayout, 'arrayBufferRecord' | 'recordLength' | 'recordData'> {
  const hits: { arrayBufferRecord: number; recordLength: number; recordData: number }[] = [];
  const length = 40;
  const data = engine.allocate(length);
  const value = engine.call.newArrayBuffer(engine.context, data, length);
  const object = engine.u32[value >> 2] as number;
  for (let pointer = 0; pointer < 64; pointer += 4) {
    const record = engine.u32[(object + pointer) >> 2] as number;
    if (record < 1024 || record % 4 !== 0 || record + 64 > engine.u8.length) continue;
    if (engine.i32[record >> 2] !== length) continue;
    for (let offset = 4; offset < 48; offset += 4)
      if (engine.u32[(record + offset) >> 2] === data)
        hits.push({ arrayBufferRecord: pointer, recordLength: 0, recordData: offset });
  }
  engine.freeValue(value);
  return unique('array buffer record', hits);
}

/** 1.5 is 0x3ff80000_00000000; what the box adds to its high word is the same for every double. */
function probeDouble(engine: Engine): number {
  const value = engine.call.newFloat64(engine.context, 1.5);
  const addend = 0x3ff80000 - (engine.i32[(value >> 2) + 1] as number);
  engine.freeValue(value);
  return addend | 0;
}
