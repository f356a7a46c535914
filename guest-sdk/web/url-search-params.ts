/** URLSearchParams (URL Standard, section 6.2), with Node's checks and errors. */

import { inspectHook } from '../node/inspect-hook.ts';
import { invalidThis, missingArgs, nodeError } from '../node/node-errors.ts';
import { validateFunction } from '../node/validators.ts';
import { type FlatPairs, parseForm, serializeForm } from './form-encoding.ts';
import { exposeInterface } from './interface.ts';
import { toUsv } from './usv.ts';

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

function invalidTuple(): Error {
  const text = 'Each query pair must be an iterable [name, value] tuple';
  return nodeError(TypeError, 'ERR_INVALID_TUPLE', text);
}

/** Pairs of whatever iterable stands for them. */
function pairsOfList(list: Iterable<unknown>): FlatPairs {
  const pairs: FlatPairs = [];
  for (const pair of list) {
    if (!isObject(pair)) throw invalidTuple();
    if (typeof (pair as { [Symbol.iterator]?: unknown })[Symbol.iterator] !== 'function')
      throw invalidTuple();
    const items = [...(pair as Iterable<unknown>)];
    if (items.length !== 2) throw invalidTuple();
    pairs.push(toUsv(items[0]), toUsv(items[1]));
  }
  return pairs;
}

/** Own enumerable properties; names that become one when made whole keep the last value. */
function pairsOfRecord(record: object): FlatPairs {
  const values = new Map<string, string>();
  for (const key of Reflect.ownKeys(record)) {
    const own = Reflect.getOwnPropertyDescriptor(record, key);
    if (own?.enumerable !== true) continue;
    const name = toUsv(key);
    values.set(name, toUsv((record as Record<PropertyKey, unknown>)[key]));
  }
  return [...values].flat();
}

/** What the URL that a query belongs to does about it; set by web/url.ts. */
type Changed = (search: string) => void;

let listOf: (params: URLSearchParams) => FlatPairs;
let isParams: (value: unknown) => boolean;
/** The pairs of `query` become those of `params`. */
export let refillParams: (params: URLSearchParams, query: string) => void;
/** Makes the query of a URL; `changed` is told its text after every change. */
export let paramsOfUrl: (query: string, changed: Changed) => URLSearchParams;

function checkParams(value: unknown): void {
  if (!isParams(value)) throw invalidThis('URLSearchParams');
}

type Kind = 'entries' | 'keys' | 'values';

export class URLSearchParams {
  #list: FlatPairs;
  #changed: Changed | undefined;

  constructor(init: unknown = undefined) {
    this.#list = URLSearchParams.#pairsOf(init);
  }

  static #pairsOf(init: unknown): FlatPairs {
    if (init === undefined || init === null) return [];
    if (!isObject(init)) {
      const text = toUsv(init);
      return parseForm(text.startsWith('?') ? text.slice(1) : text);
    }
    const method = (init as { [Symbol.iterator]?: unknown })[Symbol.iterator];
    const isOwn = method === URLSearchParams.prototype[Symbol.iterator as never];
    if (isOwn && #list in init) return [...init.#list];
    if (method === undefined || method === null) return pairsOfRecord(init);
    if (typeof method === 'function') return pairsOfList(init as Iterable<unknown>);
    throw nodeError(TypeError, 'ERR_ARG_NOT_ITERABLE', 'Query pairs must be iterable');
  }

  get size(): number {
    checkParams(this);
    return this.#list.length / 2;
  }

  append(...args: readonly unknown[]): void {
    checkParams(this);
    if (args.length < 2) throw missingArgs('name', 'value');
    this.#list.push(toUsv(args[0]), toUsv(args[1]));
    this.#tell();
  }

  delete(...args: readonly unknown[]): void {
    checkParams(this);
    if (args.length < 1) throw missingArgs('name');
    const name = toUsv(args[0]);
    const value = args[1] === undefined ? undefined : toUsv(args[1]);
    const list = this.#list;
    for (let i = 0; i < list.length; ) {
      const matches = list[i] === name && (value === undefined || list[i + 1] === value);
      if (matches) list.splice(i, 2);
      else i += 2;
    }
    this.#tell();
  }

  get(...args: readonly unknown[]): string | null {
    checkParams(this);
    if (args.length < 1) throw missingArgs('name');
    const at = this.#find(toUsv(args[0]), 0);
    return at < 0 ? null : (this.#list[at + 1] as string);
  }

  getAll(...args: readonly unknown[]): string[] {
    checkParams(this);
    if (args.length < 1) throw missingArgs('name');
    const name = toUsv(args[0]);
    const values: string[] = [];
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + 2)) {
      values.push(this.#list[at + 1] as string);
    }
    return values;
  }

  has(...args: readonly unknown[]): boolean {
    checkParams(this);
    if (args.length < 1) throw missingArgs('name');
    const name = toUsv(args[0]);
    const value = args[1] === undefined ? undefined : toUsv(args[1]);
    let at = this.#find(name, 0);
    while (at >= 0 && value !== undefined && this.#list[at + 1] !== value) {
      at = this.#find(name, at + 2);
    }
    return at >= 0;
  }

  set(...args: readonly unknown[]): void {
    checkParams(this);
    if (args.length < 2) throw missingArgs('name', 'value');
    const name = toUsv(args[0]);
    const value = toUsv(args[1]);
    const list = this.#list;
    const first = this.#find(name, 0);
    if (first < 0) list.push(name, value);
    else {
      list[first + 1] = value;
      for (let at = this.#find(name, first + 2); at >= 0; at = this.#find(name, at)) {
        list.splice(at, 2);
      }
    }
    this.#tell();
  }

