/**
 * The front half of the network: streams with ids that are the same on every replica and absolute
 * byte offsets in both directions. The back half, which owns sockets, is a `NetBackend`; it never
 * sees the guest, and this file never sees a socket.
 *
 * Accepted connections have even ids (chosen by the backend, logged), the guest's own connections
 * odd ones (counted here).
 */

import type { InterruptRecord, NetAddress, TrapName } from '../../../log-format/index.ts';
import { INTERRUPT, NET_WRITE_CREDIT_BYTES } from '../../../log-format/index.ts';
import { NET_RECEIVE_WINDOW_BYTES } from '../../base/limits.ts';
import type { NetTable } from '../../ports.ts';
import { newNumber, readBytes, readInt } from '../values.ts';
import type { Board, Device, TrapHandler } from './device.ts';

interface Listener {
  readonly id: number;
  readonly host: string;
  port: number;
  readonly backlog: number;
  bound: boolean;
  /** The guest has closed it; the answer is outstanding. */
  closing: boolean;
}

interface Connection {
  readonly id: number;
  /** Stream bytes in and out since the connection opened. */
  inOffset: number;
  outOffset: number;
  /** Bytes the guest may still write before it must wait for a drain. */
  credit: number;
  /** Bytes delivered and not yet reported as consumed. */
  unconsumed: number;
  flowing: boolean;
  connecting: boolean;
  destroyed: boolean;
}

interface NetState {
  readonly listeners: readonly Listener[];
  readonly connections: readonly Connection[];
  readonly listenerNext: number;
  readonly connectionNext: number;
  readonly acceptedMax: number;
}

/** Consumed bytes are reported in steps, so that small exchanges never report any. */
const CONSUMED_STEP_BYTES = NET_RECEIVE_WINDOW_BYTES / 4;

type NetTraps = Partial<Record<TrapName, TrapHandler>>;

export class NetDevice implements Device {
  readonly name = 'net';
  readonly #board: Board;
  readonly #listeners = new Map<number, Listener>();
  readonly #connections = new Map<number, Connection>();
  #listenerNext = 1;
  #connectionNext = 1;
  #acceptedMax = 0;

  constructor(board: Board) {
    this.#board = board;
  }

