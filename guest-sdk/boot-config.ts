/** The boot interrupt's payload: everything the guest may know of its surroundings. */

import { type BootConfig, ENCODING } from '../log-format/abi.ts';
import { traps } from './drivers/traps.ts';

let config: BootConfig | undefined;

export function readBootConfig(payload: ArrayBuffer): BootConfig {
  const text = traps.decode(payload, 0, payload.byteLength, ENCODING.utf8);
  config = JSON.parse(text) as BootConfig;
  return config;
}

/** Only after the boot interrupt: the firmware is evaluated before any guest is known. */
export function bootConfig(): BootConfig {
  if (config === undefined) throw new Error('The guest has not booted yet');
  return config;
}
