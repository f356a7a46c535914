/**
 * Errors with a `code`, shaped and worded as Node's: `name` stays "TypeError", the code shows in the
 * stack's header ("TypeError [ERR_X]: ...") and is the one enumerable own property. Programs and
 * Node's own tests compare these texts, so wording is part of the interface.
 */

import { headerRule } from '../errors.ts';
import { inspectHook } from './inspect-hook.ts';

export type ErrorBase = new (message?: string, options?: { cause?: unknown }) => Error;

export interface CodedError extends Error {
  code: string;
}

/** Marks errors whose stack header carries the code. Own, hidden, and the same for every module. */
const kNodeError = Symbol('hv.nodeError');

/** True for errors made here: the header of their stack is "Name [CODE]: message". */
export function isNodeError(error: unknown): error is CodedError {
  return typeof error === 'object' && error !== null && kNodeError in error;
}

headerRule.showsCode = isNodeError;

function hidden(value: unknown): PropertyDescriptor {
  // Without a prototype: programs have put accessors on Object.prototype.
  const descriptor = {
    __proto__: null,
    value,
    writable: true,
    enumerable: false,
    configurable: true,
  };
  return descriptor as PropertyDescriptor;
}

function toStringWithCode(this: CodedError): string {
  return `${this.name} [${this.code}]: ${this.message}`;
}

/** Gives `error` the marks of Node's own: the code in the header of its stack and in `toString`. */
export function markNodeError(error: Error): void {
  Object.defineProperty(error, kNodeError, hidden(true));
  Object.defineProperty(error, 'toString', hidden(toStringWithCode));
}

/** Makes an error of class `Base` with Node's code conventions. */
export function nodeError(
  Base: ErrorBase,
  code: string,
  message: string,
  cause?: unknown,
): CodedError {
  const error = (
    cause === undefined ? new Base(message) : new Base(message, { cause })
  ) as CodedError;
  markNodeError(error);
  error.code = code;
  return error;
}

const kTypes = new Set([
  'string',
  'function',
  'number',
  'object',
  'Function',
  'Object',
  'boolean',
  'bigint',
  'symbol',
]);
const classPattern = /^([A-Z][a-z0-9]*)+$/;

/** "a", "a or b", "a, b, or c". */
function enumerate(items: readonly string[], conjunction: string): string {
  if (items.length <= 2) return items.join(` ${conjunction} `);
  return `${items.slice(0, -1).join(', ')}, ${conjunction} ${items[items.length - 1]}`;
}

/** The end of every type error: "Received type number (1)", "Received an instance of Foo". */
export function describeReceived(value: unknown): string {
  if (value == null) return ` Received ${value}`;
  if (typeof value === 'function') return ` Received function ${value.name}`;
  if (typeof value === 'object') {
    const name = (value as { constructor?: { name?: unknown } }).constructor?.name;
    if (name) return ` Received an instance of ${String(name)}`;
    return ` Received ${inspectHook.inspect(value, { depth: -1 })}`;
  }
  let shown = inspectHook.inspect(value, { colors: false });
  if (shown.length > 28) shown = `${shown.slice(0, 25)}...`;
  return ` Received type ${typeof value} (${shown})`;
}

/** "of type string or an instance of Buffer": the three groups Node sorts expectations into. */
function describeExpected(expected: readonly string[]): string {
  const types: string[] = [];
  const instances: string[] = [];
  const others: string[] = [];
  for (const value of expected) {
    if (kTypes.has(value)) types.push(value.toLowerCase());
    else if (classPattern.test(value)) instances.push(value);
    else others.push(value);
  }
  if (instances.length > 0) {
    const position = types.indexOf('object');
    if (position !== -1) {
      types.splice(position, 1);
      instances.push('Object');
    }
  }
  const parts: string[] = [];
  if (types.length > 0) {
    parts.push(`${types.length > 1 ? 'one of type' : 'of type'} ${enumerate(types, 'or')}`);
  }
  if (instances.length > 0) parts.push(`an instance of ${enumerate(instances, 'or')}`);
  const [first] = others;
  if (others.length > 1) parts.push(`one of ${enumerate(others, 'or')}`);
  else if (first !== undefined) parts.push(first.toLowerCase() !== first ? `an ${first}` : first);
  return parts.join(' or ');
}

