/**
 * Loads what a machine is made of from disk: the pinned engine, the helper and the firmware. Refuses
 * an engine whose hash is not the pinned one.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256Hex } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import type { EngineParts } from '../machine/engine.ts';
import { ENGINE_SHA256, PATCHED_EXPORTS } from '../machine/engine-abi.ts';
import { addExports } from '../machine/wasm-patch.ts';

/**
 * A file of `dist/`, such as helper.wasm, whether this code runs as source, compiled in
 * dist/hypervisor/host, or bundled in dist/bin.
 */
export function builtPath(name: string): string {
  const here = dirname(fileURLToPath(import.meta.url));
  if (here.endsWith(join('dist', 'bin'))) return join(here, '..', name);
  if (here.includes(join('dist', 'hypervisor'))) return join(here, '..', '..', name);
  return join(here, '..', '..', 'dist', name);
}

function builtFile(name: string): Uint8Array {
  return new Uint8Array(readFileSync(builtPath(name)));
}

export function loadFirmware(): Uint8Array {
  return builtFile('firmware.js');
}

/** Hex SHA-256 of the engine in `file`. Throws HV_E_ENGINE_MISMATCH when it is not the pinned one. */
export function verifyEngine(published: Uint8Array, file: string): string {
  const got = sha256Hex(published);
  if (got === ENGINE_SHA256) return got;
  throw new HvError(
    'HV_E_ENGINE_MISMATCH',
    `the installed engine has sha256 ${got.slice(0, 12)}…, this hv is built for ${ENGINE_SHA256.slice(0, 12)}…`,
    { details: { file, expected: ENGINE_SHA256, got } },
  );
}

/** Throws HV_E_ENGINE_MISMATCH when the installed engine is not the one this hv was built for. */
export function loadEngineParts(): EngineParts {
  const require = createRequire(import.meta.url);
  const entry = require.resolve('@jitl/quickjs-wasmfile-release-sync');
  const file = join(dirname(entry), 'emscripten-module.wasm');
  const published = new Uint8Array(readFileSync(file));
  const engineHash = verifyEngine(published, file);
  const patched = addExports(published, [
    { name: PATCHED_EXPORTS.table, kind: 1, index: 0 },
    { name: PATCHED_EXPORTS.stackPointer, kind: 3, index: 0 },
  ]);
  const helper = builtFile('helper.wasm');
  return {
    engine: new WebAssembly.Module(patched),
    helper: new WebAssembly.Module(helper),
    engineHash,
    helperHash: sha256Hex(helper),
  };
}
