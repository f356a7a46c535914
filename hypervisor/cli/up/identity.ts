/** Which replica of which guest this host is, by its settings. */

import { basename, extname, join } from 'node:path';
import { HvError } from '../../base/errors.ts';
import { parseAddress } from '../../host/addresses.ts';
import { checkName } from '../../host/guest-name.ts';
import type { SecurityOptions } from '../../host/tls.ts';
import type { Settings } from '../config/settings.ts';
import { type SecurityFlags, securityOf } from '../security-options.ts';
import { isSameReplica, type Resolve } from './own-address.ts';

export interface Identity {
  readonly name: string;
  /** Address of this replica in views. */
  readonly listen: string;
  readonly dir: string;
  /** Of the guest's log, whatever the role. */
  readonly logDir: string;
  readonly arbiter: string;
  /** The others. */
  readonly peers: readonly string[];
  /** This one is the first of the list. */
  readonly first: boolean;
}

/** Throws HV_E_CONFIG for settings that fit no replica and HV_E_NO_ARBITER. */
export async function identityOf(settings: Settings, resolve: Resolve): Promise<Identity> {
  const script = settings.text('guest.script');
  const named = settings.text('guest.name');
  const name = checkName(named ?? (script && basename(script, extname(script))));
  if (name === undefined)
    throw new HvError('HV_E_CONFIG', 'neither guest.name nor guest.script is given');
  const arbiter = settings.text('protection.arbiter');
  if (arbiter === undefined)
    throw new HvError(
      'HV_E_NO_ARBITER',
      'protection.arbiter is not given, and it decides who is primary',
    );
  const listen = settings.text('replica.listen') ?? '';
  const { host, port } = parseAddress(listen, { what: 'replica.listen' });
  if (port === 0 || host === '' || host === '0.0.0.0' || host === '::')
    throw new HvError(
      'HV_E_CONFIG',
      `${settings.origin('replica.listen')}: replica.listen is ${listen}, which is no name of this replica: it has to be the address and port by which the others reach it`,
    );
  const all = settings.list('replica.peers');
  const isOwn = await Promise.all(all.map((peer) => isSameReplica(peer, listen, resolve)));
  const dir = settings.text('replica.dir') ?? '.hv';
  return {
    ...{ name, listen, dir, arbiter },
    logDir: join(dir, name),
    peers: all.filter((_, index) => isOwn[index] !== true),
    first: isOwn[0] === true,
  };
}

/** Throws HV_E_USAGE. */
export function securityFrom(settings: Settings): SecurityOptions {
  const file = (path: string): string | undefined => settings.text(`protection.${path}`);
  const flags = {
    tokenFile: file('token-file'),
    tlsCa: file('tls-ca'),
    tlsCert: file('tls-cert'),
    tlsKey: file('tls-key'),
    insecure: settings.on('protection.insecure') || undefined,
  };
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  return securityOf(Object.fromEntries(given) as SecurityFlags, {});
}
