/** The arbiter of the guest that is followed: a copy that is made anew needs no new connections to it. */

import { defined } from '../base/assert.ts';
import { openArbiter } from './arbiters.ts';
import { WatchedArbiter } from './watched-arbiter.ts';

export class ArbiterDesk {
  readonly #onTrouble: (reason: string) => void;
  #arbiter: WatchedArbiter | undefined;
  #url = '';

  constructor(onTrouble: (reason: string) => void) {
    this.#onTrouble = onTrouble;
  }

  /** The same one for the same URL. */
  open(url: string): WatchedArbiter {
    if (this.#arbiter !== undefined && this.#url === url) return this.#arbiter;
    this.#arbiter?.stop();
    this.#url = url;
    this.#arbiter = new WatchedArbiter(openArbiter(url), { onTrouble: this.#onTrouble });
    return this.#arbiter;
  }

  /** The one that was opened last. */
  get current(): WatchedArbiter {
    return defined(this.#arbiter, 'who follows knows an arbiter');
  }

  /** A failover needs it, also to a copy that runs nothing: an outage must show before. */
  probe(vm: string): void {
    this.#arbiter?.probe(vm);
  }

  figures(): ReturnType<WatchedArbiter['figures']> | undefined {
    return this.#arbiter?.figures();
  }

  stop(): void {
    this.#arbiter?.stop();
  }
}
