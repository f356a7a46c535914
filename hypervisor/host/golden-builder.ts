/** Build step: boots the firmware once and writes the golden image of it (golden-image.ts). */

import { asMicros } from '../../log-format/index.ts';
import { GUEST_STACK_BYTES, MEMORY_PAGES_DEFAULT, TICKS_PER_MICRO } from '../base/limits.ts';
import { Machine } from '../machine/machine.ts';
import { loadEngineParts, loadFirmware } from './engine-parts.ts';
import { goldenKey, writeGolden } from './golden-image.ts';
import { MACHINE_VERSION } from './machine-factory.ts';

const parts = loadEngineParts();
const firmware = loadFirmware();
const limits = { memoryPages: MEMORY_PAGES_DEFAULT, stackBytes: GUEST_STACK_BYTES };
const machine = new Machine({
  parts,
  // The boot reads neither clock nor seed (test/unit/machine/golden-image.test.ts).
  header: {
    ...limits,
    machineVersion: MACHINE_VERSION,
    turnTicksMax: 0,
    secondTicksMax: 0,
    seed: '00'.repeat(32),
    startedAt: asMicros(0),
    ticksPerMicro: TICKS_PER_MICRO,
  },
  firmware,
  image: new Uint8Array(),
  sourceMap: new Uint8Array(),
});
writeGolden(goldenKey(parts, firmware, MACHINE_VERSION), machine.saveGolden());
