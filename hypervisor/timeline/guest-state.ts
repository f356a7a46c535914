/**
 * What a guest holds open, told from its inputs and outputs alone: listeners, connections, standard
 * input, signals. Kept for both guests of a refeed, so that one can be asked whether it waits for the
 * same thing as the other. Never looks into a machine.
 */

import {
  INTERRUPT,
  type InterruptRecord,
  type Lsn,
  type Micros,
  type NetAddress,
} from '../../log-format/index.ts';
import type { NetOutput, Output } from '../ports.ts';

/** Where something happened: after the input at `lsn`, at virtual time `time`. */
export interface Place {
  readonly lsn: Lsn;
  readonly time: Micros;
}

/** How a listen was answered: `num` as in netBound. */
export interface ListenAnswer {
  readonly num: number;
  readonly payload: Uint8Array | undefined;
}

export interface GuestListener {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly asked: Place;
  answer: ListenAnswer | undefined;
  /** The guest has closed it and waits for netUnbound. */
  closing: boolean;
  gone: boolean;
}

export interface GuestConnection {
  readonly id: number;
  /** The same for the same connection of both guests: an accepted one's id, else address and order. */
  readonly key: string;
  readonly outgoing: { readonly host: string; readonly port: number } | undefined;
  /** For people. */
  readonly name: string;
  readonly opened: Place;
  wroteBytes: number;
  drainedBytes: number;
  /** The guest has sent its FIN. */
  ended: boolean;
  /** The peer has sent its FIN. */
  peerEnded: boolean;
  destroyed: boolean;
}

/** True when the guest itself has done all that ends `connection`: a netClose is due. */
export function wantsClose(connection: GuestConnection): boolean {
  return connection.destroyed || (connection.ended && connection.peerEnded);
}

export class GuestState {
  /** Every listener since boot, also those gone. */
  readonly listeners: Map<number, GuestListener> = new Map();
  /** Open connections by id and by key. */
  readonly connections: Map<number, GuestConnection> = new Map();
  readonly byKey: Map<string, GuestConnection> = new Map();
  readonly signals: Set<number> = new Set();
  /** Ids of commits without an answer. */
  readonly commits: Set<number> = new Set();
  stdin = false;
  /** Outgoing connections asked for since boot. */
  connects = 0;
  readonly #connectsTo = new Map<string, number>();

  /** Call with each input before its turn. Those for ids not open are ignored. */
  input(record: Omit<InterruptRecord, 'type'>, place: Place): void {
    if (record.kind === INTERRUPT.netAccept) this.#accept(record, place);
    if (record.kind === INTERRUPT.netBound) {
      const listener = this.listeners.get(record.id);
      if (listener === undefined) return;
      listener.answer = { num: record.num, payload: record.payload };
      listener.gone = record.num !== 0;
    }
    if (record.kind === INTERRUPT.netUnbound) {
      const listener = this.listeners.get(record.id);
      if (listener !== undefined) listener.gone = true;
    }
    if (record.kind === INTERRUPT.committed) this.commits.delete(record.id);
    const connection = this.connections.get(record.id);
    if (connection === undefined) return;
    if (record.kind === INTERRUPT.netDrain) connection.drainedBytes += record.num;
    if (record.kind === INTERRUPT.netEnd) connection.peerEnded = true;
    if (record.kind === INTERRUPT.netClose) {
      this.connections.delete(connection.id);
      this.byKey.delete(connection.key);
    }
  }

  /** Call with each output, in order. */
  output(output: Output, place: Place): void {
    if (output.device === 'stdin') this.stdin = output.on;
    if (output.device === 'signal') {
      if (output.on) this.signals.add(output.number);
      else this.signals.delete(output.number);
    }
    if (output.device === 'commit') this.commits.add(output.id);
    if (output.device === 'net') this.#net(output, place);
  }

  #net(output: NetOutput, place: Place): void {
    if (output.op === 'listen') {
      const { id, host, port } = output;
      const fresh = { id, host, port, asked: place, answer: undefined };
      this.listeners.set(id, { ...fresh, closing: false, gone: false });
      return;
    }
    if (output.op === 'unlisten') {
      const listener = this.listeners.get(output.id);
      if (listener !== undefined) listener.closing = true;
      return;
    }
    if (output.op === 'connect') {
      this.#connect(output, place);
      return;
    }
    const connection = this.connections.get(output.id);
    if (connection === undefined) return;
    if (output.op === 'write') connection.wroteBytes += output.bytes.length;
    if (output.op === 'end') connection.ended = true;
    if (output.op === 'destroy') connection.destroyed = true;
  }

  #accept(record: Omit<InterruptRecord, 'type'>, place: Place): void {
    const peer = peerOf(record.payload);
    const from = peer === undefined ? '' : ` from ${addressText(peer.address, peer.port)}`;
    const name = `connection ${record.id}${from}`;
    this.#open({ id: record.id, key: `accepted ${record.id}`, name, outgoing: undefined }, place);
  }

  #connect(output: NetOutput & { readonly op: 'connect' }, place: Place): void {
    const { id, host, port } = output;
    const address = addressText(host === '' ? 'localhost' : host, port);
    const order = (this.#connectsTo.get(address) ?? 0) + 1;
    this.#connectsTo.set(address, order);
    this.connects += 1;
    const name = `connection to ${address}, number ${order}`;
    this.#open({ id, key: `to ${address} ${order}`, name, outgoing: { host, port } }, place);
  }

  #open(fields: Pick<GuestConnection, 'id' | 'key' | 'name' | 'outgoing'>, opened: Place): void {
    const connection: GuestConnection = {
      ...fields,
      opened,
      wroteBytes: 0,
      drainedBytes: 0,
      ended: false,
      peerEnded: false,
      destroyed: false,
    };
    this.connections.set(connection.id, connection);
    this.byKey.set(connection.key, connection);
  }
}

/** `host:port`, with brackets where the host needs them; no host is every address. */
export function addressText(host: string, port: number): string {
  if (host === '') return `*:${port}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function peerOf(payload: Uint8Array | undefined): NetAddress | undefined {
  if (payload === undefined) return undefined;
  return (JSON.parse(new TextDecoder().decode(payload)) as { readonly peer?: NetAddress }).peer;
}
