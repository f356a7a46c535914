/** FormData (XMLHttpRequest standard, section 5), with Node's checks and errors. */

import { inspectHook } from '../node/inspect-hook.ts';
import { type Blob, File, isBlob } from './blob.ts';
import { checkCallback, checkCount, illegalInvocation, setLengths } from './fetch-arguments.ts';
import { exposeInterface } from './interface.ts';
import { type Pair, pairIterator } from './pair-iterator.ts';
import { toUsv } from './usv.ts';

type Value = string | File;

const iterate = pairIterator('FormData');
let isForm: (value: unknown) => boolean;
let pairsOf: (form: FormData) => readonly Pair<Value>[];

/** A blob becomes a file; one that is a file already stays itself unless it gets another name. */
function fileOf(blob: Blob, given: unknown): File {
  const filename = given === undefined ? undefined : toUsv(given);
  if (!(blob instanceof File)) return new File([blob], filename ?? 'blob', { type: blob.type });
  if (filename === undefined) return blob;
  return new File([blob], filename, { type: blob.type, lastModified: blob.lastModified });
}

function pairOf(args: readonly unknown[], method: string): Pair<Value> {
  checkCount(args, 2, `FormData.${method}`);
  const [name, value, filename] = args;
  if (isBlob(value)) return [toUsv(name), fileOf(value, filename)];
  if (args.length > 2) {
    const text = `Failed to execute '${method}' on 'FormData': parameter 2 is not of type 'Blob'`;
    throw new TypeError(text);
  }
  return [toUsv(name), toUsv(value)];
}

export class FormData {
  #pairs: Pair<Value>[] = [];

  constructor(form: unknown = undefined) {
    if (form === undefined) return;
    const text = 'FormData constructor: Argument 1 could not be converted to: undefined.';
    throw new TypeError(text);
  }

  append(...args: readonly unknown[]): void {
    if (!isForm(this)) throw illegalInvocation();
    this.#pairs.push(pairOf(args, 'append'));
  }

  delete(...args: readonly unknown[]): void {
    if (!isForm(this)) throw illegalInvocation();
    const name = this.#nameOf(args, 'delete');
    this.#pairs = this.#pairs.filter(([key]) => key !== name);
  }

  get(...args: readonly unknown[]): Value | null {
    if (!isForm(this)) throw illegalInvocation();
    const name = this.#nameOf(args, 'get');
    return this.#pairs.find(([key]) => key === name)?.[1] ?? null;
  }

  getAll(...args: readonly unknown[]): Value[] {
    if (!isForm(this)) throw illegalInvocation();
    const name = this.#nameOf(args, 'getAll');
    return this.#pairs.filter(([key]) => key === name).map(([, value]) => value);
  }

  has(...args: readonly unknown[]): boolean {
    if (!isForm(this)) throw illegalInvocation();
    const name = this.#nameOf(args, 'has');
    return this.#pairs.some(([key]) => key === name);
  }

  set(...args: readonly unknown[]): void {
    if (!isForm(this)) throw illegalInvocation();
    const pair = pairOf(args, 'set');
    const first = this.#pairs.findIndex(([key]) => key === pair[0]);
    if (first < 0) this.#pairs.push(pair);
    else {
      const others = this.#pairs.filter(([key], index) => index === first || key !== pair[0]);
      this.#pairs = others.map((one, index) => (index === first ? pair : one));
    }
  }

  keys(): IterableIterator<unknown> {
    if (!isForm(this)) throw illegalInvocation();
    return iterate(() => this.#pairs, 'keys');
  }

  values(): IterableIterator<unknown> {
    if (!isForm(this)) throw illegalInvocation();
    return iterate(() => this.#pairs, 'values');
  }

  entries(): IterableIterator<unknown> {
    if (!isForm(this)) throw illegalInvocation();
    return iterate(() => this.#pairs, 'entries');
  }

  forEach(...args: readonly unknown[]): void {
    if (!isForm(this)) throw illegalInvocation();
    checkCount(args, 1, 'FormData.forEach');
    const [callback, receiver] = args;
    checkCallback(callback, 'FormData');
    for (const [name, value] of this.entries() as Iterable<Pair<Value>>) {
      callback.call(receiver, value, name, this);
    }
  }

  #nameOf(args: readonly unknown[], method: string): string {
    checkCount(args, 1, `FormData.${method}`);
    return toUsv(args[0]);
  }

  static {
    isForm = (value) => typeof value === 'object' && value !== null && #pairs in value;
    pairsOf = (form) => form.#pairs;
  }
}

const { prototype } = FormData;
setLengths(prototype, { append: 2, delete: 1, get: 1, getAll: 1, has: 1, set: 2, forEach: 1 });
Object.defineProperty(FormData, 'length', { value: 1, configurable: true });
Object.defineProperty(prototype, Symbol.iterator, {
  value: prototype.entries,
  writable: true,
  configurable: true,
});

/** Values by name, several of one name as a list. */
function grouped(pairs: readonly Pair<Value>[]): Record<string, Value | Value[]> {
  const groups = Object.create(null) as Record<string, Value | Value[]>;
  for (const [name, value] of pairs) {
    const known = groups[name];
    if (known === undefined) groups[name] = value;
    else groups[name] = Array.isArray(known) ? [...known, value] : [known, value];
  }
  return groups;
}

exposeInterface(FormData, 'FormData', (self, _depth, options) => {
  const shown = inspectHook.inspect(grouped(pairsOf(self)), options);
  return `FormData ${shown.replace(/^\[Object: null prototype\] ?/, '')}`;
});
