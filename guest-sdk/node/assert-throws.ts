/** What `assert.throws` and its relatives expect of an error, and how they say that it is another. */

import { AssertionError, type DiffKind } from './assertion-error.ts';
import { isDeepEqual } from './deep-equal.ts';
import { inspect } from './inspect.ts';
import { invalidArgType, invalidArgValue, invalidReturnValue, nodeError } from './node-errors.ts';
import { isRegExp } from './util-types.ts';
import { validateFunction } from './validators.ts';

export type Message = string | Error | undefined;
export type AnyFunction = (...args: never[]) => unknown;
type Expected = AnyFunction | RegExp | Error | Record<string, unknown>;

export interface Failure {
  readonly actual?: unknown;
  readonly expected?: unknown;
  readonly message?: Message;
  readonly operator: string;
  readonly stackStartFn?: unknown;
  readonly diff?: DiffKind | undefined;
}

/** Throws the caller's own error, or an AssertionError. */
export function failWith(failure: Failure): never {
  if (failure.message instanceof Error) throw failure.message;
  throw new AssertionError(failure as Failure & { readonly message?: string });
}

/** What the properties under comparison look like in the text of a failure. */
class Comparison {
  [key: string]: unknown;
  constructor(source: object, keys: readonly string[], actual?: Record<string, unknown>) {
    for (const key of keys) {
      if (!(key in source)) continue;
      const value = (source as Record<string, unknown>)[key];
      const other = actual?.[key];
      // A pattern that matches shows as the text it matched: only real differences stand out.
      const matches = typeof other === 'string' && isRegExp(value) && (value as RegExp).test(other);
      this[key] = matches ? other : value;
    }
  }
}

function compareProperties(
  actual: unknown,
  expected: Record<string, unknown>,
  message: Message,
  caller: AnyFunction,
): void {
  if (typeof actual !== 'object' || actual === null) {
    const options = { actual, expected, operator: 'deepStrictEqual', stackStartFn: caller };
    const error = new AssertionError({ ...options, message: message as string | undefined });
    error.operator = caller.name;
    throw error;
  }
  const keys = Object.keys(expected);
  if (expected instanceof Error) keys.push('name', 'message');
  else if (keys.length === 0)
    throw invalidArgValue('error', expected, 'may not be an empty object');
  const given = actual as Record<string, unknown>;
  for (const key of keys) {
    const [have, want] = [given[key], expected[key]];
    if (typeof have === 'string' && isRegExp(want) && (want as RegExp).test(have)) continue;
    if (key in given && isDeepEqual(have, want, { strict: true })) continue;
    if (message != null)
      failWith({ actual, expected, message, operator: caller.name, stackStartFn: caller });
    const error = new AssertionError({
      actual: new Comparison(given, keys),
      expected: new Comparison(expected, keys, given),
      operator: 'deepStrictEqual',
      stackStartFn: caller,
    });
    throw Object.assign(error, { actual, expected, operator: caller.name });
  }
}

/** Text for a validation function that did not return true. */
function validationText(thrown: unknown, expected: AnyFunction, answer: unknown): string {
  const name = expected.name ? `"${expected.name}" ` : '';
  const text = `The ${name}validation function is expected to return "true". Received ${inspect(answer)}`;
  return thrown instanceof Error ? `${text}\n\nCaught error:\n\n${thrown}` : text;
}

function classText(thrown: unknown, expected: AnyFunction): string {
  const text = `The error is expected to be an instance of "${expected.name}". Received `;
  if (!(thrown instanceof Error)) return `${text}"${inspect(thrown, { depth: -1 })}"`;
  const name = thrown.constructor?.name || thrown.name;
  return `${text}"${name}"\n\nError message:\n\n${thrown.message}`;
}

/** Checks what was thrown against `expected`; throws when it is something else. */
function checkThrown(
  thrown: unknown,
  expected: Expected,
  message: Message,
  caller: AnyFunction,
): void {
  let generated = false;
  let text: Message = message;
  if (isRegExp(expected)) {
    const shown = String(thrown);
    if ((expected as RegExp).test(shown)) return;
    if (text == null) {
      generated = true;
      text = `The input did not match the regular expression ${inspect(expected)}. Input:\n\n${inspect(shown)}\n`;
    }
  } else if (typeof expected !== 'function') {
    compareProperties(thrown, expected as Record<string, unknown>, message, caller);
    return;
  } else if (expected.prototype !== undefined && thrown instanceof expected) {
    return;
  } else if (Object.prototype.isPrototypeOf.call(Error, expected)) {
    if (text == null) {
      generated = true;
      text = classText(thrown, expected);
    }
  } else {
    const answer: unknown = Reflect.apply(expected, {}, [thrown]);
    if (answer === true) return;
    if (text == null) {
      generated = true;
      text = validationText(thrown, expected, answer);
    }
  }
  if (text instanceof Error) throw text;
  const options = { actual: thrown, expected, operator: caller.name, stackStartFn: caller };
  const error = new AssertionError({ ...options, message: text });
  error.generatedMessage = generated;
  throw error;
}

