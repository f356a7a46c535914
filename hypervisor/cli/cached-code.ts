/**
 * Runs a file of dist/bin with the bytecode V8 made of it when hv was built: parsing and compiling one
 * and a half megabytes of JavaScript were a quarter of a start. Node does this by itself from 22.1
 * on (module.enableCompileCache), hv runs on 20.20.
 *
 * Bytecode of another Node is refused by V8 and of another text by the hash, and then the text alone
 * is run: a cache that is missing, damaged or old costs time and nothing else.
 */

import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';
import { parentPort, threadId } from 'node:worker_threads';

/** Set by the build while it warms the caches (scripts/warm-command.mjs). */
const WARMING = 'HV_WARM_CODE_CACHE';
/** Bytecode is not kept more often than this. */
const KEEP_EVERY_MS = 200;
const HASH_BYTES = 32;

type Wrapped = (
  exports: unknown,
  require: NodeJS.Require,
  module: { exports: unknown },
  filename: string,
  dirname: string,
) => void;

/** `file`: CommonJS in ASCII without `import()`, absolute. Throws what it throws. */
export function runCached(file: string): void {
  const text = readFileSync(file, 'latin1');
  const source = Module.wrap(text);
  const cachedData = cacheOf(file, text);
  const script = new Script(source, {
    filename: file,
    ...(cachedData && { cachedData }),
  });
  const module = { exports: {} };
  const wrapped = script.runInThisContext() as Wrapped;
  if (process.env[WARMING] === '1') keepWarm(file, text, script);
  wrapped.call(module.exports, module.exports, createRequire(file), module, file, dirname(file));
}

function cacheFile(file: string): string {
  return `${file}.cache`;
}

/** V8 itself looks at the length of the text only, and at no checksum. */
function hashOf(text: string, data: Uint8Array): Buffer {
  return createHash('sha256').update(text, 'latin1').update(data).digest();
}

function cacheOf(file: string, text: string): Buffer | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(cacheFile(file));
  } catch {
    return undefined;
  }
  const data = bytes.subarray(HASH_BYTES);
  return hashOf(text, data).equals(bytes.subarray(0, HASH_BYTES)) ? data : undefined;
}

/** Keeps the bytecode of all that has been compiled, up to the end of the process or of the worker. */
function keepWarm(file: string, text: string, script: Script): void {
  let keptAt = -KEEP_EVERY_MS;
  const keep = (): void => {
    const data = script.createCachedData();
    const part = `${cacheFile(file)}.${process.pid}-${threadId}`;
    writeFileSync(part, Buffer.concat([hashOf(text, data), data]));
    renameSync(part, cacheFile(file));
    keptAt = performance.now();
  };
  process.on('exit', keep);
  if (parentPort === null) return;
  // A worker does not hear of its end, which may come as soon as its message was read.
  const post = parentPort.postMessage.bind(parentPort);
  parentPort.postMessage = (message, transfer): void => {
    if (performance.now() - keptAt > KEEP_EVERY_MS) keep();
    post(message, transfer);
  };
}
