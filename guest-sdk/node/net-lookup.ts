/**
 * The `lookup` of a connection: a function of the guest's that turns a name into addresses, in the place
 * of the host's resolver. The first address is the one that is dialled.
 */

import { nextTick } from '../ticks.ts';
import { isIP } from './net-address.ts';
import type { ConnectOptions } from './net-arguments.ts';
import type { Socket } from './net-socket-types.ts';
import { nodeError } from './node-errors.ts';

/** `dns.ADDRCONFIG` of Linux: families the host has. */
const ADDRCONFIG = 32;

interface Found {
  readonly address?: unknown;
  readonly family?: unknown;
}

export type Lookup = (
  host: string,
  options: { family: unknown; hints: unknown; all?: true },
  done: (error: Error | null, address?: unknown, family?: unknown) => void,
) => void;

/** Node's objection to what a lookup found; undefined when it can be dialled. */
function objection({ address, family }: Found, host: string, port: number): Error | undefined {
  if (isIP(address) === 0) {
    return nodeError(TypeError, 'ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${String(address)}`);
  }
  if (family === 4 || family === 6) return undefined;
  const text = `Invalid address family: ${String(family)} ${host}:${port}`;
  const error = nodeError(RangeError, 'ERR_INVALID_ADDRESS_FAMILY', text);
  return Object.assign(error, { host, port });
}

/** Calls `dial` with an address of `host`, or destroys the socket. Only for names. */
export function lookUp(
  socket: Socket,
  place: { readonly host: string; readonly port: number },
  options: ConnectOptions & { readonly lookup: Lookup },
  dial: (address: string) => void,
): void {
  const { host, port } = place;
  const { family, lookup, localAddress, autoSelectFamily = true } = options;
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
    if (error) {
      fail(error);
      return;
    }
    const good = found.find((one) => objection(one, host, port) === undefined);
    if (good !== undefined) dial(String(good.address));
    else fail(objection(found[0] ?? {}, host, port) as Error);
  });
}
