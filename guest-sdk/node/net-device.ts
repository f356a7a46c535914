/**
 * Front end of the net device: which object of the guest a connection or listener id belongs to.
 * Interrupts for ids nobody has any more are normal (data on its way when a socket was destroyed)
 * and are dropped here.
 */

import { ENCODING, type NetAddress } from '../../log-format/abi.ts';
import { type AsyncContext, capture, NO_STORES, runIn, withStores } from '../async-context.ts';
import { traps } from '../drivers/traps.ts';

export interface ConnectionEnds {
  readonly peer: NetAddress;
  readonly local: NetAddress;
}

/** What a connection's interrupts call. */
export interface ConnectionFront {
  /** What programs know it by. */
  readonly owner: object;
  connected(ends: ConnectionEnds): void;
  data(bytes: ArrayBuffer): void;
  ended(): void;
  drained(): void;
  /** `error` is an index of NET_ERRORS, 0 when the connection ended in order. */
  closed(error: number): void;
}

export interface ListenerFront {
  readonly owner: object;
  bound(error: number, address: NetAddress | undefined): void;
  /** False refuses the connection. */
  accepted(connection: number, ends: ConnectionEnds): void;
}

/** Who has an id, and what the code that opened it was doing for whom. */
interface Attached<T> {
  readonly front: T;
  readonly context: AsyncContext | undefined;
}

const connections = new Map<number, Attached<ConnectionFront>>();
const listeners = new Map<number, Attached<ListenerFront>>();

/** The connection a listener is being told of: nothing the listener was opened for is in its context. */
let accepting = 0;

export function attachConnection(id: number, front: ConnectionFront): void {
  const context =
    id === accepting
      ? withStores(NO_STORES, () => capture('TCPWRAP', front))
      : capture('TCPWRAP', front);
  connections.set(id, { front, context });
}

export function attachListener(id: number, front: ListenerFront): void {
  listeners.set(id, { front, context: capture('TCPSERVERWRAP', front) });
}

/** The sockets and servers that are open, in the order they were opened. */
export function openSockets(): object[] {
  return [...listeners.values(), ...connections.values()].map(({ front }) => front.owner);
}

function tell<T>(attached: Attached<T> | undefined, act: (front: T) => void): void {
  if (attached === undefined) return;
  const { front, context } = attached;
  if (context === undefined) act(front);
  else runIn(context, () => act(front));
}

export function detachListener(id: number): void {
  listeners.delete(id);
}

function json<T>(payload: ArrayBuffer | undefined): T | undefined {
  if (payload === undefined) return undefined;
  return JSON.parse(traps.decode(payload, 0, payload.byteLength, ENCODING.utf8)) as T;
}

export function netBound(id: number, error: number, payload: ArrayBuffer | undefined): void {
  tell(listeners.get(id), (front) => front.bound(error, json<NetAddress>(payload)));
}

export function netAccept(id: number, listener: number, payload: ArrayBuffer | undefined): void {
  const attached = listeners.get(listener);
  const ends = json<ConnectionEnds>(payload);
  // The listener was closed while this connection was on its way.
  if (attached === undefined || ends === undefined) traps.netDestroy(id, 0);
  else {
    accepting = id;
    tell(attached, (front) => front.accepted(id, ends));
  }
}

export function netConnected(id: number, payload: ArrayBuffer | undefined): void {
  const ends = json<ConnectionEnds>(payload);
  if (ends !== undefined) tell(connections.get(id), (front) => front.connected(ends));
}

export function netData(id: number, payload: ArrayBuffer | undefined): void {
  if (payload !== undefined) tell(connections.get(id), (front) => front.data(payload));
}

export function netEnd(id: number): void {
  tell(connections.get(id), (front) => front.ended());
}

export function netDrain(id: number): void {
  tell(connections.get(id), (front) => front.drained());
}

export function netClose(id: number, error: number): void {
  const attached = connections.get(id);
  connections.delete(id);
  tell(attached, (front) => front.closed(error));
}
