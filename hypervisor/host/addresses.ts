/** `host:port` as people type it and as views name replicas; IPv6 hosts stand in brackets. */

import { isIP } from 'node:net';
import type { NetAddress } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';

export interface HostPort {
  /** Without brackets. Empty: every address of this machine. */
  readonly host: string;
  readonly port: number;
}

const PORT_MAX = 65_535;
const BRACKETED = /^\[([^\]]*)\](?::(\d+))?$/;
const PLAIN = /^([^:]*)(?::(\d+))?$/;
const HOST_NAME = /^[A-Za-z0-9_.-]*$/;

/**
 * Reads `host:port`, `[::1]:port` or `:port`; without a port only when `portDefault` is given.
 * Throws HV_E_USAGE on anything else, `what` naming the option for people.
 */
export function parseAddress(
  text: string,
  options: { readonly what: string; readonly portDefault?: number },
): HostPort {
  const bracketed = BRACKETED.exec(text);
  const match = bracketed ?? PLAIN.exec(text);
  const host = match?.[1] ?? '';
  const port = match?.[2] === undefined ? options.portDefault : Number(match[2]);
  const hostFits = bracketed ? isIP(host) === 6 : HOST_NAME.test(host);
  if (match === null || !hostFits || port === undefined || port > PORT_MAX) {
    throw new HvError(
      'HV_E_USAGE',
      `${options.what} is ${JSON.stringify(text)}, which is not host:port (IPv6: [host]:port)`,
      { details: { what: options.what, text } },
    );
  }
  return { host, port };
}

/** Why nobody can be dialled at what others say is the name of a replica; undefined: it is an address. */
export function notAnAddress(name: string): string | undefined {
  try {
    parseAddress(name, { what: 'its name' });
    return undefined;
  } catch (error) {
    if (error instanceof HvError) return error.message;
    throw error;
  }
}

/** The inverse of parseAddress. */
export function formatAddress({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** True when only this machine can reach the host: then a link needs no arbiter on a third one. */
export function isLoopback(host: string): boolean {
  const mapped = host.toLowerCase().replace(/^::ffff:/, '');
  if (isIP(mapped) === 4) return mapped.startsWith('127.');
  return mapped === '::1' || mapped === 'localhost' || mapped.endsWith('.localhost');
}

/** What Node says about an end of a socket, as the guest is told; undefined when it is gone. */
export function netAddress(
  address: string | undefined,
  port: number | undefined,
): NetAddress | undefined {
  if (address === undefined || port === undefined) return undefined;
  // Not Node's own family field: for a peer that has just gone it is undefined before the address.
  return { address, family: isIP(address) === 6 ? 'IPv6' : 'IPv4', port };
}

/**
 * The address to dial for a replica that says it listens on `announced`: one that listens on all
 * addresses cannot know its own, but whoever it connected to can.
 */
export function dialable(announced: string, remote: string): string {
  const { host, port } = parseAddress(announced, { what: 'the address of a backup' });
  if (host !== '' && host !== '0.0.0.0' && host !== '::') return announced;
  return formatAddress({
    host: parseAddress(remote, { what: 'the address of a peer' }).host,
    port,
  });
}
