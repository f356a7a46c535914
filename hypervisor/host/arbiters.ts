/** From an arbiter's URL, as given on the command line and in a hello, to the arbiter. */

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HvError } from '../base/errors.ts';
import type { Arbiter } from '../ports.ts';
import { absoluteHttpUrl, httpPlace, isHttpUrl, parseHttpUrl } from './arbiter-url.ts';
import { ETCD_URL, EtcdArbiter } from './etcd-arbiter.ts';
import { FileArbiter } from './file-arbiter.ts';
import { HttpArbiter } from './http-arbiter.ts';
import { PG_URL, PgArbiter } from './pg-arbiter.ts';
import {
  formatServerUrl,
  parseServerUrl,
  type ServerUrl,
  shownUrl,
  type UrlRules,
} from './server-urls.ts';

interface ServerKind {
  readonly rules: UrlRules;
  open(url: ServerUrl): Arbiter;
}

const ETCD: ServerKind = { rules: ETCD_URL, open: (url) => new EtcdArbiter(url) };
const PG: ServerKind = { rules: PG_URL, open: (url) => new PgArbiter(url) };

/** Arbiters that are servers, by the scheme of their URL. */
const SERVERS: ReadonlyMap<string, ServerKind> = new Map([
  ['etcd', ETCD],
  ['etcds', ETCD],
  ['pg', PG],
  ['postgres', PG],
  ['postgresql', PG],
]);

const KNOWN =
  'file:DIR (a directory both hosts share), http://host:port (hv arbiter), etcd://h1,h2,h3 and pg://user@host/database';

/** What an arbiter's URL names, for who wants to know where that is. */
export type ArbiterPlace =
  | { readonly type: 'directory'; readonly path: string }
  | { readonly type: 'servers'; readonly url: ServerUrl };

/**
 * Opens an arbiter. Nothing is read or connected yet: a directory or a server that is missing shows in
 * the first answer. Throws HV_E_USAGE for a URL it does not know.
 */
export function openArbiter(url: string): Arbiter {
  if (isHttpUrl(url)) return new HttpArbiter(parseHttpUrl(url));
  const server = serverOf(url);
  return server === undefined
    ? new FileArbiter(arbiterDirectory(url))
    : server.kind.open(server.url);
}

/** The URL with absolute paths: what a replica elsewhere on this machine can open too. */
export function absoluteArbiterUrl(url: string): string {
  if (isHttpUrl(url)) return absoluteHttpUrl(url);
  const server = serverOf(url);
  return server === undefined ? `file:${arbiterDirectory(url)}` : formatServerUrl(server.url);
}

/** Throws HV_E_USAGE for a URL it does not know. */
export function arbiterPlace(url: string): ArbiterPlace {
  if (isHttpUrl(url)) return { type: 'servers', url: httpPlace(url) };
  const server = serverOf(url);
  return server === undefined
    ? { type: 'directory', path: arbiterDirectory(url) }
    : { type: 'servers', url: server.url };
}

function serverOf(url: string): { readonly kind: ServerKind; readonly url: ServerUrl } | undefined {
  const kind = SERVERS.get(/^([a-z]+):\/\//.exec(url)?.[1] ?? '');
  return kind && { kind, url: parseServerUrl(url, kind.rules) };
}

function arbiterDirectory(url: string): string {
  const path = url.startsWith('file:') ? url.slice('file:'.length) : '';
  if (path === '') {
    throw new HvError(
      'HV_E_USAGE',
      `there is no arbiter ${JSON.stringify(shownUrl(url))}; this hv knows ${KNOWN}`,
      { details: { url: shownUrl(url) } },
    );
  }
  return path.startsWith('//') ? urlPath(url) : resolve(path);
}

function urlPath(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new HvError('HV_E_USAGE', `${url} does not name a directory of this machine`, {
      details: { url },
      cause: error,
    });
  }
}
