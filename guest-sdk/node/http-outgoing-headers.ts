/** The header methods of `http.OutgoingMessage`. */

import {
  type HeaderValue,
  kOutHeaders,
  kUniqueHeaders,
  type OutgoingMessage,
  type OutHeaders,
} from './http-outgoing-types.ts';
import {
  hasInvalidHeaderChar,
  isToken,
  validateHeaderName,
  validateHeaderValue,
} from './http-tokens.ts';
import { kernel } from './kernel-hooks.ts';
import { invalidArgType, nodeError } from './node-errors.ts';
import { validateString } from './validators.ts';

export function headersSent(action: string): Error {
  const text = `Cannot ${action} headers after they are sent to the client`;
  return nodeError(Error, 'ERR_HTTP_HEADERS_SENT', text);
}

/** The table to write to; null-prototype, so that no name means anything else. */
function tableOf(message: OutgoingMessage): OutHeaders {
  const known = message[kOutHeaders];
  if (known !== null && known !== undefined) return known;
  const fresh = Object.create(null) as OutHeaders;
  message[kOutHeaders] = fresh;
  return fresh;
}

/** Names and values of a flat list, an object, a list of pairs, Headers or a Map. */
function* pairsOf(headers: unknown): Generator<[string, HeaderValue]> {
  const { entries } = headers as { entries: () => Iterable<[string, HeaderValue]> };
  for (const [name, value] of entries.call(headers)) yield [name, value];
}

let warnedOf = { headers: false, headerNames: false };

function warnOnce(key: keyof typeof warnedOf, code: string): void {
  if (warnedOf[key]) return;
  warnedOf = { ...warnedOf, [key]: true };
  const name = key === 'headers' ? '_headers' : '_headerNames';
  const text = `OutgoingMessage.prototype.${name} is deprecated`;
  kernel().emitWarning(text, 'DeprecationWarning', code);
}

