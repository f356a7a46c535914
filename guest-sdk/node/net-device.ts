/**
 * Front end of the net device: which object of the guest a connection or listener id belongs to.
 * Interrupts for ids nobody has any more are normal (data on its way when a socket was destroyed)
 * and are dropped here.
 */

import { ENCODING, type NetAddress } from '../../log-format/abi.ts';
import { traps } from '../drivers/traps.ts';

export interface ConnectionEnds {
  readonly peer: NetAddress;
  readonly local: NetAddress;
}

/** What a connection's interrupts call. */
export interface ConnectionFront {
  connected(ends: ConnectionEnds): void;
  data(bytes: ArrayBuffer): void;
  ended(): void;
  drained(): void;
  /** `error` is an index of NET_ERRORS, 0 when the connection ended in order. */
  closed(error: number): void;
}

export interface ListenerFront {
  bound(error: number, address: NetAddress | undefined): void;
  /** False refuses the connection. */
  accepted(connection: number, ends: ConnectionEnds): void;
}

const connections = new Map<number, ConnectionFront>();
const listeners = new Map<number, ListenerFront>();

export function attachConnection(id: number, front: ConnectionFront): void {
  connections.set(id, front);
}

export function attachListener(id: number, front: ListenerFront): void {
  listeners.set(id, front);
}

export function detachListener(id: number): void {
  listeners.delete(id);
}

function json<T>(payload: ArrayBuffer | undefined): T | undefined {
  if (payload === undefined) return undefined;
  return JSON.parse(traps.decode(payload, 0, payload.byteLength, ENCODING.utf8)) as T;
}

export function netBound(id: number, error: number, payload: ArrayBuffer | undefined): void {
  listeners.get(id)?.bound(error, json<NetAddress>(payload));
}

export function netAccept(id: number, listener: number, payload: ArrayBuffer | undefined): void {
  const front = listeners.get(listener);
  const ends = json<ConnectionEnds>(payload);
  // The listener was closed while this connection was on its way.
  if (front === undefined || ends === undefined) traps.netDestroy(id, 0);
  else front.accepted(id, ends);
}

export function netConnected(id: number, payload: ArrayBuffer | undefined): void {
  const ends = json<ConnectionEnds>(payload);
  if (ends !== undefined) connections.get(id)?.connected(ends);
}

export function netData(id: number, payload: ArrayBuffer | undefined): void {
  if (payload !== undefined) connections.get(id)?.data(payload);
}

export function netEnd(id: number): void {
  connections.get(id)?.ended();
}

export function netDrain(id: number): void {
  connections.get(id)?.drained();
}

export function netClose(id: number, error: number): void {
  const front = connections.get(id);
  connections.delete(id);
  front?.closed(error);
}
