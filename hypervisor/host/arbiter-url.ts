/** `http://host:port?token-file=PATH`: where an `hv arbiter` is, and where the token for it lies. */

import { resolve } from 'node:path';
import { HvError } from '../base/errors.ts';
import type { JsonEndpoint } from './http-json.ts';
import type { ServerUrl } from './server-urls.ts';

export function isHttpUrl(url: string): boolean {
  return /^https?:/i.test(url);
}

/** Throws HV_E_USAGE. The token itself never stands in a URL: those are logged, and sent to backups. */
export function parseHttpUrl(text: string): JsonEndpoint {
  let url: URL;
  try {
    url = new URL(text);
  } catch (error) {
    throw new HvError('HV_E_USAGE', `${text} is no URL`, { details: { url: text }, cause: error });
  }
  const { origin, pathname, searchParams, username, password, hash } = url;
  const unknown = [...searchParams.keys()].filter((name) => name !== 'token-file');
  const bare = pathname === '/' && username === '' && password === '' && hash === '';
  if (!bare || unknown.length > 0 || searchParams.getAll('token-file').length > 1)
    throw new HvError(
      'HV_E_USAGE',
      'an arbiter is http://host:port or https://host:port, with ?token-file=PATH where it needs a token',
    );
  const file = searchParams.get('token-file');
  if (file === '') throw new HvError('HV_E_USAGE', 'token-file= names no file');
  return { origin, tokenFile: file === null ? undefined : resolve(file) };
}

/** The same for every process of this machine, whatever its working directory. */
export function absoluteHttpUrl(text: string): string {
  const { origin, tokenFile } = parseHttpUrl(text);
  return tokenFile === undefined
    ? origin
    : `${origin}/?token-file=${encodeURIComponent(tokenFile).replaceAll('%2F', '/')}`;
}

/** Where it is, for who wants to know whether that is the host of a replica. */
export function httpPlace(text: string): ServerUrl {
  const { protocol, hostname, port } = new URL(parseHttpUrl(text).origin);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const known = protocol === 'https:' ? 443 : 80;
  return {
    scheme: protocol.slice(0, -1),
    user: undefined,
    password: undefined,
    hosts: [{ host, port: port === '' ? known : Number(port) }],
    path: '',
    options: {},
  };
}
