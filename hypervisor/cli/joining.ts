/** A backup that asks others to dial it: a primary (`--join`), or backups that pass their log on (`--from`). */

import { asEpoch } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import { HANDSHAKE_TIMEOUT_MS, JOIN_RETRY_MS } from '../base/limits.ts';
import { formatAddress, parseAddress } from '../host/addresses.ts';
import { dialLink } from '../host/link.ts';
import type { LinkSecurity } from '../host/tls.ts';
import type { LinkHandlers } from '../ports.ts';
import type { Note } from '../protocol/notes.ts';
import { explain, say } from './print.ts';

export interface JoiningOptions {
  /** Where this backup listens. */
  readonly own: string;
  readonly security: LinkSecurity;
  /** Asks as long as it takes; otherwise the process ends with HV_E_JOIN after HANDSHAKE_TIMEOUT_MS. */
  readonly patient: boolean;
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
    if (note.type === 'parted' && this.#options.patient) this.ask();
    if (note.type === 'declined') this.#declined(note.reason);
  }

  /** Somebody has dialled, or nobody is to any more. */
  found(): void {
    this.#asking = false;
    this.#told.clear();
  }

  /** The primary has dialled, and this replica is of no use to it: to ask again would change nothing. */
  #declined(reason: string): void {
    if (!this.#asking || this.#options.patient) return;
    this.#asking = false;
    const text = `this backup cannot shadow the guest of ${this.#addresses.join(', ')}: ${reason}`;
    // The refusal is on its way: a primary that heard nothing would dial on.
    setTimeout(() => process.exit(explain(new HvError('HV_E_JOIN', text))), JOIN_RETRY_MS);
  }

  #askNext(): void {
    if (!this.#asking) return;
    const address = this.#addresses[this.#next % this.#addresses.length] ?? '';
    this.#next += 1;
    const handlers: LinkHandlers = {
      onMessage: (message) => {
        if (message.type === 'bye') this.#say(address, message.reason);
      },
      onClose: (reason) => {
        if (!this.#asking) return;
        if (!this.#options.patient && performance.now() - this.#since > HANDSHAKE_TIMEOUT_MS) {
          const text = `the primary ${address} did not take this backup: ${reason}`;
          process.exit(explain(new HvError('HV_E_JOIN', text)));
        }
        setTimeout(() => this.#askNext(), JOIN_RETRY_MS);
      },
    };
    const { security } = this.#options;
    const link = dialLink(address, '/join', handlers, { security });
    link.send({ type: 'join', epoch: asEpoch(0), address: this.#own });
  }

  #say(address: string, reason: string): void {
    if (this.#told.get(address) === reason) return;
    this.#told.set(address, reason);
    say(`${address}: ${reason}`);
  }
}
