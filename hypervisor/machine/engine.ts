/**
 * The engine as a processor: instantiated with our own import object and no glue, every import
 * answered deterministically. Trap and emulate happens at this boundary and nowhere else; no global
 * of the guest is patched from outside.
 *
 * Never: read a clock, call the guest outside a turn, throw from an import (that would unwind the
 * engine without restoring its stack).
 */

import { MEMORY_PAGE_BYTES, MEMORY_RESERVED_BYTES } from '../base/limits.ts';
import { civilFromDays } from './civil-date.ts';
import {
  ENGINE_EXPORTS,
  ENGINE_IMPORTS,
  type EngineExports,
  PATCHED_EXPORTS,
  POLL_RELOAD,
  SBRK_ADDRESS,
  STRIP_FLAGS_OFFSET,
  TAG,
} from './engine-abi.ts';
import { type EngineLayout, probeLayout } from './engine-layout.ts';
import { IMAGE_PAGE_BYTES, type MemoryRun, writeMemory } from './memory-image.ts';

/** Bytes booked for the runtime's blocks that were allocated before the helper counted. */
const BOOT_HEAP_BYTES = 65_536;
const HELPER_AREA_BYTES = 1024;
/** In the order of the runtime's allocator slots; the tracker goes elsewhere. */
const HELPER_FUNCTIONS = ['malloc', 'free', 'realloc', 'usable', 'tracker'];

/** What an engine is made of; compiled once per process by the host. */
export interface EngineParts {
  /** The pinned engine with PATCHED_EXPORTS appended. */
  readonly engine: WebAssembly.Module;
  readonly helper: WebAssembly.Module;
  readonly engineHash: string;
  readonly helperHash: string;
}

/** Calls out of the engine, answered by the machine. None of them may throw. */
export interface EngineHooks {
  /** Milliseconds since the Unix epoch, fractional: `Date` in the guest. */
  dateNow(): number;
  /** A bound function was called; returns a pointer to an owned value, or 0 for undefined. */
  trap(id: number, argc: number, argv: number): number;
  /** An interrupt poll; 1 stops the guest with an uncatchable exception. */
  poll(): number;
  /** The engine wrote to its standard output (its own diagnostics, never the guest's console). */
  diagnostic(text: string): void;
  /** A promise was rejected without a handler, or a handler came late. */
  rejection(promise: number, reason: number, handled: boolean): void;
}

/** The engine's own pointers. Plain data; valid for memory of the same engine only. */
export interface EngineState {
  readonly runtime: number;
  readonly context: number;
  readonly undefinedValue: number;
  readonly layout: EngineLayout;
  readonly helperArea: number;
}

/** Fixed for the life of a guest, and part of its log's header. */
export interface EngineLimits {
  /** Pages of 64 KiB. */
  readonly memoryPages: number;
  readonly stackBytes: number;
}

/** The engine aborted: its memory is no longer a valid machine. */
export class EngineFault extends Error {
  override readonly name = 'EngineFault';
}

export class Engine {
  readonly memory: WebAssembly.Memory;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly view: DataView;
  readonly call: EngineExports;
  readonly layout: EngineLayout;
  readonly runtime: number;
  readonly context: number;
  readonly undefinedValue: number;
  readonly #hooks: EngineHooks;
  readonly #limits: EngineLimits;
  readonly #stackPointer: WebAssembly.Global;
  #probing: number | undefined;

