/**
 * Whether an arbiter would die with a replica. Where replicas are on several hosts, an arbiter on one of
 * these takes with it the only one who could promote the other: the pair is then less available than
 * one host alone. What can be known here: addresses and names of this host, the addresses other
 * replicas are dialled at, and the kind of file system a directory is on. Not known: members of an etcd
 * the URL does not name, other addresses of other hosts, and what a FUSE file system stands on.
 */

import { lookup } from 'node:dns/promises';
import { statfsSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { HvError } from '../base/errors.ts';
import { formatAddress, type HostPort, isLoopback } from './addresses.ts';
import { codeOf } from './arbiter-answers.ts';
import { type ArbiterPlace, arbiterPlace } from './arbiters.ts';
import { shownUrl } from './server-urls.ts';

/** File systems of one host, by the magic number of Linux's statfs(2). */
const LOCAL_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
  [0xca451a4e, 'bcachefs'],
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
  [0x794c7630, 'overlayfs'],
]);

/** In place of an address: a replica whose host is not known yet, and is not this one. */
export const SOME_OTHER_HOST = 'another host';

/** What this host says of itself; tests say it for it. */
export interface HostFacts {
  /** Addresses of this host's interfaces. */
  readonly addresses: ReadonlySet<string>;
  readonly hostname: string;
  /** Name of the file system of one host that `path` is on; undefined: a shared one, or unknown. */
  localFileSystem(path: string): string | undefined;
  /** Addresses of a name; none if it has none. */
  resolve(name: string): Promise<readonly string[]>;
}

export function hostFacts(): HostFacts {
  const interfaces = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
  return {
    addresses: new Set(interfaces.map(({ address }) => address)),
    hostname: hostname().toLowerCase(),
    localFileSystem: (path) => {
      if (process.platform !== 'linux') return undefined;
      try {
        return LOCAL_FILE_SYSTEMS.get(statfsSync(path).type);
      } catch (error) {
        // A directory that is missing shows in the arbiter's first answer.
        if (codeOf(error) === undefined) throw error;
        return undefined;
      }
    },
    resolve: async (name) => {
      try {
        return (await lookup(name, { all: true })).map(({ address }) => address);
      } catch (error) {
        if (codeOf(error) === undefined) throw error;
        return [];
      }
    },
  };
}

/**
 * Throws HV_E_ARBITER_COLOCATED if the arbiter at `url` would die with this host or one of `others`, the
 * hosts of other replicas. Names are looked up. Nothing is refused where all of them are this host.
 */
export async function refuseColocated(
  url: string,
  others: readonly string[],
  facts: HostFacts = hostFacts(),
): Promise<void> {
  const place = arbiterPlace(url);
  const names = new Set([...others, ...serversOf(place).map(({ host }) => host)]);
  const known = new Map<string, readonly string[]>([[SOME_OTHER_HOST, []]]);
  names.delete(SOME_OTHER_HOST);
  for (const name of names)
    known.set(name, isIP(name) === 0 && !isLoopback(name) ? await facts.resolve(name) : [name]);
  const why = colocation(place, { self: 'this host', others }, facts, known);
  if (why === undefined) return;
  throw new HvError('HV_E_ARBITER_COLOCATED', `the arbiter ${shownUrl(url)} ${why}`, {
    details: { url: shownUrl(url), others },
  });
}

/**
 * Why a backup that is asked by a primary on `primary` (an address) does not work with the arbiter at
 * `url`; undefined: it does. Names are not looked up here, as nobody waits: the primary has done it.
 */
export function arbiterRefusal(
  url: string,
  primary: string,
  given: { readonly mayBeColocated: boolean; readonly facts?: HostFacts },
): string | undefined {
  try {
    const place = arbiterPlace(url);
    if (given.mayBeColocated) return undefined;
    const replicas = { self: "the backup's host", others: [primary] };
    const why = colocation(place, replicas, given.facts ?? hostFacts());
    return (
      why && `the arbiter ${shownUrl(url)} ${why}; hv backup --arbiter-colocated would allow that`
    );
  } catch (error) {
    if (error instanceof HvError) return error.message;
    throw error;
  }
}

/** Replicas as seen from one of them. */
export interface ReplicaHosts {
  /** What people are to call this host. */
  readonly self: string;
  readonly others: readonly string[];
}

/**
 * What is wrong with the place of an arbiter for these replicas; undefined: nothing. `known` has the
 * addresses of names; a name that is not in it is only compared as it stands.
 */
export function colocation(
  place: ArbiterPlace,
  { self, others }: ReplicaHosts,
  facts: HostFacts,
  known: ReadonlyMap<string, readonly string[]> = new Map(),
): string | undefined {
  const addressesOf = (host: string): readonly string[] => known.get(host) ?? [host];
  const isHere = (host: string): boolean =>
    host.toLowerCase() === facts.hostname ||
    addressesOf(host).some((one) => isLoopback(one) || facts.addresses.has(plain(one)));
  const remote = others.filter((host) => !isHere(host));
  if (remote.length === 0) return undefined;
  if (place.type === 'directory') {
    const system = facts.localFileSystem(place.path);
    if (system === undefined) return undefined;
    return `is on a disk of ${self} alone (${system}), which ${remote.join(' and ')} cannot see`;
  }
  const servers = serversOf(place);
  const survives = (dead: readonly HostPort[]): boolean =>
    servers.length - dead.length > servers.length / 2;
  const here = servers.filter(({ host }) => isHere(host));
  if (!survives(here)) return `${places(here, servers)} on ${self}, as a replica is`;
  for (const replica of remote) {
    const own = new Set(addressesOf(replica).map(plain));
    const there = servers.filter(({ host }) =>
      addressesOf(host).some((address) => own.has(plain(address))),
    );
    if (!survives(there)) return `${places(there, servers)} on ${replica}, as a replica is`;
  }
  return undefined;
}

function places(some: readonly HostPort[], all: readonly HostPort[]): string {
  if (all.length === 1) return 'is';
  return `has no majority without ${some.map(formatAddress).join(' and ')}, which ${some.length === 1 ? 'is' : 'are'}`;
}

function serversOf(place: ArbiterPlace): readonly HostPort[] {
  return place.type === 'servers' ? place.url.hosts : [];
}

/** An IPv4 address in the clothes of IPv6 is the same address. */
function plain(address: string): string {
  return address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
}
