/**
 * The shadow of one machine's memory, and whether it is still the memory's likeness: the hash of a checkpoint
 * record and the snapshot behind it share one comparison. Kept from the moment somebody wants it on; a machine
 * that takes no snapshots pays neither for the memory nor for the copying.
 */

import { memoryHash } from './memory-image.ts';
import { Shadow } from './shadow.ts';

export class LiveShadow {
  readonly #usedMemory: () => Uint8Array;
  #shadow: Shadow | undefined;
  /** Nothing has run since it caught up. */
  #isCurrent = false;

  /** `usedMemory`: as it is now, from 0 to the last byte ever used. */
  constructor(usedMemory: () => Uint8Array) {
    this.#usedMemory = usedMemory;
  }

  /** Whoever takes snapshots says so first: from here on `figures` uses the shadow, too. */
  keep(): void {
    this.#shadow ??= new Shadow();
  }

  /** The memory changes. */
  outdated(): void {
    this.#isCurrent = false;
  }

  /** Between turns, and not while it is pinned: see `Shadow.advance`. */
  advance(mayGo: () => boolean): boolean {
    this.#shadow ??= new Shadow();
    return this.#shadow.advance(this.#usedMemory(), mayGo);
  }

  /** The shadow, equal to memory as it is between these two turns. Not while it is pinned. */
  now(): Shadow {
    this.#shadow ??= new Shadow();
    if (!this.#isCurrent) this.#shadow.catchUp(this.#usedMemory());
    this.#isCurrent = true;
    return this.#shadow;
  }

  /** Hash of memory and pages that are not all zero. A pinned shadow is as it was: all is hashed then. */
  figures(): ReturnType<typeof memoryHash> {
    if (this.#shadow === undefined || (this.#shadow.pinned && !this.#isCurrent)) {
      const memory = this.#usedMemory();
      return memoryHash(memory, memory.length);
    }
    const shadow = this.now();
    return { hash: shadow.hash(), pages: shadow.count };
  }
}
