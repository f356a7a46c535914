/** A file of a log for reading while this thread has other things to do: the log that it writes itself. */

import { open } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { openLogInput } from './log-input.ts';
import { SealedInput } from './sealed-input.ts';

export interface StreamInput {
  /** Resolves to the number of bytes. Rejects as `LogInput.read` throws. */
  read(into: Uint8Array, offset: number): Promise<number>;
  close(): Promise<void>;
}

/** Rejects with HV_E_LOG_KEY, or the error of the file system. */
export async function openStreamInput(path: string): Promise<StreamInput> {
  const input = openLogInput(path);
  if (input instanceof SealedInput) return new SealedStream(input);
  input.close();
  const file = await open(path, 'r');
  return {
    read: async (into, offset) => (await file.read(into, 0, into.length, offset)).bytesRead,
    close: () => file.close(),
  };
}

/** Decrypting happens on this thread: the loop goes round before each piece. */
class SealedStream implements StreamInput {
  readonly #input: SealedInput;

  constructor(input: SealedInput) {
    this.#input = input;
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    await nextTurn();
    return this.#input.read(into, offset);
  }

  async close(): Promise<void> {
    this.#input.close();
  }
}
