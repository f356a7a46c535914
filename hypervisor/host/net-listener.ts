/**
 * One listener of the guest on a host socket. A fresh one tells how listening went. One taken over
 * from a dead primary is bound as far as the guest knows, so that it tries until it is; and one whose
 * answer died with the primary tries for a while, because the primary may be what holds the port.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { INTERRUPT } from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { LISTEN_RETRY_MS, LISTEN_RETRY_NOTE_MS } from '../base/limits.ts';
import type { HostInterrupt, NetTable } from '../ports.ts';
import { netAddress } from './addresses.ts';
import { errorIndex } from './net-connection.ts';

/** Where the guest listens: what the output asked for, or the table says. */
export type ListenerPlace = Pick<NetTable['listeners'][number], 'id' | 'host' | 'port' | 'backlog'>;

/** What a listener needs of its backend. */
export interface ListenerOwner {
  emit(interrupt: HostInterrupt): void;
  note(event: string, fields: Record<string, unknown>): void;
  accept(listener: number, socket: Socket): void;
  /** The listener could not be bound; its id is free of meaning from now on. */
  failed(listener: number): void;
  /** A taken port is no reason to wait: another one will do. */
  readonly movesPorts: boolean;
}

/** How a listener came to be. */
export type ListenerOrigin = 'fresh' | 'bound-before' | 'unanswered-before';

export class DirectListener {
  readonly #where: ListenerPlace;
  readonly #owner: ListenerOwner;
  readonly #origin: ListenerOrigin;
  readonly #server: Server;
  #retry: NodeJS.Timeout | undefined;
  /** Of the first failure, on the clock of performance.now(). */
  #failedAt: number | undefined;
  #noted = false;
  #moves = false;
  #bound = false;
  #closed = false;

  /** Starts to listen. */
  constructor(where: ListenerPlace, owner: ListenerOwner, origin: ListenerOrigin) {
    this.#where = where;
    this.#owner = owner;
    this.#origin = origin;
    // Half-closing is the guest's business. Accepted sockets wait until they have an id.
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    this.#server.on('connection', (socket) => owner.accept(where.id, socket));
    this.#server.on('listening', () => this.#onListening());
    this.#server.on('error', (error) => this.#onError(error));
    this.#listen();
  }

  /** Answers with netUnbound, after everything this turn of the loop has still to report. */
  unlisten(): void {
    if (this.#closed) return;
    this.close();
    const { id } = this.#where;
    setImmediate(() =>
      this.#owner.emit({ kind: INTERRUPT.netUnbound, id, num: 0, payload: undefined }),
    );
  }

  /** Stops without telling anybody. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    if (this.#server.listening) this.#server.close();
  }

  #listen(): void {
    const { host, backlog } = this.#where;
    const port = this.#moves ? 0 : this.#where.port;
    const where = host === '' ? { port } : { port, host };
    const queue = backlog > 0 ? { backlog } : {};
    try {
      this.#server.listen({ ...where, ...queue, exclusive: true });
    } catch (error) {
      // A port or host that Node refuses as an argument.
      setImmediate(() => this.#onError(error));
    }
  }

  #onListening(): void {
    // Unlistened while the host name was still being looked up.
    if (this.#closed) {
      this.#server.close();
      return;
    }
    this.#bound = true;
    const { id } = this.#where;
    if (this.#moves) this.#owner.note('net.port-moved', this.#moved());
    if (this.#origin === 'bound-before') {
      if (this.#noted) this.#owner.note('net.listening', this.#fields());
      return;
    }
    const bound = this.#server.address();
    assert(bound !== null && typeof bound === 'object', 'a listening server has an address');
    const address = netAddress(bound.address, bound.port);
    const payload = new TextEncoder().encode(JSON.stringify(address));
    this.#owner.emit({ kind: INTERRUPT.netBound, id, num: 0, payload });
  }

  #onError(error: unknown): void {
    if (this.#closed) return;
    if (this.#bound) {
      // accept(2) failed, for want of file descriptors most likely; the listener lives on.
      this.#owner.note('net.accept-failed', this.#fields(error));
    } else if (this.#mayRetry(error)) {
      this.#retry = setTimeout(() => this.#listen(), LISTEN_RETRY_MS);
    } else {
      this.#closed = true;
      const { id } = this.#where;
      this.#owner.failed(id);
      this.#owner.emit({
        kind: INTERRUPT.netBound,
        id,
        num: errorIndex(error),
        payload: undefined,
      });
    }
  }

  /** The old primary may still hold the port: killed a moment ago, or stopped on this machine. */
  #mayRetry(error: unknown): boolean {
    const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (taken && this.#owner.movesPorts && !this.#moves) {
      this.#moves = true;
      return true;
    }
    if (this.#origin === 'fresh') return false;
    this.#failedAt ??= performance.now();
    const long = performance.now() - this.#failedAt >= LISTEN_RETRY_NOTE_MS;
    if (this.#origin === 'unanswered-before') return taken && !long;
    if (!this.#noted && (!taken || long)) {
      this.#noted = true;
      this.#owner.note('net.listen-retry', this.#fields(error));
    }
    return true;
  }

  #moved(): Record<string, unknown> {
    const bound = this.#server.address();
    assert(bound !== null && typeof bound === 'object', 'a listening server has an address');
    const { id, host, port } = this.#where;
    return { listener: id, host, port, now: bound.port };
  }

  #fields(error?: unknown): Record<string, unknown> {
    const { id, host, port } = this.#where;
    const reason = error instanceof Error ? { reason: error.message } : {};
    const waitedMs =
      this.#failedAt === undefined ? 0 : Math.round(performance.now() - this.#failedAt);
    return { listener: id, host, port, waitedMs, ...reason };
  }
}
