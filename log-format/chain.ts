/**
 * The hash chain over a log: h_n = SHA-256(h_(n-1) | whole frame n), from 32 zero bytes. A CRC finds
 * bytes that changed by accident; the chain finds frames that were exchanged, left out or written
 * anew with a matching CRC, and gives two copies of a log one value to compare.
 */

import { fromHex, sha256, toHex } from './checksum.ts';
import { demand } from './faults.ts';

export const CHAIN_BYTES = 32;
/** Head of the chain before the first frame of a log. */
export const CHAIN_START: string = '0'.repeat(2 * CHAIN_BYTES);

export class Chain {
  #head: Uint8Array;

  /** Continues from `head` (hex), as kept in a header, a seal or a handover. */
  constructor(head: string = CHAIN_START) {
    this.#head = fromHex(head);
    demand(this.#head.length === CHAIN_BYTES, 'a chain head is 32 bytes in hex');
  }

  /** Takes one whole frame, header bytes included. */
  update(frame: Uint8Array): void {
    this.#head = sha256(this.#head, frame);
  }

  /** Hex. */
  get head(): string {
    return toHex(this.#head);
  }

  /** The head itself: never written to, so it may be kept. */
  get bytes(): Uint8Array {
    return this.#head;
  }
}
