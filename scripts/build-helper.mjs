/** Assembles the machine's helper from its text, so that no binary has to be trusted or committed. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import wabt from 'wabt';

const source = new URL('../hypervisor/machine/helper.wat', import.meta.url);
const target = new URL('../dist/helper.wasm', import.meta.url);

const assembler = await wabt();
const module = assembler.parseWat('helper.wat', readFileSync(source), { bulk_memory: true });
module.validate();
const { buffer } = module.toBinary({ log: false, write_debug_names: false });
mkdirSync(dirname(target.pathname), { recursive: true });
writeFileSync(target, buffer);
