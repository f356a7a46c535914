/** `structuredClone` (HTML, section 2.7): values, cycles and transfer of ArrayBuffers. */

import { nodeError } from '../node/node-errors.ts';
import { cloneBlob, isBlob } from './blob.ts';
import { DOMException } from './dom-exception.ts';

type Memory = Map<object, unknown>;

/** What ports add to cloning: they cannot be copied, only move. Set by message-port.ts. */
export const portRule: {
  isPort(value: object): boolean;
  /** The port that goes on in the place of a moved one. */
  move(port: object): object;
  /** Throws if the port has moved already. */
  check(port: object): void;
} = {
  isPort: () => false,
  move: (port) => port,
  check() {},
};

/** What `node:crypto` adds: keys are copied as the keys they are. Set by crypto.ts. */
export const keyRule: {
  /** Undefined for what is no key. */
  clone(value: object): object | undefined;
} = { clone: () => undefined };

const typedArrayTag = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get;
const errorNames = new Set([
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
]);

function refuse(value: unknown): never {
  let shown: string;
  if (typeof value === 'symbol') shown = String(value);
  else if (typeof value === 'function') shown = Function.prototype.toString.call(value);
  else shown = `#<${(value as object).constructor?.name ?? 'Object'}>`;
  throw new DOMException(`${shown} could not be cloned.`, 'DataCloneError');
}

/** True if `probe` (a method that checks its receiver's class) accepts `value`. */
function accepts(probe: (this: unknown) => unknown, value: object): boolean {
  try {
    probe.call(value);
    return true;
  } catch {
    // A receiver of another class: that is the answer.
    return false;
  }
}

const boxes: readonly (() => unknown)[] = [
  Boolean.prototype.valueOf,
  Number.prototype.valueOf,
  String.prototype.valueOf,
  BigInt.prototype.valueOf,
];
const mapSize = Object.getOwnPropertyDescriptor(Map.prototype, 'size')?.get as () => unknown;
const setSize = Object.getOwnPropertyDescriptor(Set.prototype, 'size')?.get as () => unknown;
const bufferLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')
  ?.get as () => unknown;

function cloneView(view: ArrayBufferView, memory: Memory): unknown {
  const buffer = clone(view.buffer, memory) as ArrayBuffer;
  if (view instanceof DataView) return new DataView(buffer, view.byteOffset, view.byteLength);
  // The class by its internal name: a Buffer arrives as a Uint8Array, as in Node.
  const name = typedArrayTag?.call(view) as string;
  const constructors = globalThis as unknown as Record<
    string,
    new (
      buffer: ArrayBuffer,
      byteOffset: number,
      length: number,
    ) => object
  >;
  const Constructor = constructors[name];
  if (Constructor === undefined) refuse(view);
  return new Constructor(buffer, view.byteOffset, (view as Uint8Array).length);
}

function cloneBuffer(buffer: ArrayBuffer): ArrayBuffer {
  if ((buffer as { detached?: boolean }).detached === true) {
    const text = 'An ArrayBuffer is detached and could not be cloned.';
    throw new DOMException(text, 'DataCloneError');
  }
  return buffer.slice(0);
}

function cloneError(error: Error, memory: Memory): Error {
  const name = String(error.name);
  const constructors = globalThis as unknown as Record<string, ErrorConstructor>;
  const Base = (errorNames.has(name) ? constructors[name] : undefined) ?? Error;
  const made = new Base();
  memory.set(error, made);
  const hidden = { writable: true, configurable: true, enumerable: false };
  const message = Object.getOwnPropertyDescriptor(error, 'message');
  if (message !== undefined && 'value' in message) {
    Object.defineProperty(made, 'message', { ...hidden, value: String(message.value) });
  }
  Object.defineProperty(made, 'stack', { ...hidden, value: error.stack });
  if (Object.hasOwn(error, 'cause')) {
    Object.defineProperty(made, 'cause', { ...hidden, value: clone(error.cause, memory) });
  }
  return made;
}

