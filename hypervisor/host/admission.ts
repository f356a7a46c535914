/**
 * Who may sit at a listener without having said anything yet. Every accepted socket is an entry until
 * its first message, or its end. Must bound what strangers cost (sockets, time) without ever keeping a
 * friend out: at a limit the oldest stranger goes, not the newest.
 */

import type { Socket } from 'node:net';
import { addressBytes } from '../timeline/export/ip-address.ts';

/** Why a socket or a link was refused. */
export const REFUSALS = [
  /** Without authentication, where it is needed. */
  'plain',
  /** A token that is none of ours, or neither token nor certificate. */
  'badToken',
  /** A TLS handshake that came to nothing for another reason: another version, another authority. */
  'tlsHandshake',
  /** A well-formed request that is no link's: a browser, an unknown path. */
  'stranger',
  /** A frame, request or first message longer than any of ours. */
  'oversized',
  'malformed',
  /** More sockets, or links, than there is room for. */
  'tooMany',
  'slow',
  /** It hung up before it had said anything, as a port scan does. */
  'vanished',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** Counts refusals by their reason. */
export class RefusalCounts {
  readonly #counts = new Map<Refusal, number>(REFUSALS.map((reason) => [reason, 0]));

  add(reason: Refusal): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }

  get all(): Readonly<Record<Refusal, number>> {
    return Object.fromEntries(this.#counts) as Record<Refusal, number>;
  }
}

/** What of a socket names it, be it the raw one or the TLS one around it. */
export type PeerSocket = Pick<Socket, 'remoteAddress' | 'remotePort'>;

interface Entry {
  readonly socket: Socket;
  /** Where it comes from, as far as one peer can choose among addresses. */
  readonly origin: string;
  readonly deadline: NodeJS.Timeout;
  /** It became a link; from there on its faults are the link's to count. */
  linked: boolean;
  refused: boolean;
}

export interface AdmissionOptions {
  readonly handshakesMax: number;
  readonly perOriginMax: number;
  /** Sockets begin with a TLS handshake. */
  readonly tls: boolean;
  /** Time from accept to link. */
  readonly deadlineMs: number;
  /** At most once for a socket. */
  onRefused(reason: Refusal): void;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #entries = new Map<string, Entry>();
  /** Oldest first. */
  readonly #byOrigin = new Map<string, Set<Entry>>();
  #handshakes = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Sockets that have not said their first message. */
  get handshakes(): number {
    return this.#handshakes;
  }

  /** Takes a socket in the turn in which it was accepted. */
  admit(socket: Socket): void {
    const address = socket.remoteAddress;
    if (address === undefined) {
      // Gone between the kernel's accept and ours.
      this.#options.onRefused('vanished');
      socket.destroy();
      return;
    }
    const key = keyOf(socket);
    const deadline = setTimeout(() => this.refuse(socket, 'slow'), this.#options.deadlineMs);
    const origin = originOf(address);
    const entry: Entry = { socket, origin, deadline, linked: false, refused: false };
    this.#entries.set(key, entry);
    this.#queue(entry);
    socket.once('close', () => {
      // Node cuts a client with a certificate of another authority without a word.
      const began = this.#options.tls && socket.bytesRead > 0;
      if (!entry.linked) this.#count(entry, began ? 'tlsHandshake' : 'vanished');
      clearTimeout(deadline);
      this.#unqueue(entry);
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    this.#makeRoom(entry);
  }

  /** Counts the refusal of a socket and cuts it, unless its caller still answers it. */
  refuse(socket: PeerSocket, reason: Refusal, options: { readonly cut?: boolean } = {}): void {
    const entry = this.#entries.get(keyOf(socket));
    if (entry === undefined || entry.linked) return;
    this.#count(entry, reason);
    if (options.cut !== false) entry.socket.destroy();
  }

  /** The socket is a link now: its first message has a time limit of its own. */
  linked(socket: PeerSocket): void {
    const entry = this.#entries.get(keyOf(socket));
    if (entry === undefined) return;
    entry.linked = true;
    clearTimeout(entry.deadline);
  }

  /** The link has said who it is: it is a stranger no more. */
  spoken(socket: PeerSocket): void {
    const entry = this.#entries.get(keyOf(socket));
    if (entry !== undefined) this.#unqueue(entry);
  }

  /** Cuts everybody who has not become a link. */
  close(): void {
    for (const entry of [...this.#entries.values()]) {
      entry.refused = true;
      if (!entry.linked) entry.socket.destroy();
    }
  }

  #count(entry: Entry, reason: Refusal): void {
    if (entry.refused) return;
    entry.refused = true;
    this.#options.onRefused(reason);
  }

  #queue(entry: Entry): void {
    const queue = this.#byOrigin.get(entry.origin) ?? new Set();
    queue.add(entry);
    this.#byOrigin.set(entry.origin, queue);
    this.#handshakes += 1;
  }

  #unqueue(entry: Entry): void {
    const queue = this.#byOrigin.get(entry.origin);
    if (queue?.delete(entry) !== true) return;
    this.#handshakes -= 1;
    if (queue.size === 0) this.#byOrigin.delete(entry.origin);
  }

  #makeRoom({ origin }: Entry): void {
    const own = this.#byOrigin.get(origin);
    if (own !== undefined && own.size > this.#options.perOriginMax) this.#cutOldest(own);
    if (this.#handshakes > this.#options.handshakesMax) this.#cutOldest(this.#largest());
  }

  #largest(): Set<Entry> | undefined {
    let largest: Set<Entry> | undefined;
    for (const queue of this.#byOrigin.values())
      if (queue.size > (largest?.size ?? 0)) largest = queue;
    return largest;
  }

  #cutOldest(queue: Set<Entry> | undefined): void {
    const [oldest] = queue ?? [];
    if (oldest === undefined) return;
    this.#count(oldest, 'tooMany');
    // Now, not at its close event: the next socket may come first.
    this.#unqueue(oldest);
    oldest.socket.destroy();
  }
}

/** An IPv6 host owns its whole /64 and may send from any address in it. */
export function originOf(address: string): string {
  const bytes = addressBytes(address.replace(/^::ffff:(?=.*\.)/i, ''));
  if (bytes === undefined || bytes.length === 4) return address.replace(/^::ffff:/i, '');
  return Buffer.from(bytes.subarray(0, 8)).toString('hex');
}

function keyOf({ remoteAddress, remotePort }: PeerSocket): string {
  return `${remoteAddress} ${remotePort}`;
}