  /** Boots the engine, or wakes it from the memory of one that was booted with the same limits. */
  constructor(
    parts: EngineParts,
    limits: EngineLimits,
    hooks: EngineHooks,
    saved?: { readonly state: EngineState; readonly memory: readonly MemoryRun[] },
  ) {
    this.#hooks = hooks;
    this.#limits = limits;
    // Initial equals maximum: growth cannot fail on one host only, and views never detach.
    this.memory = new WebAssembly.Memory({
      initial: limits.memoryPages,
      maximum: limits.memoryPages,
    });
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.view = new DataView(buffer);
    const instance = new WebAssembly.Instance(parts.engine, { a: this.#imports() });
    this.#stackPointer = instance.exports[PATCHED_EXPORTS.stackPointer] as WebAssembly.Global;
    this.call = Object.fromEntries(
      Object.entries(ENGINE_EXPORTS).map(([name, letter]) => [name, instance.exports[letter]]),
    ) as unknown as EngineExports;
    if (saved === undefined) this.call.callCtors();
    this.runtime = saved?.state.runtime ?? this.call.newRuntime();
    this.#helperArea = saved?.state.helperArea ?? this.#newHelperArea();
    this.#linkHelper(parts.helper, instance);
    if (saved !== undefined) {
      writeMemory(this.u8, saved.memory);
      this.context = saved.state.context;
      this.layout = saved.state.layout;
      this.undefinedValue = saved.state.undefinedValue;
      this.#applyLimits();
      return;
    }
    this.#installAllocator();
    this.context = this.#newContext();
    this.layout = probeLayout(this, this.#probeClock);
    this.#applyLimits();
    this.counter = POLL_RELOAD;
    this.call.enableInterruptHandler(this.runtime);
    this.u32[this.layout.rejectionTracker >> 2] =
      this.#helperTable + HELPER_FUNCTIONS.indexOf('tracker');
    this.undefinedValue = this.call.getUndefined();
  }

  /** What a later engine needs beside the memory to go on from here. Between turns only. */
  save(): EngineState {
    const { runtime, context, undefinedValue, layout } = this;
    return { runtime, context, undefinedValue, layout, helperArea: this.#helperArea };
  }

  /** Bytes from 0 that were ever used, a multiple of the page size of memory-image.ts. */
  get extent(): number {
    const used = this.u32[SBRK_ADDRESS >> 2] as number;
    return Math.min(
      Math.ceil(used / IMAGE_PAGE_BYTES) * IMAGE_PAGE_BYTES,
      this.memory.buffer.byteLength,
    );
  }

  /**
   * Puts this engine back to what `save` and `readMemory` took of one like it. Between turns only.
   * Throws EngineFault when that one was laid out otherwise.
   */
  restore(saved: { readonly state: EngineState; readonly memory: readonly MemoryRun[] }): void {
    if (JSON.stringify(saved.state) !== JSON.stringify(this.save()))
      throw new EngineFault('the snapshot is of another engine');
    writeMemory(this.u8, saved.memory, this.extent);
    this.#applyLimits();
  }

  /** Bytes and blocks of the guest's heap. */
  get heap(): { readonly bytes: number; readonly blocks: number } {
    const at = this.layout.mallocState >> 2;
    return { blocks: this.u32[at] as number, bytes: this.u32[at + 1] as number };
  }

  /** The engine's interrupt counter: polls left before it calls `poll`. */
  get counter(): number {
    return this.i32[this.layout.counter >> 2] as number;
  }

  set counter(polls: number) {
    this.i32[this.layout.counter >> 2] = polls;
  }

  /** The engine's own stack pointer; inside a call it is all that memory does not hold. */
  get stackPointer(): number {
    return this.#stackPointer.value as number;
  }

  set stackPointer(address: number) {
    this.#stackPointer.value = address;
  }

  /** State word of Math.random, two unsigned 32-bit halves. A zero state is never written. */
  setRandomState(low: number, high: number): void {
    this.u32[this.layout.randomState >> 2] = low | 1;
    this.u32[(this.layout.randomState >> 2) + 1] = high;
  }

  /** Guest memory for `bytes` bytes, owned by the caller. Throws EngineFault when there is none. */
  allocate(bytes: number): number {
    const at = this.call.malloc(Math.max(bytes, 1));
    if (at === 0) throw new EngineFault('guest memory is exhausted');
    return at;
  }

  tag(value: number): number {
    return this.i32[(value >> 2) + 1] as number;
  }

  /**
   * Evaluates a script in the global scope; the result is an owned value, maybe an exception. `strip`:
   * STRIP_SOURCE for code whose functions keep no text, which is half of what they cost.
   */
  evaluate(code: Uint8Array, fileName: string, strip = 0): number {
    const at = this.allocate(code.length + 1);
    this.u8.set(code, at);
    this.u8[at + code.length] = 0;
    const name = this.cString(fileName);
    this.u8[this.runtime + STRIP_FLAGS_OFFSET] = strip;
    const result = this.call.evaluate(this.context, at, code.length, name, 0, 0);
    this.u8[this.runtime + STRIP_FLAGS_OFFSET] = 0;
    this.call.free(at);
    this.call.free(name);
    return result;
  }

  /** NUL-terminated ASCII, owned by the caller. Only for names hv itself chose. */
  cString(text: string): number {
    const at = this.allocate(text.length + 1);
    for (let index = 0; index < text.length; index++) this.u8[at + index] = text.charCodeAt(index);
    this.u8[at + text.length] = 0;
    return at;
  }

  getProperty(object: number, name: string): number {
    const text = this.cString(name);
    const key = this.call.newString(this.context, text);
    const value = this.call.getProp(this.context, object, key);
    this.call.freeValue(this.context, key);
    this.call.free(text);
    return value;
  }

  setProperty(object: number, name: string, value: number): void {
    const text = this.cString(name);
    const key = this.call.newString(this.context, text);
    this.call.setProp(this.context, object, key, value);
    this.call.freeValue(this.context, key);
    this.call.free(text);
  }

  /** Frees an owned value. The shared `undefined` is static memory of the engine and stays. */
  freeValue(value: number): void {
    if (value !== this.undefinedValue) this.call.freeValue(this.context, value);
  }

  /** Text of an exception for people, after the machine is done for: it may run guest code. */
  describe(value: number): string {
    const text = this.call.getString(this.context, value);
    const end = this.u8.indexOf(0, text);
    const out = new TextDecoder().decode(this.u8.slice(text, end));
    this.call.freeCString(this.context, text);
    return out;
  }

  /** The only words in which engines with other limits differ when their firmware has booted. */
  #applyLimits(): void {
    this.call.setMaxStackSize(this.runtime, this.#limits.stackBytes);
    this.call.setMemoryLimit(this.runtime, heapBytesMax(this.#limits.memoryPages));
  }

  #newContext(): number {
    // Context creation seeds Math.random from the clock: a distinctive time finds the state word.
    this.#probing = this.#probeClock;
    const context = this.call.newContext(this.runtime, 0);
    this.#probing = undefined;
    return context;
  }

  readonly #probeClock: number = 1_234_567_890_125;

  /** Scratch and free lists of the helper. */
  readonly #helperArea: number;
  /** Index of the helper's first function in the engine's table. */
  #helperTable = 0;

  #newHelperArea(): number {
    const area = this.allocate(HELPER_AREA_BYTES);
    this.u8.fill(0, area, area + HELPER_AREA_BYTES);
    return area;
  }

  #linkHelper(helper: WebAssembly.Module, instance: WebAssembly.Instance): void {
    const linked = new WebAssembly.Instance(helper, {
      env: {
        memory: this.memory,
        malloc: instance.exports[ENGINE_EXPORTS.malloc] as WebAssembly.ExportValue,
        free: instance.exports[ENGINE_EXPORTS.free] as WebAssembly.ExportValue,
        rejection: (at: number, handled: number) =>
          this.#hooks.rejection(at, at + 8, handled !== 0),
      },
    }).exports as Record<string, (...args: number[]) => number>;
    const table = instance.exports[PATCHED_EXPORTS.table] as WebAssembly.Table;
    this.#helperTable = table.grow(HELPER_FUNCTIONS.length);
    for (const [index, name] of HELPER_FUNCTIONS.entries())
      table.set(this.#helperTable + index, linked[name]);
    linked.init?.(this.#helperArea);
  }

  /** JSRuntime opens with the four allocator functions and { blocks, bytes, limit }. */
  #installAllocator(): void {
    for (let slot = 0; slot < 4; slot++)
      this.u32[(this.runtime >> 2) + slot] = this.#helperTable + slot;
    this.u32[(this.runtime >> 2) + 5] = BOOT_HEAP_BYTES;
  }

  #imports(): Record<string, WebAssembly.ImportValue> {
    const letter = ENGINE_IMPORTS;
    const fault = (what: string) => (): never => {
      throw new EngineFault(what);
    };
    return {
      [letter.memory]: this.memory,
      [letter.assertFail]: fault('engine assertion failed'),
      [letter.abort]: fault('engine aborted'),
      [letter.procExit]: fault('engine exited'),
      [letter.keepaliveClear]: () => undefined,
      [letter.setitimer]: () => 0,
      [letter.dateNow]: () => this.#probing ?? this.#hooks.dateNow(),
      [letter.localtime]: (time: bigint, at: number) => this.#localtime(Number(time), at),
      [letter.tzset]: (zone: number, daylight: number, standard: number, summer: number) => {
        this.u32[zone >> 2] = 0;
        this.u32[daylight >> 2] = 0;
        for (const name of [standard, summer]) this.u8.set([85, 84, 67, 0], name);
      },
      // An empty environment: the stock glue would write LANG and the script's path into memory.
      [letter.environSizesGet]: (count: number, size: number) => {
        this.u32[count >> 2] = 0;
        this.u32[size >> 2] = 0;
        return 0;
      },
      [letter.environGet]: () => 0,
      [letter.fdClose]: () => 52,
      [letter.fdSeek]: () => 70,
      [letter.fdWrite]: (_fd: number, vectors: number, count: number, written: number) =>
        this.#fdWrite(vectors, count, written),
      // Memory is fixed: growing always fails, at the same request on every host.
      [letter.resizeHeap]: () => 0,
      [letter.callFunction]: (
        _context: number,
        _self: number,
        argc: number,
        argv: number,
        id: number,
      ) => this.#hooks.trap(id, argc, argv),
      [letter.shouldInterrupt]: () => this.#hooks.poll(),
      [letter.loadModuleSource]: () => 0,
      [letter.normalizeModule]: () => 0,
      [letter.freeHostRef]: () => undefined,
    };
  }

  #fdWrite(vectors: number, count: number, written: number): number {
    let total = 0;
    for (let index = 0; index < count; index++) {
      const at = this.u32[(vectors >> 2) + index * 2] as number;
      const length = this.u32[(vectors >> 2) + index * 2 + 1] as number;
      this.#hooks.diagnostic(new TextDecoder().decode(this.u8.slice(at, at + length)));
      total += length;
    }
    this.u32[written >> 2] = total;
    return 0;
  }

  /** struct tm in UTC: the zone of every guest in this version (docs/determinism.md). */
  #localtime(seconds: number, at: number): void {
    const days = Math.floor(seconds / 86_400);
    const rest = seconds - days * 86_400;
    const { year, month, day, dayOfYear } = civilFromDays(days);
    const fields = [
      rest % 60,
      Math.floor(rest / 60) % 60,
      Math.floor(rest / 3600),
      day,
      month - 1,
      year - 1900,
      (((days + 4) % 7) + 7) % 7,
      dayOfYear,
      0,
      0,
    ];
    for (const [index, value] of fields.entries()) this.i32[(at >> 2) + index] = value;
  }
}

/** Bytes the heap of a guest with this much memory may hold. */
export function heapBytesMax(memoryPages: number): number {
  return memoryPages * MEMORY_PAGE_BYTES - MEMORY_RESERVED_BYTES;
}

/** True when `value` (a pointer to a value) is the exception marker. */
export function isException(engine: Engine, value: number): boolean {
  return engine.tag(value) === TAG.exception;
}