  trap(): NetTraps {
    const { engine } = this.#board;
    const int = (argv: number, index: number): number => readInt(engine, argv, index);
    return {
      netListen: (argv) => this.#listen(argv),
      netUnlisten: (argv) => this.#unlisten(int(argv, 0)),
      netConnect: (argv) => this.#connect(argv),
      netWrite: (argv) => this.#write(argv),
      netEnd: (argv) => this.#onOpen(int(argv, 0), (id) => ({ device: 'net', op: 'end', id })),
      netDestroy: (argv) => this.#destroy(int(argv, 0), int(argv, 1) !== 0),
      netFlow: (argv) => this.#flow(int(argv, 0), int(argv, 1) !== 0),
      netOption: (argv) =>
        this.#onOpen(int(argv, 0), (id) => ({
          device: 'net',
          op: 'option',
          id,
          option: int(argv, 1),
          value: int(argv, 2),
        })),
    };
  }

  interrupt(record: InterruptRecord): boolean {
    switch (record.kind) {
      case INTERRUPT.netBound:
        return this.#bound(record);
      case INTERRUPT.netUnbound:
        return this.#listeners.delete(record.id);
      case INTERRUPT.netAccept:
        this.#acceptedMax = Math.max(this.#acceptedMax, record.id);
        this.#open(record.id, { connecting: false });
        return true;
      case INTERRUPT.netConnected:
        return this.#connected(record.id);
      case INTERRUPT.netData:
        return this.#data(record);
      case INTERRUPT.netEnd:
        return this.#alive(record.id) !== undefined;
      case INTERRUPT.netDrain:
        return this.#drain(record);
      case INTERRUPT.netClose:
        return this.#connections.delete(record.id);
      default:
        return true;
    }
  }

  table(): NetTable {
    return {
      listeners: [...this.#listeners.values()].map((one) => ({ ...one })),
      connections: [...this.#connections.values()].map(
        ({ id, inOffset, outOffset, connecting }) => ({ id, inOffset, outOffset, connecting }),
      ),
      acceptedMax: this.#acceptedMax,
    };
  }

  save(): NetState {
    return {
      listeners: [...this.#listeners.values()].map((one) => ({ ...one })),
      connections: [...this.#connections.values()].map((one) => ({ ...one })),
      listenerNext: this.#listenerNext,
      connectionNext: this.#connectionNext,
      acceptedMax: this.#acceptedMax,
    };
  }

  restore(state: NetState): void {
    this.#listeners.clear();
    this.#connections.clear();
    for (const one of state.listeners) this.#listeners.set(one.id, { ...one });
    for (const one of state.connections) this.#connections.set(one.id, { ...one });
    this.#listenerNext = state.listenerNext;
    this.#connectionNext = state.connectionNext;
    this.#acceptedMax = state.acceptedMax;
  }

  #alive(id: number): Connection | undefined {
    const connection = this.#connections.get(id);
    return connection?.destroyed === false ? connection : undefined;
  }

  #open(id: number, { connecting }: { connecting: boolean }): void {
    this.#connections.set(id, {
      id,
      inOffset: 0,
      outOffset: 0,
      credit: NET_WRITE_CREDIT_BYTES,
      unconsumed: 0,
      flowing: true,
      connecting,
      destroyed: false,
    });
  }

  #host(argv: number, index: number): string {
    const { engine } = this.#board;
    const offset = readInt(engine, argv, index + 1);
    const length = readInt(engine, argv, index + 2);
    return new TextDecoder().decode(readBytes(engine, argv, index, { offset, length }).slice());
  }

  #listen(argv: number): number {
    const { engine } = this.#board;
    const listener: Listener = {
      id: this.#listenerNext++,
      port: readInt(engine, argv, 0),
      backlog: readInt(engine, argv, 1),
      host: this.#host(argv, 2),
      bound: false,
      closing: false,
    };
    this.#listeners.set(listener.id, listener);
    const { id, host, port, backlog } = listener;
    this.#board.emit({ device: 'net', op: 'listen', id, host, port, backlog });
    return newNumber(engine, id);
  }

  #unlisten(id: number): number {
    const listener = this.#listeners.get(id);
    if (listener === undefined || listener.closing) return 0;
    listener.closing = true;
    this.#board.emit({ device: 'net', op: 'unlisten', id });
    return 0;
  }

  #connect(argv: number): number {
    const { engine } = this.#board;
    const id = this.#connectionNext;
    this.#connectionNext += 2;
    this.#open(id, { connecting: true });
    const port = readInt(engine, argv, 0);
    this.#board.emit({ device: 'net', op: 'connect', id, host: this.#host(argv, 1), port });
    return newNumber(engine, id);
  }

  #write(argv: number): number {
    const { engine } = this.#board;
    const connection = this.#alive(readInt(engine, argv, 0));
    if (connection === undefined) return newNumber(engine, 0);
    const offset = readInt(engine, argv, 2);
    const range = { offset, length: readInt(engine, argv, 3) };
    const bytes = readBytes(engine, argv, 1, range).slice();
    const { id, outOffset } = connection;
    this.#board.emit({ device: 'net', op: 'write', id, offset: outOffset, bytes });
    connection.outOffset += bytes.length;
    connection.credit -= bytes.length;
    return newNumber(engine, connection.credit);
  }

  #onOpen(id: number, output: (id: number) => Parameters<Board['emit']>[0]): number {
    if (this.#alive(id) !== undefined) this.#board.emit(output(id));
    return 0;
  }

  #destroy(id: number, reset: boolean): number {
    const connection = this.#alive(id);
    if (connection === undefined) return 0;
    connection.destroyed = true;
    this.#board.emit({ device: 'net', op: 'destroy', id, reset });
    return 0;
  }

  #flow(id: number, on: boolean): number {
    const connection = this.#alive(id);
    if (connection === undefined) return 0;
    connection.flowing = on;
    if (on) this.#reportConsumed(connection);
    return 0;
  }

  #reportConsumed(connection: Connection): void {
    if (connection.unconsumed < CONSUMED_STEP_BYTES) return;
    const { id, unconsumed } = connection;
    connection.unconsumed = 0;
    this.#board.emit({ device: 'net', op: 'consumed', id, bytes: unconsumed });
  }

  #bound(record: InterruptRecord): boolean {
    const listener = this.#listeners.get(record.id);
    if (listener === undefined) return false;
    if (record.num !== 0) this.#listeners.delete(record.id);
    else if (record.payload !== undefined) {
      const address = JSON.parse(new TextDecoder().decode(record.payload)) as NetAddress;
      listener.port = address.port;
      listener.bound = true;
    }
    return true;
  }

  #connected(id: number): boolean {
    const connection = this.#alive(id);
    if (connection === undefined) return false;
    connection.connecting = false;
    return true;
  }

  #data(record: InterruptRecord): boolean {
    const connection = this.#connections.get(record.id);
    if (connection === undefined || record.payload === undefined) return false;
    const bytes = record.payload.length;
    connection.inOffset += bytes;
    if (connection.destroyed) return false;
    connection.unconsumed += bytes;
    if (connection.flowing) this.#reportConsumed(connection);
    return true;
  }

  #drain(record: InterruptRecord): boolean {
    const connection = this.#alive(record.id);
    if (connection === undefined) return false;
    connection.credit = Math.min(connection.credit + record.num, NET_WRITE_CREDIT_BYTES);
    return true;
  }
}