/** ERR_INVALID_ARG_TYPE. `name` may be an argument, a property path or "first argument". */
export function invalidArgType(
  name: string,
  expected: string | readonly string[],
  actual: unknown,
): CodedError {
  const kind = name.includes('.') ? 'property' : 'argument';
  const subject = name.endsWith(' argument') ? name : `"${name}" ${kind}`;
  const wanted = describeExpected(typeof expected === 'string' ? [expected] : expected);
  const message = `The ${subject} must be ${wanted}.${describeReceived(actual)}`;
  return nodeError(TypeError, 'ERR_INVALID_ARG_TYPE', message);
}

/** ERR_INVALID_ARG_VALUE. */
export function invalidArgValue(
  name: string,
  value: unknown,
  reason = 'is invalid',
  Base: ErrorBase = TypeError,
): CodedError {
  let shown = inspectHook.inspect(value);
  if (shown.length > 128) shown = `${shown.slice(0, 128)}...`;
  const kind = name.includes('.') ? 'property' : 'argument';
  const message = `The ${kind} '${name}' ${reason}. Received ${shown}`;
  return nodeError(Base, 'ERR_INVALID_ARG_VALUE', message);
}

/** "4_294_967_297": how Node prints large integers. `digits` must be an integer's text. */
export function withSeparators(digits: string): string {
  return digits.replace(/(\d)(?=(\d{3})+$)/g, '$1_');
}

/** ERR_OUT_OF_RANGE. */
export function outOfRange(name: string, range: string, received: unknown): CodedError {
  let shown: string;
  if (typeof received === 'number' && Number.isInteger(received) && Math.abs(received) > 2 ** 32) {
    shown = withSeparators(String(received));
  } else if (typeof received === 'bigint') {
    const large = received > 2n ** 32n || received < -(2n ** 32n);
    shown = `${large ? withSeparators(String(received)) : String(received)}n`;
  } else {
    shown = inspectHook.inspect(received);
  }
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${shown}`;
  return nodeError(RangeError, 'ERR_OUT_OF_RANGE', message);
}

/** ERR_MISSING_ARGS: `names` are the arguments, or groups of alternatives. */
export function missingArgs(...names: readonly string[]): CodedError {
  const quoted = names.map((name) => `"${name}"`);
  const noun = quoted.length === 1 ? 'argument' : 'arguments';
  const message = `The ${enumerate(quoted, 'and')} ${noun} must be specified`;
  return nodeError(TypeError, 'ERR_MISSING_ARGS', message);
}

/** ERR_UNKNOWN_ENCODING. */
export function unknownEncoding(encoding: unknown): CodedError {
  const isObject = typeof encoding === 'object' && encoding !== null;
  const shown = isObject ? inspectHook.inspect(encoding, { depth: 0 }) : String(encoding);
  return nodeError(TypeError, 'ERR_UNKNOWN_ENCODING', `Unknown encoding: ${shown}`);
}

/** ERR_INVALID_RETURN_VALUE. */
export function invalidReturnValue(expected: string, name: string, value: unknown): CodedError {
  const message = `Expected ${expected} to be returned from the "${name}" function but got${describeReceived(value).replace(' Received', '')}.`;
  return nodeError(TypeError, 'ERR_INVALID_RETURN_VALUE', message);
}

/** ERR_INVALID_THIS. */
export function invalidThis(type: string): CodedError {
  return nodeError(TypeError, 'ERR_INVALID_THIS', `Value of "this" must be of type ${type}`);
}

/** What Node's own callers abort with: name "AbortError", code "ABORT_ERR". */
export class AbortError extends Error {
  code: string;
  constructor(message = 'The operation was aborted', options?: { cause?: unknown }) {
    if (options !== undefined && typeof options !== 'object') {
      throw invalidArgType('options', 'Object', options);
    }
    super(message, options);
    this.code = 'ABORT_ERR';
    this.name = 'AbortError';
  }
}
