/**
 * The network backend `direct`: the live hypervisor owns the guest's sockets itself. Cheapest, and
 * enough without a backup; at a failover every connection is reset and the guest sees the closes.
 * Acts on released outputs only, so that a backup's backend stays silent until it goes live.
 */

import { connect, type Socket } from 'node:net';
import { type Epoch, INTERRUPT, type Lsn } from '../../log-format/index.ts';
import { assert, unreachable } from '../base/assert.ts';
import { CONNECTIONS_MAX } from '../base/limits.ts';
import type { HostInterrupt, NetBackend, NetOutput, NetTable } from '../ports.ts';
import { DirectConnection, endsOf, errorIndex } from './net-connection.ts';
import { DirectListener, type ListenerOrigin, type ListenerPlace } from './net-listener.ts';

export interface DirectNetOptions {
  /** Payloads belong to the receiver. Never called from within a call of the backend. */
  onInterrupt(interrupt: HostInterrupt): void;
  /** Trouble with the host that the guest cannot be told of, as event and fields for a log. */
  onNote?(event: string, fields: Record<string, unknown>): void;
  readonly connectionsMax?: number;
  /** A listener taken over whose port is taken moves to a free one, and says so. */
  readonly movesPorts?: boolean;
}

export class DirectNet implements NetBackend {
  readonly #options: DirectNetOptions;
  readonly #connectionsMax: number;
  readonly #listeners = new Map<number, DirectListener>();
  readonly #connections = new Map<number, DirectConnection>();
  /** Accepted while throttled: the guest learns of them when it may take input again. */
  #waiting: { readonly listener: number; readonly socket: Socket }[] = [];
  /** Connections that died with the old primary; a connect for one may still be held. */
  readonly #lost = new Set<number>();
  #unflushed: DirectConnection[] = [];
  #acceptedMax = 0;
  #throttled = false;
  #closed = false;

  constructor(options: DirectNetOptions) {
    this.#options = options;
    this.#connectionsMax = options.connectionsMax ?? CONNECTIONS_MAX;
  }

  /** Nothing to keep: bytes a dead primary's sockets had are lost with them. */
  retain(_output: NetOutput): void {}

  durable(_lsn: Lsn): void {}

  /** Outputs for ids that are closed or were never ours have no effect. */
  release(output: NetOutput): void {
    if (this.#closed) return;
    const connection = this.#connections.get(output.id);
    switch (output.op) {
      case 'listen':
        this.#listen(output, 'fresh');
        return;
      case 'unlisten':
        this.#unlisten(output.id);
        return;
      case 'connect':
        this.#connect(output);
        return;
      case 'write':
        connection?.write(output.offset, output.bytes);
        return;
      case 'end':
        connection?.end();
        return;
      case 'destroy':
        connection?.destroy({ reset: output.reset });
        return;
      case 'consumed':
        connection?.consumed(output.bytes);
        return;
      case 'option':
        connection?.option(output.option, output.value);
        return;
      default:
        unreachable(output);
    }
  }

  /**
   * Listens where the old primary did, for as long as it takes, and reports all of its connections
   * as gone. Outputs that were held at the failover are released afterwards and find what they meant.
   */
  goLive(_epoch: Epoch, table: NetTable): readonly number[] {
    assert(!this.#closed, 'a closed backend does not go live');
    this.#acceptedMax = Math.max(this.#acceptedMax, table.acceptedMax);
    for (const listener of table.listeners) {
      if (this.#listeners.has(listener.id)) continue;
      if (listener.closing) this.#unbound(listener.id);
      else this.#listen(listener, listener.bound ? 'bound-before' : 'unanswered-before');
    }
    const gone = table.connections.map(({ id }) => id).filter((id) => !this.#connections.has(id));
    for (const id of gone) this.#lost.add(id);
    return gone;
  }

  throttle(on: boolean): void {
    if (this.#throttled === on) return;
    this.#throttled = on;
    for (const connection of this.#connections.values()) connection.throttle(on);
    if (on) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    // Not from within this call: the shell that lifts the throttle is not ready to be interrupted.
    setImmediate(() => {
      for (const { listener, socket } of waiting) this.#accept(listener, socket);
    });
  }

  /** What was written reaches the kernel; nothing is reported any more. */
  close(): void {
    this.#closed = true;
    for (const listener of this.#listeners.values()) listener.close();
    for (const connection of this.#connections.values()) connection.abandon();
    for (const { socket } of this.#waiting) socket.destroy();
    this.#listeners.clear();
    this.#connections.clear();
    this.#waiting = [];
  }

  #emit(interrupt: HostInterrupt): void {
    if (!this.#closed) this.#options.onInterrupt(interrupt);
  }

  #listen(where: ListenerPlace, origin: ListenerOrigin): void {
    // Known: a promoted backend took it over before the held output was released.
    if (this.#listeners.has(where.id)) return;
    const listener = new DirectListener(
      where,
      {
        emit: (interrupt) => this.#emit(interrupt),
        note: (event, fields) => this.#options.onNote?.(event, fields),
        accept: (id, socket) => this.#accept(id, socket),
        failed: (id) => this.#listeners.delete(id),
        movesPorts: this.#options.movesPorts === true,
      },
      origin,
    );
    this.#listeners.set(where.id, listener);
  }

  #unlisten(id: number): void {
    this.#listeners.get(id)?.unlisten();
    this.#listeners.delete(id);
  }

  #unbound(id: number): void {
    setImmediate(() => this.#emit({ kind: INTERRUPT.netUnbound, id, num: 0, payload: undefined }));
  }

  #accept(listener: number, socket: Socket): void {
    const open = this.#connections.size + this.#waiting.length;
    if (this.#closed || open >= this.#connectionsMax) {
      socket.destroy();
      return;
    }
    if (this.#throttled) {
      socket.on('error', () => {});
      this.#waiting.push({ listener, socket });
      return;
    }
    const ends = endsOf(socket);
    // Reset before we could ask for its addresses: for the guest it never was.
    if (ends === undefined || socket.destroyed) {
      socket.destroy();
      return;
    }
    this.#acceptedMax += 2;
    const id = this.#acceptedMax;
    this.#emit({ kind: INTERRUPT.netAccept, id, num: listener, payload: ends });
    this.#adopt(id, socket);
  }

  #connect({ id, host, port }: Extract<NetOutput, { op: 'connect' }>): void {
    if (this.#lost.has(id) || this.#connections.has(id)) return;
    try {
      const socket = connect({
        port,
        host: host === '' ? 'localhost' : host,
        allowHalfOpen: true,
      });
      this.#adopt(id, socket).announceConnect();
    } catch (error) {
      // A port that Node refuses as an argument.
      const num = errorIndex(error);
      setImmediate(() => this.#emit({ kind: INTERRUPT.netClose, id, num, payload: undefined }));
    }
  }

  #adopt(id: number, socket: Socket): DirectConnection {
    const connection = new DirectConnection(
      id,
      socket,
      {
        emit: (interrupt) => this.#emit(interrupt),
        flushLater: (one) => this.#flushLater(one),
        gone: (one) => this.#connections.delete(one.id),
      },
      { throttled: this.#throttled },
    );
    this.#connections.set(id, connection);
    return connection;
  }

  /** One system call per connection and turn of the loop, however many pieces the guest writes. */
  #flushLater(connection: DirectConnection): void {
    if (this.#unflushed.length === 0) {
      setImmediate(() => {
        const unflushed = this.#unflushed;
        this.#unflushed = [];
        for (const one of unflushed) one.flush();
      });
    }
    this.#unflushed.push(connection);
  }
}
