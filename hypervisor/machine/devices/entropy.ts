/**
 * Randomness. One recorded seed feeds two generators: the engine's Math.random word and this
 * device's byte stream behind `crypto`. Fresh entropy arrives as a reseed record, because a promoted
 * backup must not repeat the numbers its dead primary was about to use.
 *
 * The stream is SHA-256 in counter mode over a key that is replaced after every request, so that a
 * later leak of the state does not reveal earlier bytes (fast key erasure, D. J. Bernstein, 2017).
 */

import type { InterruptRecord } from '../../../log-format/index.ts';
import { fromHex, INTERRUPT, sha256, toHex } from '../../../log-format/index.ts';
import { newBytes, readInt } from '../values.ts';
import type { Board, Device, TrapHandler } from './device.ts';

const BLOCK_BYTES = 32;
/** One request; the firmware asks again for more (as the quota of Web Crypto's getRandomValues). */
const REQUEST_BYTES_MAX = 65_536;

export class EntropyDevice implements Device {
  readonly name = 'entropy';
  readonly #board: Board;
  #key: Uint8Array = new Uint8Array(BLOCK_BYTES);

  constructor(board: Board) {
    this.#board = board;
  }

  /** Seeds both generators. `seed`: 32 bytes. */
  seed(seed: Uint8Array): void {
    this.#key = sha256(this.#key, seed);
    const words = new DataView(this.#take(8).buffer);
    this.#board.engine.setRandomState(words.getUint32(0, true), words.getUint32(4, true));
  }

  trap(): Partial<Record<'entropy', TrapHandler>> {
    return {
      entropy: (argv) => {
        const asked = readInt(this.#board.engine, argv, 0);
        const length = Math.min(Math.max(asked, 0), REQUEST_BYTES_MAX);
        return newBytes(this.#board.engine, this.#take(length));
      },
    };
  }

  interrupt(record: InterruptRecord): boolean {
    if (record.kind !== INTERRUPT.reseed) return true;
    this.seed(record.payload ?? new Uint8Array());
    return false;
  }

  save(): string {
    return toHex(this.#key);
  }

  restore(state: string): void {
    this.#key = fromHex(state);
  }

  #take(length: number): Uint8Array {
    const blocks = Math.ceil(length / BLOCK_BYTES);
    const out = new Uint8Array(blocks * BLOCK_BYTES);
    const counter = new Uint8Array(4);
    const counterView = new DataView(counter.buffer);
    for (let index = 0; index < blocks; index++) {
      counterView.setUint32(0, index + 1, true);
      out.set(sha256(this.#key, counter), index * BLOCK_BYTES);
    }
    counterView.setUint32(0, 0, true);
    this.#key = sha256(this.#key, counter);
    return out.slice(0, length);
  }
}
