/**
 * Loaded into a replica by a test (`node --import`), into each of its threads: changes one bit of the
 * memory of its machine when a file asks for it, as failing hardware does. Nothing of hv knows of it.
 *
 * The file named by HV_TEST_FLIP holds a text. When the text is in the memory of a machine of this
 * process, the last bit of its first byte is flipped wherever it is, and the file is removed.
 */

import { readFileSync, rmSync } from 'node:fs';

const LOOK_MS = 5;

const file = process.env.HV_TEST_FLIP;
if (file !== undefined) watch(file);

function watch(path: string): void {
  const memories: WebAssembly.Memory[] = [];
  const { Memory } = WebAssembly;
  WebAssembly.Memory = new Proxy(Memory, {
    construct(target, args: ConstructorParameters<typeof Memory>) {
      const memory = new target(...args);
      memories.push(memory);
      return memory;
    },
  });
  setInterval(() => {
    const text = wanted(path);
    if (text === undefined || text.length === 0) return;
    const flipped = memories.map((memory) => flip(Buffer.from(memory.buffer), text));
    if (flipped.some((places) => places > 0)) rmSync(path, { force: true });
  }, LOOK_MS).unref();
}

/** Undefined: nobody asks. */
function wanted(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Returns in how many places. */
function flip(memory: Buffer, text: Buffer): number {
  let places = 0;
  for (let at = memory.indexOf(text); at >= 0; at = memory.indexOf(text, at + text.length)) {
    memory[at] = (memory[at] ?? 0) ^ 1;
    places += 1;
  }
  return places;
}
