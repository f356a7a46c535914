/**
 * An engine that holds a copy of a guest to be poked at: nothing it does reaches the world or the
 * original. Outputs are swallowed, the clock shows the copy's time, entropy repeats from a fixed
 * key, an exit is noted and stops the run, and every run has a budget of ticks.
 */

import { asMicros } from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { SLICE_TICKS_MAX } from '../base/limits.ts';
import { Bus } from './bus.ts';
import { Engine, EngineFault, type EngineParts, type EngineState } from './engine.ts';
import { POLL_RELOAD, SBRK_ADDRESS } from './engine-abi.ts';
import type { StackMap } from './stack-map.ts';

/** A machine to be looked into. The bytes stay the caller's. */
export interface InspectionSource {
  readonly state: EngineState;
  /** Its guest memory from address 0: all of it, or at least all that was ever used. */
  readonly memory: Uint8Array;
  /** Needed for memory taken in the middle of a turn, at an interrupt poll. */
  readonly stackPointer?: number;
  /** What the guest's clock shows, microseconds. 0 when not given. */
  readonly now?: number;
}

/** The same with bytes of its own, as many as were ever used: for a machine that goes on running. */
export function copySource(source: InspectionSource): InspectionSource {
  return { ...source, memory: source.memory.slice(0, extentOf(source.memory)) };
}

/** A function of ours that code in the copy may call: arguments lie at `argv`, 8 bytes each. */
export type CopyFunction = (argv: number, argc: number) => number;

/** Ids of such functions; those of traps lie below. */
const FUNCTION_IDS_FROM = 1_000_000;

export class SpareEngine {
  readonly engine: Engine;
  readonly #stackMap: StackMap;
  readonly #firmware: readonly Uint8Array[];
  readonly #shouldStop: () => boolean;
  readonly #home: EngineState;
  readonly #homeStack: number;
  #bus: Bus | undefined;
  #functions: CopyFunction[] = [];
  #extent: number;
  #ticks = 0;
  #written = POLL_RELOAD;
  #budget = Number.POSITIVE_INFINITY;
  #stopping = false;
  #exitCode: number | undefined;

  constructor(
    parts: EngineParts,
    limits: { readonly memoryPages: number; readonly stackBytes: number },
    guest: { readonly stackMap: StackMap; readonly firmware: readonly Uint8Array[] },
    shouldStop: () => boolean = () => false,
  ) {
    this.#stackMap = guest.stackMap;
    this.#firmware = guest.firmware;
    this.#shouldStop = shouldStop;
    this.engine = new Engine(parts, limits, {
      dateNow: () => (this.#bus === undefined ? 0 : this.#bus.clock.now() / 1000),
      trap: (id, argc, argv) => this.#trap(id, argc, argv),
      poll: () => this.#poll(),
      diagnostic: () => undefined,
      rejection: () => undefined,
    });
    this.#home = this.engine.save();
    this.#homeStack = this.engine.stackPointer;
    this.#extent = this.engine.extent;
  }

  /** Status the run tried to end the guest with. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** The last run was ended by its budget, an exit or a fault. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /**
   * Becomes a copy of `source`, which must be of the same engine, helper, memory size and stack.
   * Copies what was ever used: the rest is zero in every machine.
   */
  load(source: InspectionSource): void {
    const { engine } = this;
    const { runtime, context, helperArea } = source.state;
    const extent = extentOf(source.memory);
    assert(extent <= source.memory.length, 'a copy is made of all the memory that was used');
    assert(source.memory.length <= engine.u8.length, 'a copy fits into the spare memory');
    assert(
      runtime === this.#home.runtime &&
        context === this.#home.context &&
        helperArea === this.#home.helperArea,
      'a copy is of the same engine as its original',
    );
    const before = Math.max(this.#extent, engine.extent);
    engine.u8.set(source.memory.subarray(0, extent));
    this.#extent = extent;
    if (before > this.#extent) engine.u8.fill(0, this.#extent, before);
    engine.stackPointer = source.stackPointer ?? this.#homeStack;
    this.#functions = [];
    this.#bus = this.#newBus(source.now ?? 0);
    this.budget(Number.POSITIVE_INFINITY);
  }

  /** `text` with positions of the image replaced by those of the user's files. */
  mapped(text: string): string {
    return this.#stackMap.map(text);
  }

  /** Allows the copy `ticks` more; what is running when they are over ends uncatchably. */
  budget(ticks: number): void {
    this.#budget = ticks;
    this.#ticks = 0;
    this.#stopping = false;
    this.#exitCode = undefined;
    this.#arm();
  }

  /** A function object in the copy that calls `body`. Owned by the caller. */
  newFunction(body: CopyFunction): number {
    const id = FUNCTION_IDS_FROM + this.#functions.push(body) - 1;
    const name = this.engine.cString('');
    const value = this.engine.call.newFunction(this.engine.context, name, 0, 0, id);
    this.engine.call.free(name);
    return value;
  }

  /** Runs `body`; undefined when the copy broke under it (memory or native stack exhausted). */
  guard<T>(body: () => T): T | undefined {
    try {
      return body();
    } catch (error) {
      if (!isFault(error)) throw error;
      this.#stopping = true;
      return undefined;
    }
  }

  #newBus(now: number): Bus {
    const { engine } = this;
    return new Bus(
      {
        engine,
        now: () => this.#bus?.clock.now() ?? now,
        emit: () => undefined,
        exit: (code) => {
          this.#exitCode = code;
          this.#stop();
        },
      },
      {
        ticks: () => this.#ticks + this.#written - engine.counter,
        // A copy is looked at between turns: no record runs.
        position: () => 0,
        startedAt: asMicros(Math.ceil(now)),
        stackMap: this.#stackMap,
        firmware: this.#firmware,
        onFault: () => this.#stop(),
      },
    );
  }

  #trap(id: number, argc: number, argv: number): number {
    if (id < FUNCTION_IDS_FROM) return this.#bus?.trap(id, argv) ?? 0;
    try {
      return this.#functions[id - FUNCTION_IDS_FROM]?.(argv, argc) ?? 0;
    } catch (error) {
      // Never through the engine: it would not unwind. The copy is thrown away after the run anyway.
      if (!isFault(error)) throw error;
      this.#stop();
      return 0;
    }
  }

  /** As Cpu.poll, with a poll of a regular expression taken for a whole slice: those end, too. */
  #poll(): number {
    const own = this.engine.counter === POLL_RELOAD;
    this.#ticks += own ? this.#written : POLL_RELOAD;
    if (this.#ticks >= this.#budget || this.#shouldStop()) this.#stopping = true;
    if (this.#stopping) return 1;
    if (own) this.#arm();
    return 0;
  }

  #arm(): void {
    this.#written = Math.max(Math.min(SLICE_TICKS_MAX, this.#budget - this.#ticks), 1);
    this.engine.counter = this.#written;
  }

  #stop(): void {
    this.#stopping = true;
    this.#written = 1;
    this.engine.counter = 1;
  }
}

/** The copy's own end: out of memory, a trap of the engine, out of the host's stack. */
function isFault(error: unknown): boolean {
  return (
    error instanceof EngineFault ||
    error instanceof WebAssembly.RuntimeError ||
    error instanceof RangeError
  );
}

function extentOf(memory: Uint8Array): number {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  return view.getUint32(SBRK_ADDRESS, true);
}
