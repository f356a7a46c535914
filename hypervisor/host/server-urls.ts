/**
 * URLs of servers as people type them for --arbiter: one or several hosts, a user, a path and options.
 * `URL` of the platform knows neither several hosts nor schemes it was not told of.
 */

import { resolve } from 'node:path';
import { HvError } from '../base/errors.ts';
import { formatAddress, type HostPort, parseAddress } from './addresses.ts';

export interface ServerUrl {
  readonly scheme: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** At least one, each with a host. */
  readonly hosts: readonly HostPort[];
  /** Without slashes around it; empty: none. */
  readonly path: string;
  readonly options: Readonly<Record<string, string>>;
}

export interface UrlRules {
  readonly portDefault: number;
  readonly hostsMax: number;
  /** Options that name a file of this host: they are made absolute. */
  readonly files: readonly string[];
  /** Other options, and the values they may have; an empty list allows any. */
  readonly words: Readonly<Record<string, readonly string[]>>;
}

const SERVER_URL = /^([a-z]+):\/\/(?:([^@/?#]*)@)?([^@/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/;
const SECRET = /(:\/\/[^:@/?#]*):[^@/?#]*@/;

/** Reads a URL. Throws HV_E_USAGE with what is wrong with it; a password is in no text. */
export function parseServerUrl(url: string, rules: UrlRules): ServerUrl {
  const wrong = (why: string): HvError =>
    new HvError('HV_E_USAGE', `the arbiter ${shownUrl(url)} ${why}`, {
      details: { url: shownUrl(url) },
    });
  const match = SERVER_URL.exec(url);
  const [, scheme = '', login, hostList = '', path = '', query = ''] = match ?? [];
  if (match === null)
    throw wrong('is not scheme://[user[:password]@]host[:port],…[/path][?options]');
  const hosts = hostList.split(',').map((host) => {
    const one = parseAddress(host, {
      what: 'a host of the arbiter',
      portDefault: rules.portDefault,
    });
    if (one.host === '') throw wrong('names a port without a host');
    return one;
  });
  if (hosts.length > rules.hostsMax)
    throw wrong(`names ${hosts.length} hosts, ${rules.hostsMax} at most are used`);
  const options: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const values = rules.words[name];
    if (!rules.files.includes(name) && values === undefined)
      throw wrong(`has no option ${JSON.stringify(name)}`);
    if (values !== undefined && values.length > 0 && !values.includes(value))
      throw wrong(`has ${name}=${value}, which is none of ${values.join(', ')}`);
    options[name] = rules.files.includes(name) ? resolve(value) : value;
  }
  const cut = login?.indexOf(':') ?? -1;
  try {
    return {
      scheme,
      user: login && decodeURIComponent(cut < 0 ? login : login.slice(0, cut)),
      password: cut < 0 ? undefined : decodeURIComponent(login?.slice(cut + 1) ?? ''),
      hosts,
      path: decodeURIComponent(path).replace(/\/+$/, ''),
      options,
    };
  } catch (error) {
    if (error instanceof URIError) throw wrong('has a % that is no escape');
    throw error;
  }
}

/** The inverse of parseServerUrl, with every port and absolute paths. */
export function formatServerUrl(url: ServerUrl): string {
  const { scheme, user, password, hosts, path, options } = url;
  const login =
    user === undefined
      ? ''
      : `${encodeURIComponent(user)}${password === undefined ? '' : `:${encodeURIComponent(password)}`}@`;
  const query = new URLSearchParams(options).toString();
  const place = path === '' ? '' : `/${encodeURIComponent(path)}`;
  return `${scheme}://${login}${hosts.map(formatAddress).join(',')}${place}${query === '' ? '' : `?${query}`}`;
}

/** The URL as it may be shown and logged: without its password. */
export function shownUrl(url: string): string {
  return url.replace(SECRET, '$1:***@');
}