  sort(): void {
    checkParams(this);
    const pairs: [string, string][] = [];
    const list = this.#list;
    for (let i = 0; i < list.length; i += 2) pairs.push([list[i] as string, list[i + 1] as string]);
    // By code units, and stable.
    pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    this.#list = pairs.flat();
    this.#tell();
  }

  entries(): URLSearchParamsIterator {
    checkParams(this);
    return new URLSearchParamsIterator(this, 'entries');
  }

  forEach(callback: unknown, thisArg: unknown = undefined): void {
    checkParams(this);
    validateFunction(callback, 'callback');
    // By index over the list there is then: the callback may change it.
    for (let i = 0; i < this.#list.length; i += 2) {
      callback.call(thisArg, this.#list[i + 1], this.#list[i], this);
    }
  }

  keys(): URLSearchParamsIterator {
    checkParams(this);
    return new URLSearchParamsIterator(this, 'keys');
  }

  values(): URLSearchParamsIterator {
    checkParams(this);
    return new URLSearchParamsIterator(this, 'values');
  }

  toString(): string {
    checkParams(this);
    return serializeForm(this.#list);
  }

  #find(name: string, from: number): number {
    for (let i = from; i < this.#list.length; i += 2) if (this.#list[i] === name) return i;
    return -1;
  }

  #tell(): void {
    this.#changed?.(serializeForm(this.#list));
  }

  static {
    listOf = (params) => params.#list;
    isParams = (value) => isObject(value) && #list in value;
    refillParams = (params, query) => {
      params.#list = parseForm(query);
    };
    paramsOfUrl = (query, changed) => {
      const params = new URLSearchParams();
      params.#list = parseForm(query);
      params.#changed = changed;
      return params;
    };
  }
}

const iteratorPrototype: object = Object.getPrototypeOf(Object.getPrototypeOf([].values()));

let isIterator: (value: unknown) => boolean;
/** What an iterator has still to give. */
let restOf: (iterator: URLSearchParamsIterator) => unknown[];

/** Walks a query that may change meanwhile. A guest gets one from `entries`, `keys` and `values`. */
class URLSearchParamsIterator {
  readonly #params: URLSearchParams;
  readonly #kind: Kind;
  #index = 0;

  constructor(params: URLSearchParams, kind: Kind) {
    this.#params = params;
    this.#kind = kind;
  }

  next(): IteratorResult<unknown, undefined> {
    if (!isIterator(this)) throw invalidThis('URLSearchParamsIterator');
    const list = listOf(this.#params);
    if (this.#index >= list.length) return { value: undefined, done: true };
    const value = this.#at(list, this.#index);
    this.#index += 2;
    return { value, done: false };
  }

  #at(list: FlatPairs, index: number): unknown {
    if (this.#kind === 'keys') return list[index];
    return this.#kind === 'values' ? list[index + 1] : [list[index], list[index + 1]];
  }

  static {
    isIterator = (value) => isObject(value) && #index in value;
    restOf = (iterator) => {
      const list = listOf(iterator.#params);
      const rest: unknown[] = [];
      for (let i = iterator.#index; i < list.length; i += 2) rest.push(iterator.#at(list, i));
      return rest;
    };
  }
}

const { prototype } = URLSearchParams;
Object.defineProperty(prototype, Symbol.iterator, {
  value: prototype.entries,
  writable: true,
  configurable: true,
});
const LENGTHS = { append: 2, delete: 1, get: 1, getAll: 1, has: 1, set: 2, forEach: 1 } as const;
for (const [name, value] of Object.entries(LENGTHS)) {
  Object.defineProperty(prototype[name as keyof typeof LENGTHS], 'length', { value });
}
Object.setPrototypeOf(URLSearchParamsIterator.prototype, iteratorPrototype);
Reflect.deleteProperty(URLSearchParamsIterator.prototype, 'constructor');

interface ShowOptions {
  readonly depth: number | null;
  readonly breakLength: number;
  stylize(text: string, style: string): string;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape is what is looked for.
const withoutColors = (text: string): string => text.replace(/\u001b\[\d\d?m/g, '');

/** `Name { a, b }` in one line while it fits, else one item per line, the way Node lays them out. */
function layOut(
  name: string,
  items: readonly string[],
  breakLength: number,
  empty: string,
): string {
  if (items.length === 0) return `${name} ${empty}`;
  const width = items.reduce((sum, item) => sum + withoutColors(item).length + 2, -2);
  if (width > breakLength) return `${name} {\n  ${items.join(',\n  ')} }`;
  return `${name} { ${items.join(', ')} }`;
}

exposeInterface(URLSearchParams, 'URLSearchParams', (self, depth, given) => {
  checkParams(self);
  const options = given as unknown as ShowOptions;
  if (typeof depth === 'number' && depth < 0) return options.stylize('[Object]', 'special');
  const inner = { ...options, depth: depth === null ? null : depth - 1 };
  const list = listOf(self);
  const items: string[] = [];
  for (let i = 0; i < list.length; i += 2) {
    items.push(
      `${inspectHook.inspect(list[i], inner)} => ${inspectHook.inspect(list[i + 1], inner)}`,
    );
  }
  return layOut(self.constructor.name, items, options.breakLength, '{}');
});
exposeInterface(URLSearchParamsIterator, 'URLSearchParams Iterator', (self, depth, given) => {
  if (!isIterator(self)) throw invalidThis('URLSearchParamsIterator');
  const options = given as unknown as ShowOptions;
  if (typeof depth === 'number' && depth < 0) return options.stylize('[Object]', 'special');
  const inner = { ...options, depth: depth === null ? null : depth - 1 };
  const items = restOf(self).map((item) => inspectHook.inspect(item, inner));
  return layOut('URLSearchParams Iterator', items, options.breakLength, '{  }');
});
