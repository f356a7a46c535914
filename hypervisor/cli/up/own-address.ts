/** Whether two addresses of replicas are one: a view may name by number what a setting names by name. */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { parseAddress } from '../../host/addresses.ts';

/** Addresses of a name; none if it has none now. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export const resolveByDns: Resolve = async (host) => {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === 'getaddrinfo') return [];
    throw error;
  }
};

/** True when both have the port, and the host or one of its addresses. False for what is no address. */
export async function isSameReplica(
  one: string,
  other: string,
  resolve: Resolve,
): Promise<boolean> {
  if (one === other) return true;
  const [a, b] = [placeOf(one), placeOf(other)];
  if (a === undefined || b === undefined || a.port !== b.port) return false;
  if (a.host.toLowerCase() === b.host.toLowerCase()) return true;
  const addresses = async (host: string): Promise<readonly string[]> =>
    isIP(host) === 0 ? await resolve(host) : [host];
  const known = new Set(await addresses(a.host));
  return (await addresses(b.host)).some((address) => known.has(address));
}

function placeOf(text: string): { readonly host: string; readonly port: number } | undefined {
  // Primaries that listen nowhere have a name instead: `primary-1a2b3c4d`.
  return /:\d+$/.test(text) ? parseAddress(text, { what: 'the address of a replica' }) : undefined;
}
