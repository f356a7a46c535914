/**
 * The one shape of a device. Its front half lives here, inside the deterministic machine: traps
 * come from the guest, interrupts from the log, and neither half ever asks the world.
 */

import type { InterruptRecord, TrapName } from '../../../log-format/index.ts';
import type { Output } from '../../ports.ts';
import type { Engine } from '../engine.ts';

/** What the machine gives every device. */
export interface Board {
  readonly engine: Engine;
  /** Virtual time in microseconds, with ticks. */
  now(): number;
  /** Emits an output; it is held until the record it depends on is acknowledged. */
  emit(output: Output): void;
  /** The guest ends with this status. */
  exit(code: number): void;
}

/** `argv` points to the arguments; returns an owned value, or 0 for undefined. Must not throw. */
export type TrapHandler = (argv: number) => number;

export interface Device {
  readonly name: string;
  /** Handlers of the traps this device answers. */
  trap(): Partial<Record<TrapName, TrapHandler>>;
  /**
   * News for this device, before the guest sees it. False: the guest has lost interest (a packet
   * for a connection it destroyed), so no turn is needed.
   */
  interrupt(record: InterruptRecord): boolean;
  /** Everything the device holds outside guest memory, as plain data; undefined comes back as null. */
  save(): unknown;
  restore(state: unknown): void;
}
