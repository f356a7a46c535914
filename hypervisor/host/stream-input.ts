/** A file of a log for reading while this thread has other things to do: the log that it writes itself. */

import { open } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type InputOptions, openLogInput } from './log-input.ts';
import { SealedInput } from './sealed-input.ts';

export interface StreamInput {
  /** Plain bytes of the file now: see `LogInput`. Rejects with HV_E_LOG_KEY. */
  size(): Promise<number>;
  /** Resolves to the number of bytes. Rejects as `LogInput.read` throws. */
  read(into: Uint8Array, offset: number): Promise<number>;
  close(): Promise<void>;
}

/** Rejects with HV_E_LOG_KEY, or the error of the file system. */
export async function openStreamInput(
  path: string,
  options: InputOptions = {},
): Promise<StreamInput> {
  const input = openLogInput(path, options);
  if (input instanceof SealedInput) return new SealedStream(input);
  input.close();
  const file = await open(path, 'r');
  return {
    size: async () => (await file.stat()).size,
    read: async (into, offset) => (await file.read(into, 0, into.length, offset)).bytesRead,
    close: () => file.close(),
  };
}

/**
 * Finding the frames and decrypting them happens on this thread: the loop goes round before each piece, for
 * a pass over a whole segment takes tens of milliseconds.
 */
class SealedStream implements StreamInput {
  readonly #input: SealedInput;

  constructor(input: SealedInput) {
    this.#input = input;
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    await this.#find();
    return this.#input.read(into, offset);
  }

  async size(): Promise<number> {
    await this.#find();
    return this.#input.size;
  }

  async #find(): Promise<void> {
    do await nextTurn();
    while (this.#input.findSome());
  }

  async close(): Promise<void> {
    this.#input.close();
  }
}

/** Undefined when there is no such file any more. Rejects as `openStreamInput` does. */
export async function openStreamIfThere(
  path: string,
  options: InputOptions = {},
): Promise<StreamInput | undefined> {
  try {
    return await openStreamInput(path, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
