/** What the simulated shell runs: the toy machine, or the real one with a small guest. */

import type { HeldOutput, MachinePort, Output, TurnsResult } from '../../hypervisor/ports.ts';
import type { MachineState } from '../../hypervisor/replica/handover.ts';
import type { LogHeader, Lsn, Micros } from '../../log-format/index.ts';

export interface SimMachine extends MachinePort {
  /** Equal for two machines in the same state. */
  readonly fingerprint: number | string;
  /** Changes one bit of its state behind its back. */
  flip(): void;
  /** Calls to others that were neither answered nor have failed. Undefined: it makes none. */
  readonly callsOpen?: number;
  /** Between turns. Undefined: this kind cannot be saved. */
  save?(): SavedMachine;
}

export interface SavedMachine {
  /** For `MachineKind.restore`. */
  readonly machine: string;
  readonly outputsCrc: number;
  readonly state: MachineState;
}

/** What a live machine may ask of its host. */
export interface MachineWorld {
  wall(): Micros;
  /** Time for a mid-turn record to take now; undefined: none. Asked where the toy's guest wants one. */
  resync(): Micros | undefined;
}

/** Payloads of interrupts a network makes. */
export interface NetPayloads {
  readonly bound: Uint8Array;
  readonly accepted: Uint8Array;
}

/** A kind of machine and the log it begins. */
export interface MachineKind {
  readonly name: string;
  readonly header: LogHeader;
  /** Header and blobs, as they start every log of this kind. */
  readonly frames: readonly Uint8Array[];
  /** Payload of the boot interrupt. */
  readonly boot: Uint8Array;
  /** What a network answers this guest: payloads of netBound and netAccept. Undefined: it needs none. */
  readonly net?: NetPayloads;
  build(world: MachineWorld): SimMachine;
  /** A machine as it was saved. Undefined: this kind cannot be. */
  restore?(world: MachineWorld, saved: string): SimMachine;
  /** No machine built so far is used any more. */
  recycle?(): void;
}

/** An output that knows its cause: outputs themselves do not say. For the checker only. */
type Caused = Output & { cause?: Lsn };

export function setCause({ output, lsn }: HeldOutput): void {
  (output as Caused).cause = lsn;
}

export function causeOf(output: Output): Lsn | undefined {
  return (output as Caused).cause;
}

/** Marks all outputs of a result; returns it. */
export function caused(result: TurnsResult): TurnsResult {
  for (const held of result.outputs) setCause(held);
  return result;
}
