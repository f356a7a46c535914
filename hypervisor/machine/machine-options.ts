/** What a machine is made of. */

import type { LogHeader } from '../../log-format/index.ts';
import type { EngineParts, EngineState } from './engine.ts';
import type { KernelState } from './kernel.ts';
import type { MemoryRun } from './memory-image.ts';
import type { MachineSnapshot } from './snapshot.ts';

export interface MachineOptions {
  readonly parts: EngineParts;
  readonly header: Pick<
    LogHeader,
    | 'machineVersion'
    | 'memoryPages'
    | 'stackBytes'
    | 'turnTicksMax'
    | 'secondTicksMax'
    | 'seed'
    | 'startedAt'
    | 'ticksPerMicro'
  >;
  readonly firmware: Uint8Array;
  readonly image: Uint8Array;
  readonly sourceMap: Uint8Array;
  /** A booted firmware to start from. Must be of the same engine, helper, firmware and limits. */
  readonly golden?: GoldenImage | undefined;
  /** A machine of the same log to go on from, in place of a boot. */
  readonly snapshot?: MachineSnapshot | undefined;
  /** Called at every interrupt poll, for the watchdog. Must not touch the machine. */
  readonly onAlive?: () => void;
  /** Diagnostics the engine itself prints; never the guest's console. */
  readonly onDiagnostic?: (text: string) => void;
  /** Hands out guest memory once, for hashes and copies between turns. Never write to it. */
  readonly onMemory?: (memory: Uint8Array) => void;
}

/** A machine with booted firmware, before its first turn. Plain data. */
export interface GoldenImage {
  readonly ticks: number;
  readonly engine: EngineState;
  readonly kernel: KernelState;
  readonly memory: readonly MemoryRun[];
}
