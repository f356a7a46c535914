/**
 * What must hold at a broker with sessions and QoS 1 whatever fails: the session is there when its client
 * comes back, and of each sender every message arrives, in order, and again only if it was sent again.
 * Pure: connections are in mqtt-client.ts.
 */

import type { Tally } from './tally.ts';

/** What publishers have sent more than once, because no answer came: subscribers may get it twice. */
export class Resent {
  readonly #all = new Set<string>();

  add(sender: string, ordinal: number): void {
    this.#all.add(`${sender}:${ordinal}`);
  }

  has(sender: string, ordinal: number): boolean {
    return this.#all.has(`${sender}:${ordinal}`);
  }
}

export class Inbox {
  readonly #name: string;
  readonly #tally: Tally;
  readonly #resent: Resent;
  /** Last ordinal of each sender. */
  readonly #last = new Map<string, number>();
  #hasSession = false;
  #isSubscribed = false;

  constructor(name: string, tally: Tally, resent: Resent) {
    this.#name = name;
    this.#tally = tally;
    this.#resent = resent;
  }

  /** Last of this sender's messages that has arrived; 0: none. */
  last(sender: string): number {
    return this.#last.get(sender) ?? 0;
  }

  /** The broker has let the client in. True: it has to subscribe. */
  connected({ sessionPresent }: { readonly sessionPresent: boolean }): boolean {
    if (this.#hasSession && !sessionPresent) {
      this.#tally.fault('lost', 1, `the broker has forgotten the session of ${this.#name}`);
      // What went with it is counted with it.
      this.#last.clear();
      this.#isSubscribed = false;
    }
    this.#hasSession = true;
    return !this.#isSubscribed;
  }

  /** The broker has acknowledged it, and so will know it as long as the session. */
  subscribed(): void {
    this.#isSubscribed = true;
  }

  /** `again`: the broker says that it may have sent it before; `retained`: it is the sender's last one of before. */
  receive(
    sender: string,
    ordinal: number,
    { again, retained }: { readonly again: boolean; readonly retained: boolean },
  ): void {
    const before = this.#last.get(sender);
    // The first one of a sender may be any: the subscription began in between.
    if (before === undefined || ordinal === before + 1) this.#last.set(sender, ordinal);
    else if (ordinal > before) {
      const text = `${this.#name} got ${sender}:${ordinal} after ${before}`;
      this.#tally.fault('lost', ordinal - before - 1, text);
      this.#last.set(sender, ordinal);
    } else if (!again && !retained && !this.#resent.has(sender, ordinal)) {
      this.#tally.fault('doubled', 1, `${this.#name} got ${sender}:${ordinal} again`);
    }
  }
}
