/** Headers (Fetch standard, section 5.1), with Node's checks and errors. */

import { inspectHook } from '../node/inspect-hook.ts';
import {
  checkCallback,
  checkCount,
  illegalInvocation,
  setLengths,
  toByteString,
} from './fetch-arguments.ts';
import { exposeInterface } from './interface.ts';
import { type Pair, pairIterator } from './pair-iterator.ts';

interface Entry {
  /** As it was first given. */
  readonly name: string;
  readonly value: string;
}

const TOKEN = /^[!#$%&'*+.^`|~\w-]+$/;
const NAMELESS = 'set-cookie';
/** Misspelt in Node, too. */
const CONSTRUCTOR = 'Headers contructor';

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

function checkName(name: string, where: string): string {
  if (!TOKEN.test(name)) throw new TypeError(`${where}: "${name}" is an invalid header name.`);
  return name.toLowerCase();
}

function cleanValue(value: string, where: string): string {
  const clean = value.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
  if (/[\0\n\r]/.test(clean)) {
    throw new TypeError(`${where}: "${clean}" is an invalid header value.`);
  }
  return clean;
}

function pairsOfList(list: Iterable<unknown>): Pair<string>[] {
  return [...list].map((item, index) => {
    const iterates = isObject(item) && Symbol.iterator in item;
    if (!iterates) {
      const shown = typeof item === 'string' ? `"${item}"` : inspectHook.inspect(item);
      throw new TypeError(`${CONSTRUCTOR}: init[${index}] (${shown}) is not iterable.`);
    }
    const pair = [...(item as Iterable<unknown>)].map((part) =>
      toByteString(part, CONSTRUCTOR, `init[${index}]`),
    );
    if (pair.length !== 2) {
      const text = `Headers constructor: expected name/value pair to be length 2, found ${pair.length}.`;
      throw new TypeError(text);
    }
    return pair as unknown as Pair<string>;
  });
}

function pairsOf(init: unknown): Pair<string>[] {
  if (!isObject(init)) {
    throw new TypeError(
      'Headers constructor: Argument 1 could not be converted to one of: sequence<sequence<ByteString>>, record<ByteString, ByteString>.',
    );
  }
  const { [Symbol.iterator]: iterator } = init as { [Symbol.iterator]?: unknown };
  if (typeof iterator === 'function') return pairsOfList(init as Iterable<unknown>);
  // Every own property, also one that is not enumerable.
  return Reflect.ownKeys(init).map((key) => [
    toByteString(key, CONSTRUCTOR, 'init'),
    toByteString((init as Record<PropertyKey, unknown>)[key], CONSTRUCTOR, 'init'),
  ]);
}

const iterate = pairIterator('Headers');
let isHeaders: (value: unknown) => boolean;
let shownEntries: (headers: Headers) => Record<string, string>;
/** Closes headers to changes by the guest: those of a response that came from elsewhere. */
export let makeImmutable: (headers: Headers) => void;
/** The entries in their order of arrival, with the names as they were given. */
export let entriesInOrder: (headers: Headers) => Pair<string>[];
/** The same entries in the same order, open to changes. */
export let copyHeaders: (headers: Headers) => Headers;

export class Headers {
  readonly #entries = new Map<string, Entry>();
  #cookies: string[] = [];
  #immutable = false;

  constructor(init: unknown = undefined) {
    if (init === undefined) return;
    for (const [name, value] of pairsOf(init)) this.#append(name, value, 'Headers.append');
  }

  append(...args: readonly unknown[]): void {
    if (!isHeaders(this)) throw illegalInvocation();
    const where = 'Headers.append';
    checkCount(args, 2, where);
    const name = toByteString(args[0], where, 'name');
    this.#checkMutable();
    this.#append(name, toByteString(args[1], where, 'value'), where);
  }

  delete(...args: readonly unknown[]): void {
    if (!isHeaders(this)) throw illegalInvocation();
    const key = this.#keyOf(args, 'Headers.delete');
    this.#checkMutable();
    if (key === NAMELESS) this.#cookies = [];
    this.#entries.delete(key);
  }

  get(...args: readonly unknown[]): string | null {
    if (!isHeaders(this)) throw illegalInvocation();
    return this.#entries.get(this.#keyOf(args, 'Headers.get'))?.value ?? null;
  }

  has(...args: readonly unknown[]): boolean {
    if (!isHeaders(this)) throw illegalInvocation();
    return this.#entries.has(this.#keyOf(args, 'Headers.has'));
  }

  set(...args: readonly unknown[]): void {
    if (!isHeaders(this)) throw illegalInvocation();
    const where = 'Headers.set';
    checkCount(args, 2, where);
    const name = toByteString(args[0], where, 'name');
    const given = toByteString(args[1], where, 'value');
    const key = checkName(name, where);
    const value = cleanValue(given, where);
    this.#checkMutable();
    if (key === NAMELESS) this.#cookies = [value];
    this.#entries.set(key, { name, value });
  }

  getSetCookie(): string[] {
    if (!isHeaders(this)) throw illegalInvocation();
    return [...this.#cookies];
  }

  keys(): IterableIterator<unknown> {
    if (!isHeaders(this)) throw illegalInvocation();
    return iterate(() => this.#sorted(), 'keys');
  }

  values(): IterableIterator<unknown> {
    if (!isHeaders(this)) throw illegalInvocation();
    return iterate(() => this.#sorted(), 'values');
  }

  entries(): IterableIterator<unknown> {
    if (!isHeaders(this)) throw illegalInvocation();
    return iterate(() => this.#sorted(), 'entries');
  }

  forEach(...args: readonly unknown[]): void {
    if (!isHeaders(this)) throw illegalInvocation();
    checkCount(args, 1, 'Headers.forEach');
    const [callback, receiver] = args;
    checkCallback(callback, 'Headers');
    for (const [name, value] of this.entries() as Iterable<Pair<string>>) {
      callback.call(receiver, value, name, this);
    }
  }

  #keyOf(args: readonly unknown[], where: string): string {
    checkCount(args, 1, where);
    return checkName(toByteString(args[0], where, 'name'), where);
  }

  #checkMutable(): void {
    if (this.#immutable) throw new TypeError('immutable');
  }

  #append(name: string, given: string, where: string): void {
    const value = cleanValue(given, where);
    const key = checkName(name, where);
    if (key === NAMELESS) this.#cookies.push(value);
    const known = this.#entries.get(key);
    const joint = key === 'cookie' ? '; ' : ', ';
    const entry = known && { name: known.name, value: known.value + joint + value };
    this.#entries.set(key, entry ?? { name, value });
  }

  /** By name, each cookie by itself. */
  #sorted(): Pair<string>[] {
    return [...this.#entries]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([key, { value }]): Pair<string>[] =>
        key === NAMELESS ? this.#cookies.map((cookie) => [key, cookie]) : [[key, value]],
      );
  }

  static {
    isHeaders = (value) => isObject(value) && #entries in value;
    makeImmutable = (headers) => {
      headers.#immutable = true;
    };
    copyHeaders = (headers) => {
      const copy = new Headers();
      for (const [key, entry] of headers.#entries) copy.#entries.set(key, entry);
      copy.#cookies = [...headers.#cookies];
      return copy;
    };
    entriesInOrder = (headers) =>
      [...headers.#entries].flatMap(([key, { name, value }]): Pair<string>[] =>
        key === NAMELESS ? headers.#cookies.map((cookie) => [name, cookie]) : [[name, value]],
      );
    shownEntries = (headers) =>
      Object.fromEntries([...headers.#entries.values()].map(({ name, value }) => [name, value]));
  }
}

/** Headers as an option gives them; those of a Headers keep their names and order. */
export function headersOf(init: unknown): Headers {
  return isHeaders(init) ? copyHeaders(init as Headers) : new Headers(init);
}

const { prototype } = Headers;
setLengths(prototype, { append: 2, delete: 1, get: 1, has: 1, set: 2, forEach: 1 });
Object.defineProperty(prototype, Symbol.iterator, {
  value: prototype.entries,
  writable: true,
  configurable: true,
});
exposeInterface(
  Headers,
  'Headers',
  (self, _depth, options) => `Headers ${inspectHook.inspect(shownEntries(self), options)}`,
);
