/** A backup that asks others to dial it: a primary (`--join`), or any that has the log (`--from`). */

import { asEpoch } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import { JOIN_RETRY_MS } from '../base/limits.ts';
import { formatAddress, parseAddress } from '../host/addresses.ts';
import { dialLink } from '../host/link.ts';
import { isUnknownPeer, type LinkSecurity } from '../host/tls.ts';
import type { Note } from '../protocol/notes.ts';

export interface JoiningOptions {
  /** Where this backup listens. */
  readonly own: string;
  readonly security: LinkSecurity;
  /** `/join`: only a primary will do. */
  readonly path: '/join' | '/follow';
  /** Asks that long before `failed`; Infinity: as long as it takes. */
  readonly patienceMs: number;
  readonly tell: (line: string) => void;
  /** HV_E_JOIN or HV_E_LINK_AUTH. Nobody is asked any more. */
  readonly failed: (error: HvError) => void;
}

export class Joining {
  readonly #addresses: readonly string[];
  readonly #options: JoiningOptions;
  readonly #own: string;
  #next = 0;
  #asking = false;
  #since = 0;
  /** Said already, by address. */
  readonly #told = new Map<string, string>();

  /** `addresses`: asked in turn. */
  constructor(addresses: readonly string[], options: JoiningOptions) {
    this.#addresses = addresses;
    this.#options = options;
    this.#own = formatAddress(parseAddress(options.own, { what: 'our own address' }));
  }

  /** Asks, again and again until somebody dials: who is asked may be in the middle of a claim. */
  ask(): void {
    if (this.#asking) return;
    this.#asking = true;
    this.#since = performance.now();
    this.#askNext();
  }

  noted(note: Note): void {
    if (note.type === 'following') this.found();
    // Who follows a backup looks for the next one; a primary dials by itself.
    if (note.type === 'parted' && this.#options.path === '/follow') this.ask();
    if (note.type === 'declined') this.#declined(note.reason);
  }

  /** Somebody has dialled, or nobody is to any more. */
  found(): void {
    this.#asking = false;
    this.#told.clear();
  }

  /** The primary has dialled, and this replica is of no use to it: to ask again would change nothing. */
  #declined(reason: string): void {
    if (!this.#asking || this.#options.path === '/follow') return;
    this.#asking = false;
    const text = `this backup cannot shadow the guest of ${this.#addresses.join(', ')}: ${reason}`;
    // The refusal is on its way: a primary that heard nothing would dial on.
    setTimeout(() => this.#options.failed(new HvError('HV_E_JOIN', text)), JOIN_RETRY_MS);
  }

  #askNext(): void {
    if (!this.#asking) return;
    const address = this.#addresses[this.#next % this.#addresses.length] ?? '';
    this.#next += 1;
    let said: string | undefined;
    const { path, security } = this.#options;
    const link = dialLink(
      address,
      path,
      {
        onOpen: () => {
          said = `it was asked, and has not connected to ${this.#own}: can it reach that address? One that was refused there is dialled once a minute; its own terminal or log says more`;
        },
        onMessage: (message) => {
          if (message.type !== 'bye') return;
          said = message.reason;
          this.#say(address, said);
        },
        onClose: (reason) => this.#closed(address, said ?? reason),
      },
      { security },
    );
    link.send({ type: 'join', epoch: asEpoch(0), address: this.#own });
  }

  #closed(address: string, reason: string): void {
    if (!this.#asking) return;
    if (performance.now() - this.#since <= this.#options.patienceMs) {
      setTimeout(() => this.#askNext(), JOIN_RETRY_MS);
      return;
    }
    this.#asking = false;
    const code = isUnknownPeer(reason) ? 'HV_E_LINK_AUTH' : 'HV_E_JOIN';
    this.#options.failed(new HvError(code, `${address} did not take this backup: ${reason}`));
  }

  #say(address: string, reason: string): void {
    if (this.#told.get(address) === reason) return;
    this.#told.set(address, reason);
    this.#options.tell(`${address}: ${reason}`);
  }
}
