/**
 * Machines for the fuzzer: small memory, woken from a golden image that is made once per process, so
 * that a program costs milliseconds and not the quarter of a second of a firmware's boot.
 */

import { loadEngineParts, loadFirmware } from '../../hypervisor/host/engine-parts.ts';
import type { EngineParts } from '../../hypervisor/machine/engine.ts';
import {
  type GoldenImage,
  Machine,
  type MachineOptions,
} from '../../hypervisor/machine/machine.ts';
import { readMemory } from '../../hypervisor/machine/memory-image.ts';
import { TEST_HEADER } from '../support/guest-runner.ts';

/** 32 MiB: half of it is what the engine reserves beside the guest's heap. */
const MEMORY_PAGES = 512;
/** Word in the engine's static data that holds the end of its heap; memory above it is zero. */
const HEAP_END_ADDRESS = 86_864;
const PAGE_BYTES = 4096;
const WASM_PAGE_BYTES = 65_536;
/** Every so many machines the zeros above the heap are looked at. */
const CHECK_EVERY = 256;

export type Limits = Pick<MachineOptions['header'], 'memoryPages' | 'stackBytes'>;

export interface BuildOptions {
  readonly image: Uint8Array;
  readonly sourceMap?: Uint8Array;
  /** Boots the firmware instead of waking the golden image. */
  readonly cold?: boolean;
  readonly header?: Partial<MachineOptions['header']>;
  readonly firmware?: Uint8Array;
  readonly tap?: EngineTap;
}

/** Sits between the engine and everything it imports and exports. */
export interface EngineTap {
  imports(real: Record<string, EngineFunction>): Record<string, EngineFunction>;
  exports(real: Record<string, EngineFunction>): Record<string, EngineFunction>;
}

export type EngineFunction = (...args: readonly (number | bigint)[]) => number;

export interface Built {
  readonly machine: Machine;
  readonly memory: Uint8Array;
}

/**
 * Memories to use again: a fresh one costs five milliseconds of page faults per machine. Stands in for
 * WebAssembly.Memory while an engine is made, and for nothing else.
 */
class MemoryPool {
  readonly #free: WebAssembly.Memory[] = [];
  readonly #byBuffer = new WeakMap<ArrayBufferLike, WebAssembly.Memory>();
  #returned = 0;

  during<T>(make: () => T): T {
    const real = WebAssembly.Memory;
    const take = (limits: { initial: number; maximum: number }): WebAssembly.Memory => {
      const bytes = limits.initial * WASM_PAGE_BYTES;
      const at = this.#free.findIndex(({ buffer }) => buffer.byteLength === bytes);
      const memory = this.#free.splice(at < 0 ? this.#free.length : at, 1)[0] ?? new real(limits);
      this.#byBuffer.set(memory.buffer, memory);
      return memory;
    };
    const scope = WebAssembly as { Memory: unknown };
    scope.Memory = new Proxy(real, { construct: (_, [limits]) => take(limits) });
    try {
      return make();
    } finally {
      scope.Memory = real;
    }
  }

  /** The machine in it is gone: its memory is zero again, as a fresh one. */
  give(bytes: Uint8Array): void {
    const memory = this.#byBuffer.get(bytes.buffer);
    if (memory === undefined) return;
    const end = heapEnd(bytes);
    this.#returned += 1;
    if (this.#returned % CHECK_EVERY === 0) assertZeroFrom(bytes, end);
    bytes.fill(0, 0, end);
    this.#free.push(memory);
  }
}

function assertZeroFrom(memory: Uint8Array, end: number): void {
  const [other] = readMemory(memory.subarray(Math.ceil(end / PAGE_BYTES) * PAGE_BYTES));
  if (other !== undefined)
    throw new Error(`memory above ${end} is not zero: the engine keeps its heap's end elsewhere`);
}

export class MachineWorks {
  readonly #pool = new MemoryPool();
  readonly parts: EngineParts = loadEngineParts();
  readonly firmware: Uint8Array = loadFirmware();
  readonly limits: Limits;
  readonly golden: GoldenImage;

  constructor(limits: Partial<Limits> = {}) {
    this.limits = {
      memoryPages: limits.memoryPages ?? MEMORY_PAGES,
      stackBytes: limits.stackBytes ?? TEST_HEADER.stackBytes,
    };
    const { machine, memory } = this.build({ image: new Uint8Array(), cold: true });
    assertZeroFrom(memory, heapEnd(memory));
    const saved = machine.saveGolden();
    const runs = saved.memory.map(({ at, bytes }) => ({ at, bytes: bytes.slice() }));
    this.golden = { ...saved, memory: runs };
  }

  build({ image, sourceMap, cold, header, firmware, tap }: BuildOptions): Built {
    let memory: Uint8Array | undefined;
    const options: MachineOptions = {
      parts: this.parts,
      header: { ...TEST_HEADER, ...this.limits, ...header },
      firmware: firmware ?? this.firmware,
      image,
      sourceMap: sourceMap ?? new Uint8Array(),
      golden: cold === true ? undefined : this.golden,
      onMemory: (bytes) => {
        memory = bytes;
      },
    };
    const make = (): Machine => this.#pool.during(() => new Machine(options));
    const machine = tap === undefined ? make() : tapped(this.parts.engine, tap, make);
    if (memory === undefined) throw new Error('the machine has handed out no memory');
    return { machine, memory };
  }

  /** Takes back the memory of a machine that nobody uses any more. */
  release({ memory }: Built): void {
    this.#pool.give(memory);
  }
}

/** Runs `make` with the tap around every instance of `engine` it makes. */
function tapped<T>(engine: WebAssembly.Module, tap: EngineTap, make: () => T): T {
  type Functions = Record<string, EngineFunction>;
  const real = WebAssembly.Instance;
  const scope = WebAssembly as { Instance: unknown };
  scope.Instance = new Proxy(real, {
    construct(_, [module, given]: [WebAssembly.Module, Record<string, Functions>]) {
      if (module !== engine) return new real(module, given as never);
      const imports = { ...given.a, ...tap.imports(given.a ?? {}) };
      const { exports } = new real(module, { a: imports as never });
      return { exports: { ...exports, ...tap.exports(exports as never) } };
    },
  });
  try {
    return make();
  } finally {
    scope.Instance = real;
  }
}

/** The part of a machine's memory that was ever written to. */
export function extent({ memory }: Built): Uint8Array {
  return memory.subarray(0, heapEnd(memory));
}

/** Bytes of `memory` in use; what lies above was never written. */
export function heapEnd(memory: Uint8Array): number {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  return Math.min(view.getUint32(HEAP_END_ADDRESS, true), memory.length);
}
