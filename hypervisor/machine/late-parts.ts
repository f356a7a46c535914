/**
 * The trap `late`: a part of the firmware, evaluated when the guest asks for it. The text is the
 * machine's, from the blob that the log carries, so every replica evaluates the same at the same tick.
 */

import { FIRMWARE_FILE, type TrapName } from '../../log-format/index.ts';
import type { TrapHandler } from './devices/device.ts';
import type { Engine } from './engine.ts';
import { STRIP_SOURCE } from './engine-abi.ts';
import { readInt } from './values.ts';

/** `parts`: of the firmware. What a part throws while it is evaluated is thrown where it was asked for. */
export function lateParts(
  engine: Engine,
  parts: readonly Uint8Array[],
): Partial<Record<TrapName, TrapHandler>> {
  return {
    late: (argv) => {
      const part = parts[readInt(engine, argv, 0)];
      return part === undefined ? 0 : engine.evaluate(part, FIRMWARE_FILE, STRIP_SOURCE);
    },
  };
}