export const headerMethods: ThisType<OutgoingMessage> & Record<string, unknown> = {
  _renderHeaders(): Record<string, HeaderValue> {
    if (this._header) throw headersSent('render');
    const rendered: Record<string, HeaderValue> = {};
    for (const [name, value] of Object.values(this[kOutHeaders] ?? {})) rendered[name] = value;
    return rendered;
  },

  setHeader(name: string, value: HeaderValue): OutgoingMessage {
    if (this._header) throw headersSent('set');
    validateHeaderName(name);
    validateHeaderValue(name, value);
    tableOf(this)[name.toLowerCase()] = [name, value];
    return this;
  },

  setHeaders(headers: unknown): OutgoingMessage {
    if (this._header) throw headersSent('set');
    const { keys, get } = (headers ?? {}) as Record<string, unknown>;
    if (
      !headers ||
      Array.isArray(headers) ||
      typeof keys !== 'function' ||
      typeof get !== 'function'
    ) {
      throw invalidArgType('headers', ['Headers', 'Map'], headers);
    }
    // Headers splits Set-Cookie into many entries: they belong together.
    const cookies: string[] = [];
    for (const [name, value] of pairsOf(headers)) {
      if (name === 'set-cookie') {
        if (Array.isArray(value)) cookies.push(...value);
        else cookies.push(value as string);
      } else this.setHeader(name, value);
    }
    if (cookies.length > 0) this.setHeader('set-cookie', cookies);
    return this;
  },

  appendHeader(name: string, value: HeaderValue): OutgoingMessage {
    if (this._header) throw headersSent('append');
    validateHeaderName(name);
    validateHeaderValue(name, value);
    const field = name.toLowerCase();
    const table = tableOf(this);
    const entry = table[field];
    if (entry === undefined) {
      table[field] = [name, value];
      return this;
    }
    const before = entry[1];
    const list = Array.isArray(before) ? (before as HeaderValue[]) : [before];
    if (Array.isArray(value)) list.push(...value);
    else list.push(value as string);
    entry[1] = list as unknown as HeaderValue;
    return this;
  },

  getHeader(name: string): HeaderValue | undefined {
    validateString(name, 'name');
    return this[kOutHeaders]?.[name.toLowerCase()]?.[1];
  },

  getHeaderNames(): string[] {
    return this[kOutHeaders] ? Object.keys(this[kOutHeaders]) : [];
  },

  getRawHeaderNames(): string[] {
    return Object.values(this[kOutHeaders] ?? {}).map(([name]) => name);
  },

  getHeaders(): Record<string, HeaderValue> {
    const copy = Object.create(null) as Record<string, HeaderValue>;
    const table = this[kOutHeaders];
    if (table)
      for (const key of Object.keys(table)) copy[key] = (table[key] as [string, string])[1];
    return copy;
  },

  hasHeader(name: string): boolean {
    validateString(name, 'name');
    return this[kOutHeaders] !== null && this[kOutHeaders]?.[name.toLowerCase()] !== undefined;
  },

  removeHeader(name: string): void {
    validateString(name, 'name');
    if (this._header) throw headersSent('remove');
    const key = name.toLowerCase();
    if (key === 'connection') this._removedConnection = true;
    else if (key === 'content-length') this._removedContLen = true;
    else if (key === 'transfer-encoding') this._removedTE = true;
    else if (key === 'date') this.sendDate = false;
    if (this[kOutHeaders]) delete this[kOutHeaders][key];
  },

  addTrailers(headers: unknown): void {
    const isList = Array.isArray(headers);
    let trailer = '';
    for (const key of Object.keys(headers as object)) {
      const entry = (headers as Record<string, unknown>)[key];
      const [field, value] = isList ? (entry as [string, unknown]) : [key, entry];
      if (typeof field !== 'string' || !field || !isToken(field)) {
        const text = `Trailer name must be a valid HTTP token ["${String(field)}"]`;
        throw nodeError(TypeError, 'ERR_INVALID_HTTP_TOKEN', text);
      }
      const isMany = Array.isArray(value) && value.length > 1;
      const separate = isMany && !this[kUniqueHeaders]?.has(field.toLowerCase());
      const values = separate
        ? (value as unknown[])
        : [isMany ? (value as unknown[]).join('; ') : value];
      for (const one of values) {
        if (hasInvalidHeaderChar(one)) {
          const text = `Invalid character in trailer content ["${field}"]`;
          throw nodeError(TypeError, 'ERR_INVALID_CHAR', text);
        }
        trailer += `${field}: ${String(one)}\r\n`;
      }
    }
    this._trailer = trailer;
  },
};

/** The deprecated views of the table, as accessors of the prototype. */
export const headerViews: PropertyDescriptorMap & ThisType<OutgoingMessage> = {
  _headers: {
    get(): unknown {
      warnOnce('headers', 'DEP0066');
      return (this as unknown as { getHeaders(): unknown }).getHeaders();
    },
    set(value: Record<string, HeaderValue> | null): void {
      warnOnce('headers', 'DEP0066');
      if (value === null || value === undefined) this[kOutHeaders] = null;
      else if (typeof value === 'object') {
        const table = Object.create(null) as OutHeaders;
        for (const [name, one] of Object.entries(value)) table[name.toLowerCase()] = [name, one];
        this[kOutHeaders] = table;
      }
    },
    configurable: true,
  },
  _headerNames: {
    get(): unknown {
      warnOnce('headerNames', 'DEP0066');
      const table = this[kOutHeaders];
      if (table === null) return null;
      const names = Object.create(null) as Record<string, string>;
      for (const [key, [name]] of Object.entries(table)) names[key] = name;
      return names;
    },
    set(value: Record<string, string> | null): void {
      warnOnce('headerNames', 'DEP0066');
      const table = this[kOutHeaders];
      if (typeof value !== 'object' || value === null || !table) return;
      for (const [key, name] of Object.entries(value)) {
        const entry = table[key];
        if (entry) entry[0] = name;
      }
    },
    configurable: true,
  },
};
