/** Node's older URL interface: `Url`, `parse`, `format`, `resolve`. */

import { urlContext } from '../web/url.ts';
import {
  fragmentSectionOf,
  hasAuthority,
  hostnameOf,
  hostOf,
  passwordOf,
  pathnameOf,
  protocolOf,
  querySectionOf,
  type URLContext,
  usernameOf,
} from '../web/url-context.ts';
import { hostToUnicode } from '../web/url-machine.ts';
import { invalidArgType } from './node-errors.ts';
import { parseInto } from './url-legacy-parse.ts';
import { formatParts, type LegacyParts } from './url-legacy-parts.ts';
import { resolveInto } from './url-legacy-resolve.ts';
import { validateObject, validateString } from './validators.ts';

export interface Url extends LegacyParts {
  parse(url: unknown, parsesQuery?: unknown, slashesDenoteHost?: unknown): Url;
  format(): string;
  resolve(relative: unknown): string;
  resolveObject(relative: unknown): Url;
  parseHost(): void;
}

/** ES5-style: programs inherit from it with `util.inherits`. */
export interface UrlFunction {
  new (): Url;
  readonly prototype: Url;
}

function construct(this: LegacyParts): void {
  this.protocol = null;
  this.slashes = null;
  this.auth = null;
  this.host = null;
  this.port = null;
  this.hostname = null;
  this.hash = null;
  this.search = null;
  this.query = null;
  this.pathname = null;
  this.path = null;
  this.href = null;
}

export const Url: UrlFunction = construct as unknown as UrlFunction;
Object.defineProperty(Url, 'name', { value: 'Url' });

Object.assign(Url.prototype, {
  parse(this: Url, url: unknown, parsesQuery?: unknown, slashesDenoteHost?: unknown): Url {
    validateString(url, 'url');
    parseInto(this, url, {
      parsesQuery: Boolean(parsesQuery),
      slashesDenoteHost: Boolean(slashesDenoteHost),
    });
    return this;
  },
  format(this: Url): string {
    return formatParts(this);
  },
  resolve(this: Url, relative: unknown): string {
    return this.resolveObject(urlParse(relative, false, true)).format();
  },
  resolveObject(this: Url, relative: unknown): Url {
    const other = typeof relative === 'string' ? urlParse(relative, false, true) : relative;
    const target = Object.assign(new Url(), this);
    resolveInto(target, other as Url);
    target.href = target.format();
    return target;
  },
  parseHost(this: Url): void {
    const host = this.host ?? '';
    const port = /:\d*$/.exec(host)?.[0];
    if (port !== undefined && port !== ':') this.port = port.slice(1);
    const name = port === undefined ? host : host.slice(0, host.length - port.length);
    if (name) this.hostname = name;
  },
});

function urlParse(url: unknown, parsesQuery?: unknown, slashesDenoteHost?: unknown): Url {
  if (url instanceof (Url as unknown as new () => Url)) return url;
  return new Url().parse(url, parsesQuery, slashesDenoteHost);
}

interface FormatOptions {
  readonly fragment?: unknown;
  readonly unicode?: unknown;
  readonly search?: unknown;
  readonly auth?: unknown;
}

/** The text of a URL without the parts that `options` leaves out. */
function formatUrl(context: URLContext, options: FormatOptions | null | undefined): string {
  if (options) validateObject(options, 'options');
  const { fragment = true, unicode = false, search = true, auth = true } = options ?? {};
  let text = protocolOf(context);
  if (hasAuthority(context)) {
    text += '//';
    const password = passwordOf(context);
    const login = usernameOf(context) + (password === '' ? '' : `:${password}`);
    if (auth && login !== '') text += `${login}@`;
    const host = hostOf(context);
    const name = hostnameOf(context);
    text += unicode ? hostToUnicode(name) + host.slice(name.length) : host;
  }
  text += pathnameOf(context);
  if (search) text += querySectionOf(context);
  return fragment ? text + fragmentSectionOf(context) : text;
}

function urlFormat(given: unknown, options?: FormatOptions): string {
  if (typeof given === 'string') return urlParse(given).format();
  if (typeof given !== 'object' || given === null) {
    throw invalidArgType('urlObject', ['Object', 'string'], given);
  }
  const context = urlContext(given);
  return context === undefined ? Url.prototype.format.call(given) : formatUrl(context, options);
}

function urlResolve(from: unknown, to: unknown): string {
  return urlParse(from, false, true).resolve(to);
}

function urlResolveObject(from: unknown, to: unknown): unknown {
  if (!from) return to;
  return urlParse(from, false, true).resolveObject(to);
}

for (const [entry, length] of [
  [urlParse, 3],
  [urlFormat, 2],
] as const) {
  Object.defineProperty(entry, 'length', { value: length });
}

export const legacy: Readonly<Record<string, unknown>> = {
  Url,
  parse: urlParse,
  resolve: urlResolve,
  resolveObject: urlResolveObject,
  format: urlFormat,
};
