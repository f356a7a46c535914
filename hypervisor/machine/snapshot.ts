/**
 * A machine between two turns as plain data: everything a later machine of the same engine, helper
 * and firmware needs to go on from there, bit for bit. Linear memory is the whole engine; beside it
 * stand the engine's pointers, the CPU's ticks, the devices and the machine's own counters.
 */

import type { Lsn, Ticks } from '../../log-format/index.ts';
import type { DevicesState } from './bus.ts';
import type { EngineState } from './engine.ts';
import type { KernelState } from './kernel.ts';
import type { MemoryRun } from './memory-image.ts';
import type { TallyState } from './tally.ts';

/** Survives `encodeValue` of log-format: no undefined, no class. */
export interface MachineState extends TallyState {
  /** The last record anything computed so far depends on. */
  readonly cause: Lsn;
  readonly ticks: Ticks;
  readonly immediatesLeft: boolean;
  /** Ticks and guest second at which the budget of that second began. */
  readonly secondTicks: number;
  readonly second: number;
  readonly engine: EngineState;
  readonly kernel: KernelState;
  readonly devices: DevicesState;
}

/** `memory`: the pages that are not zero. Views of the machine's memory unless said otherwise. */
export interface MachineSnapshot {
  readonly state: MachineState;
  readonly memory: readonly MemoryRun[];
}
