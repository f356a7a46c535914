/** `node:querystring`: queries as plain objects. */

import { percentDecodeBytes } from '../web/percent-encode.ts';
import { Buffer } from './buffer.ts';
import { nodeError } from './node-errors.ts';

type Codec = (text: string) => string;

interface Options {
  readonly encodeURIComponent?: unknown;
  readonly decodeURIComponent?: unknown;
  readonly maxKeys?: unknown;
}

const PAIRS_MAX = 1000;

/**
 * Percent-encodes with Node's idea of a pair: a surrogate and whatever unit comes after it. One at
 * the very end is ERR_INVALID_URI. `also` are characters to leave as they are besides the usual.
 */
export function encodeQueryText(text: string): string {
  if (/^[\w!'()*.~-]*$/.test(text)) return text;
  const paired = text.replace(/[\ud800-\udfff][\s\S]?/g, (pair) => {
    if (pair.length < 2) throw nodeError(URIError, 'ERR_INVALID_URI', 'URI malformed');
    const high = pair.charCodeAt(0) & 0x3ff;
    return String.fromCodePoint(0x1_0000 + ((high << 10) | (pair.charCodeAt(1) & 0x3ff)));
  });
  return encodeURIComponent(paired);
}

function qsEscape(value: unknown): string {
  if (typeof value === 'string') return encodeQueryText(value);
  return encodeQueryText(typeof value === 'object' ? String(value) : `${value}`);
}

/** Bytes of `text`, one per unit, with its escapes decoded. */
function unescapeBuffer(text: string, decodeSpaces?: boolean): Buffer {
  const source = Buffer.from(decodeSpaces === true ? text.replaceAll('+', ' ') : text, 'latin1');
  return Buffer.from(percentDecodeBytes(source));
}

function qsUnescape(text: string, decodeSpaces?: boolean): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not UTF-8, or no escape at all: byte by byte.
    return exported.unescapeBuffer(text, decodeSpaces).toString();
  }
}

/** Text of a value in a query; objects have none. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? `${value}` : '';
  return typeof value === 'bigint' || typeof value === 'boolean' ? `${value}` : '';
}

function escapedText(value: unknown, encode: Codec): string {
  const text = textOf(value);
  if (encode !== qsEscape) return encode(text);
  const mayHold = typeof value === 'string' || (typeof value === 'number' && text.includes('e'));
  return mayHold && text !== '' ? encode(text) : text;
}

function stringify(object: unknown, sep?: unknown, eq?: unknown, options?: Options): string {
  if (object === null || typeof object !== 'object') return '';
  const separator = (sep || '&') as string;
  const given = options?.encodeURIComponent;
  const encode = (typeof given === 'function' ? given : exported.escape) as Codec;
  const fields: string[] = [];
  for (const [key, value] of Object.entries(object)) {
    const start = escapedText(key, encode) + ((eq || '=') as string);
    for (const one of Array.isArray(value) ? value : [value]) {
      fields.push(start + escapedText(one, encode));
    }
  }
  return fields.join(separator);
}

function decoded(text: string, decode: Codec): string {
  try {
    return decode(text);
  } catch {
    // The program's own decoder may refuse; the module's never does.
    return exported.unescape(text, true);
  }
}

type Query = Record<string, string | string[]>;

function add(query: Query, key: string, value: string): void {
  const known = query[key];
  if (known === undefined) query[key] = value;
  else if (Array.isArray(known)) known.push(value);
  else query[key] = [known, value];
}

function parse(text: unknown, sep?: unknown, eq?: unknown, options?: Options): Query {
  const query = Object.create(null) as Query;
  if (typeof text !== 'string' || text === '') return query;
  const separator = sep ? `${sep}` : '&';
  const equals = eq ? `${eq}` : '=';
  const limit = options?.maxKeys;
  let left = PAIRS_MAX;
  if (typeof limit === 'number') left = limit > 0 ? limit : -1;
  const given = options?.decodeURIComponent;
  const decode = (typeof given === 'function' ? given : exported.unescape) as Codec;
  const isCustom = decode !== qsUnescape;
  const part = (raw: string): string => {
    const spaced = raw.includes('+') ? raw.replaceAll('+', isCustom ? '%20' : ' ') : raw;
    if (spaced === '' || !(isCustom || /%[\da-f]{2}/i.test(spaced))) return spaced;
    return decoded(spaced, decode);
  };
  for (const pair of text.split(separator)) {
    const at = pair.indexOf(equals);
    const key = at < 0 ? pair : pair.slice(0, at);
    if (pair !== '') add(query, part(key), at < 0 ? '' : part(pair.slice(at + equals.length)));
    // Empty pairs count.
    if (--left === 0) break;
  }
  return query;
}

interface QuerystringModule {
  unescapeBuffer: typeof unescapeBuffer;
  unescape: typeof qsUnescape;
  escape: typeof qsEscape;
  stringify: typeof stringify;
  encode: typeof stringify;
  parse: typeof parse;
  decode: typeof parse;
}

/** Programs replace `escape` and `unescape` of the module to change what it does. */
export const exported: QuerystringModule = {
  unescapeBuffer,
  unescape: qsUnescape,
  escape: qsEscape,
  stringify,
  encode: stringify,
  parse,
  decode: parse,
};

for (const name of ['stringify', 'parse'] as const) {
  Object.defineProperty(exported[name], 'length', { value: 4 });
}