/** What a block threw; undefined when it ended well. */
export type Outcome = { readonly thrown: unknown } | undefined;

export function run(block: unknown): Outcome {
  validateFunction(block, 'fn');
  try {
    block();
  } catch (thrown) {
    return { thrown };
  }
  return undefined;
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as { then?: unknown }).then === 'function' &&
  typeof (value as { catch?: unknown }).catch === 'function';

export async function wait(block: unknown): Promise<Outcome> {
  let promise: PromiseLike<unknown>;
  if (typeof block === 'function') {
    const returned: unknown = block();
    if (!isThenable(returned))
      throw invalidReturnValue('instance of Promise', 'promiseFn', returned);
    promise = returned;
  } else if (isThenable(block)) promise = block;
  else throw invalidArgType('promiseFn', ['Function', 'Promise'], block);
  try {
    await promise;
  } catch (thrown) {
    return { thrown };
  }
  return undefined;
}

export function expectThrown(
  caller: AnyFunction,
  outcome: Outcome,
  args: readonly unknown[],
): void {
  let [expected, message] = args as [unknown, Message];
  if (typeof expected === 'string') {
    if (args.length > 1) {
      throw invalidArgType('error', ['Object', 'Error', 'Function', 'RegExp'], expected);
    }
    const thrown = outcome?.thrown;
    const own = typeof thrown === 'object' && thrown !== null ? (thrown as Error).message : thrown;
    if (outcome !== undefined && own === expected) {
      const what =
        typeof thrown === 'object' ? `error message "${own}"` : `error "${String(thrown)}"`;
      const text = `The "error/message" argument is ambiguous. The ${what} is identical to the message.`;
      throw nodeError(TypeError, 'ERR_AMBIGUOUS_ARGUMENT', text);
    }
    message = expected;
    expected = undefined;
  } else if (expected != null && typeof expected !== 'object' && typeof expected !== 'function') {
    throw invalidArgType('error', ['Object', 'Error', 'Function', 'RegExp'], expected);
  }
  if (outcome === undefined) {
    const name = (expected as { name?: string } | undefined)?.name;
    const kind = caller.name === 'rejects' ? 'rejection' : 'exception';
    const detail = `${name ? ` (${name})` : ''}${message ? `: ${message}` : '.'}`;
    failWith({
      expected,
      operator: caller.name,
      message: message instanceof Error ? message : `Missing expected ${kind}${detail}`,
      stackStartFn: caller,
    });
  }
  if (expected != null) checkThrown(outcome.thrown, expected as Expected, message, caller);
}

/** True if `thrown` is what `expected` describes: the negative assertions ask without failing. */
function isExpected(thrown: unknown, expected: unknown): boolean {
  if (isRegExp(expected)) return (expected as RegExp).test(String(thrown));
  if (typeof expected !== 'function') {
    throw invalidArgType('expected', ['Function', 'RegExp'], expected);
  }
  if (expected.prototype !== undefined && thrown instanceof expected) return true;
  if (Object.prototype.isPrototypeOf.call(Error, expected)) return false;
  return Reflect.apply(expected, {}, [thrown]) === true;
}

export function expectNothing(
  caller: AnyFunction,
  outcome: Outcome,
  args: readonly unknown[],
): void {
  if (outcome === undefined) return;
  const [first, second] = args as [unknown, Message];
  const [expected, message] = typeof first === 'string' ? [undefined, first] : [first, second];
  const { thrown } = outcome;
  if (expected && !isExpected(thrown, expected)) throw thrown;
  const kind = caller.name === 'doesNotReject' ? 'rejection' : 'exception';
  const text = (thrown as { message?: unknown } | undefined | null)?.message;
  failWith({
    actual: thrown,
    expected,
    operator: caller.name,
    message: `Got unwanted ${kind}${message ? `: ${message}` : '.'}\nActual message: "${text}"`,
    stackStartFn: caller,
  });
}
