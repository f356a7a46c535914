/**
 * The `lookup` of a connection: a function of the guest's that turns a name into addresses, in the place
 * of the host's resolver. Several addresses are tried one after the other, families in turns (RFC 8305).
 */

import { NET_ERRORS } from '../../log-format/abi.ts';
import { nextTick } from '../ticks.ts';
import { isIP } from './net-address.ts';
import type { ConnectOptions } from './net-arguments.ts';
import { connectError } from './net-errors.ts';
import { kState, type Socket } from './net-socket-types.ts';
import { nodeError } from './node-errors.ts';
import { clearTimeout, setTimeout, type Timeout } from './timers.ts';

/** `dns.ADDRCONFIG` of Linux: families the host has. */
const ADDRCONFIG = 32;

/** `net.setDefaultAutoSelectFamily` and its like. */
export const familySelection = { on: true, attemptTimeoutMs: 250 };

interface Found {
  readonly address?: unknown;
  readonly family?: unknown;
}

export type Lookup = (
  host: string,
  options: { family: unknown; hints: unknown; all?: true },
  done: (error: Error | null, address?: unknown, family?: unknown) => void,
) => void;

interface Place {
  readonly host: string;
  readonly port: number;
}

/** Node's objection to what a lookup found; undefined when it can be dialled. */
function objection({ address, family }: Found, { host, port }: Place): Error | undefined {
  if (isIP(address) === 0) {
    return nodeError(TypeError, 'ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${String(address)}`);
  }
  if (family === 4 || family === 6) return undefined;
  const text = `Invalid address family: ${String(family)} ${host}:${port}`;
  const error = nodeError(RangeError, 'ERR_INVALID_ADDRESS_FAMILY', text);
  return Object.assign(error, { host, port });
}

/** The first address, then one of the other family, and so on; what is left of one family comes last. */
function inTurns(found: readonly Found[]): string[] {
  const first = found[0]?.family;
  const own = found.filter(({ family }) => family === first);
  const other = found.filter(({ family }) => family !== first);
  const turns: string[] = [];
  for (let at = 0; at < Math.max(own.length, other.length); at++) {
    for (const one of [own[at], other[at]]) if (one) turns.push(String(one.address));
  }
  return turns;
}

/** Dials one address after the other until one answers. */
class Attempts {
  readonly #socket: Socket;
  readonly #addresses: readonly string[];
  readonly #timeoutMs: number;
  readonly #dial: (address: string) => void;
  readonly #errors: Error[] = [];
  #at = -1;
  #timer: Timeout | undefined;

  constructor(
    socket: Socket,
    addresses: readonly string[],
    timeoutMs: number,
    dial: (address: string) => void,
  ) {
    this.#socket = socket;
    this.#addresses = addresses;
    this.#timeoutMs = timeoutMs;
    this.#dial = dial;
    socket[kState].attempt = {
      failed: (error): void => this.#failed(error),
      over: (): void => clearTimeout(this.#timer),
    };
    this.#next();
  }

  get #here(): readonly [address: string, port: number, family: number] {
    const address = this.#addresses[this.#at] ?? '';
    return [address, this.#socket[kState].place.port, isIP(address)];
  }

  #next(): void {
    clearTimeout(this.#timer);
    this.#at += 1;
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (this.#at >= this.#addresses.length) {
      this.#giveUp();
      return;
    }
    const [address, port] = this.#here;
    socket.autoSelectFamilyAttemptedAddresses.push(`${address}:${port}`);
    socket.emit('connectionAttempt', ...this.#here);
    if (this.#at < this.#addresses.length - 1) {
      this.#timer = setTimeout(() => this.#late(), this.#timeoutMs);
    }
    this.#dial(address);
  }

  #late(): void {
    const wire = this.#socket._handle;
    const [host, port] = this.#here;
    this.#errors.push(connectError(NET_ERRORS.indexOf('ETIMEDOUT'), { host, port }));
    this.#socket.emit('connectionAttemptTimeout', ...this.#here);
    this.#socket._handle = null;
    this.#socket[kState].wire = undefined;
    wire?.destroy({ reset: false });
    this.#next();
  }

  #failed(error: Error): void {
    this.#errors.push(error);
    this.#socket.emit('connectionAttemptFailed', ...this.#here, error);
    this.#next();
  }

  #giveUp(): void {
    const [first] = this.#errors;
    if (first === undefined) {
      const text = 'Socket connection timeout';
      this.#socket.destroy(nodeError(Error, 'ERR_SOCKET_CONNECTION_TIMEOUT', text));
      return;
    }
    const { code } = first as { code?: string };
    this.#socket.destroy(Object.assign(new AggregateError(this.#errors), { code }));
  }
}

/** Calls `dial` with addresses of `host` until one answers, or destroys the socket. Only for names. */
export function lookUp(
  socket: Socket,
  place: Place,
  options: ConnectOptions & { readonly lookup: Lookup },
  dial: (address: string) => void,
): void {
  const { host } = place;
  const { family, lookup, localAddress, autoSelectFamily = familySelection.on } = options;
  const anyFamily = family !== 4 && family !== 6;
  const hints = options.hints || (anyFamily ? ADDRCONFIG : 0);
  const all = anyFamily && !localAddress && autoSelectFamily;
  const fail = (error: Error): void => {
    nextTick(() => {
      if (!socket.destroyed) socket.destroy(error);
    });
  };
  lookup(host, { family, hints, ...(all ? { all: true } : {}) }, (error, address, kind) => {
    const found: Found[] =
      !error && all && Array.isArray(address) ? (address as Found[]) : [{ address, family: kind }];
    for (const one of found) socket.emit('lookup', error, one.address, one.family, host);
    if (!socket.connecting) return;
    const good = error ? [] : found.filter((one) => objection(one, place) === undefined);
    const [first] = good;
    if (error) fail(error);
    else if (first === undefined) fail(objection(found[0] ?? {}, place) as Error);
    else if (good.length === 1) dial(String(first.address));
    else {
      const wanted = options.autoSelectFamilyAttemptTimeout ?? familySelection.attemptTimeoutMs;
      new Attempts(socket, inTurns(good), Math.max(10, Number(wanted)), dial);
    }
  });
}