function cloneProperties(source: object, target: object, memory: Memory): void {
  for (const key of Object.keys(source)) {
    const value = clone((source as Record<string, unknown>)[key], memory);
    // Not an assignment: "__proto__" is an ordinary key here.
    Object.defineProperty(target, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
}

/** Builds the copy of an object with internal state; undefined for plain ones. */
function cloneSpecial(value: object, memory: Memory): object | undefined {
  const box = boxes.find((unbox) => accepts(unbox, value));
  if (box !== undefined) return Object(box.call(value)) as object;
  if (accepts(Date.prototype.getTime, value)) {
    return new Date(Date.prototype.getTime.call(value as Date));
  }
  // Shared: there is one thread, and the memory is the same one.
  if (value instanceof SharedArrayBuffer) return value;
  if (value instanceof RegExp) return new RegExp(value.source, value.flags);
  if (accepts(bufferLength, value)) return cloneBuffer(value as ArrayBuffer);
  if (ArrayBuffer.isView(value)) return cloneView(value, memory) as object;
  if (accepts(mapSize, value)) {
    const copy = new Map<unknown, unknown>();
    memory.set(value, copy);
    for (const [key, item] of [...(value as Map<unknown, unknown>)]) {
      copy.set(clone(key, memory), clone(item, memory));
    }
    return copy;
  }
  if (accepts(setSize, value)) {
    const copy = new Set<unknown>();
    memory.set(value, copy);
    for (const item of [...(value as Set<unknown>)]) copy.add(clone(item, memory));
    return copy;
  }
  if (value instanceof Error) return cloneError(value, memory);
  if (isBlob(value)) return cloneBlob(value);
  return keyRule.clone(value);
}

function clone(value: unknown, memory: Memory): unknown {
  if (typeof value === 'symbol' || typeof value === 'function') refuse(value);
  if (typeof value !== 'object' || value === null) return value;
  if (memory.has(value)) return memory.get(value);
  if (portRule.isPort(value)) {
    const text = 'Object that needs transfer was found in message but not listed in transferList';
    throw typeError('ERR_MISSING_TRANSFERABLE_IN_TRANSFER_LIST', text);
  }
  const special = cloneSpecial(value, memory);
  if (special !== undefined) {
    memory.set(value, special);
    return special;
  }
  const refused = [Promise, WeakMap, WeakSet, WeakRef];
  if (refused.some((type) => value instanceof type)) refuse(value);
  const copy: object = Array.isArray(value) ? new Array(value.length) : {};
  memory.set(value, copy);
  cloneProperties(value, copy, memory);
  return copy;
}

/** Moves the memory of `buffer`; what is left behind is detached. ES2024, which the engine has. */
function detach(buffer: object): void {
  (buffer as { transfer(): ArrayBuffer }).transfer();
}

function typeError(code: string, text: string): Error {
  return nodeError(TypeError, code, text);
}

/** What moves, each once: ArrayBuffers and ports. */
function checkedList(given: Iterable<unknown>): readonly object[] {
  const list = [...given];
  for (const [index, item] of list.entries()) {
    const isBuffer = item instanceof ArrayBuffer;
    const isPort = typeof item === 'object' && item !== null && portRule.isPort(item);
    if (!isBuffer && !isPort) {
      throw typeError('ERR_INVALID_TRANSFER_OBJECT', 'Found invalid object in transferList');
    }
    if (isPort) portRule.check(item);
    if (list.indexOf(item) !== index) {
      const what = isPort ? 'MessagePort' : 'ArrayBuffer';
      throw new DOMException(`Transfer list contains duplicate ${what}`, 'DataCloneError');
    }
  }
  return list as object[];
}

function isIterable(value: unknown): value is Iterable<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return typeof (value as { [Symbol.iterator]?: unknown })[Symbol.iterator] === 'function';
}

function listOfOptions(options: unknown): Iterable<unknown> {
  if (options === undefined || options === null) return [];
  if (typeof options !== 'object' && typeof options !== 'function') {
    const text = 'The options argument must be either an object or undefined';
    throw typeError('ERR_INVALID_ARG_TYPE', text);
  }
  const { transfer } = options as CloneOptions;
  if (transfer === undefined || transfer === null) return [];
  if (isIterable(transfer)) return transfer;
  const text = 'Optional transferList argument must be an iterable';
  throw typeError('ERR_INVALID_ARG_TYPE', text);
}

/** The list of `postMessage`: itself, or the `transfer` of options. */
export function listOfMessage(given: unknown): Iterable<unknown> {
  if (given === undefined || given === null) return [];
  if (isIterable(given)) return given;
  if (typeof given !== 'object') {
    const text = 'Optional transferList argument must be an iterable';
    throw typeError('ERR_INVALID_ARG_TYPE', text);
  }
  const { transfer } = given as CloneOptions;
  if (transfer === undefined || transfer === null) return [];
  if (isIterable(transfer)) return transfer;
  const text = 'Optional options.transfer argument must be an iterable';
  throw typeError('ERR_INVALID_ARG_TYPE', text);
}

export interface CloneOptions {
  /** ArrayBuffers and ports that move to the copy and are detached here. */
  readonly transfer?: Iterable<unknown> | null;
}

/** A copy of `value` in which what `transfer` lists has moved, and the ports among that. */
export function cloneMoving(
  value: unknown,
  transfer: Iterable<unknown>,
): { copy: unknown; ports: object[] } {
  const moving = checkedList(transfer);
  const memory: Memory = new Map();
  const moved = moving.filter((one) => portRule.isPort(one));
  if (moved.length > 0) {
    // A rehearsal with stand-ins: no port may move before the whole value is known to be cloned.
    for (const port of moved) memory.set(port, Object.create(null));
    clone(value, memory);
    memory.clear();
  }
  const ports = moved.map((port) => portRule.move(port));
  for (const [index, port] of moved.entries()) memory.set(port, ports[index]);
  const copy = clone(value, memory);
  // Only now: views in the value must still know their lengths while they are copied.
  for (const one of moving) if (one instanceof ArrayBuffer) detach(one);
  return { copy, ports };
}

/** A deep copy. Throws DataCloneError for functions, symbols and what holds engine state. */
export function structuredClone(
  ...args: readonly [value?: unknown, options?: CloneOptions | null]
): unknown {
  if (args.length === 0)
    throw typeError('ERR_MISSING_ARGS', 'The value argument must be specified');
  return cloneMoving(args[0], listOfOptions(args[1])).copy;
}
