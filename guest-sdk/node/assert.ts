/** `node:assert`, loose and strict. */

import { CallTracker } from './assert-calls.ts';
import { callerText } from './assert-source.ts';
import {
  type AnyFunction,
  expectNothing,
  expectThrown,
  failWith,
  type Message,
  run,
  wait,
} from './assert-throws.ts';
import { AssertionError, type DiffKind } from './assertion-error.ts';
import { isDeepEqual } from './deep-equal.ts';
import { inspect } from './inspect.ts';
import { kernel } from './kernel-hooks.ts';
import { invalidArgType, missingArgs, nodeError } from './node-errors.ts';
import { isPartOf } from './partial-equal.ts';
import { isRegExp } from './util-types.ts';
import { validateObject, validateOneOf } from './validators.ts';

let failWarned = false;

function fail(...args: unknown[]): never {
  const [actual, expected, message, operator, stackStartFn = fail] = args;
  if (args.length <= 1) {
    const text = args.length === 0 || actual === undefined ? 'Failed' : (actual as Message);
    if (text instanceof Error) throw text;
    const error = new AssertionError({
      message: String(text),
      operator: 'fail',
      stackStartFn: fail,
    });
    error.generatedMessage = actual === undefined;
    throw error;
  }
  if (!failWarned) {
    failWarned = true;
    const text =
      'assert.fail() with more than one argument is deprecated. Please use assert.strictEqual() instead or only pass a message.';
    kernel().emitWarning(text, 'DeprecationWarning', 'DEP0094');
  }
  if (message instanceof Error) throw message;
  throw new AssertionError({
    actual,
    expected,
    operator: operator === undefined ? (message === undefined ? '!=' : 'fail') : String(operator),
    message: message === undefined ? undefined : String(message),
    stackStartFn,
  });
}

function requireTruthy(caller: AnyFunction, args: readonly unknown[]): void {
  const [value, message] = args;
  if (value) return;
  let text = message as Message;
  let generated = false;
  if (args.length === 0) {
    text = 'No value argument passed to `assert.ok()`';
    generated = true;
  } else if (message == null) {
    const source = callerText();
    if (source !== undefined) {
      text = `The expression evaluated to a falsy value:\n\n  ${source}\n`;
      generated = true;
    }
  }
  if (text instanceof Error) throw text;
  const options = { actual: value, expected: true, operator: '==', stackStartFn: caller };
  const error = new AssertionError({ ...options, message: text ?? undefined });
  if (generated) error.generatedMessage = true;
  throw error;
}

function ok(...args: unknown[]): void {
  requireTruthy(ok, args);
}

function looseEqual(a: unknown, b: unknown): boolean {
  // biome-ignore lint/suspicious/noDoubleEquals: loose equality is what is asked for.
  return a == b || (Number.isNaN(a) && Number.isNaN(b));
}

/** What an `Assert` of the user's own was made with. */
interface Settings {
  readonly strict: boolean;
  readonly diff: DiffKind;
  readonly skipPrototype: boolean;
}

const settings = new WeakMap<object, Settings>();

function settingsOf(self: unknown): Settings | undefined {
  return typeof self === 'object' && self !== null ? settings.get(self) : undefined;
}

/** Makes an assertion on two values that fails unless `holds`. */
function comparison(
  operator: string,
  holds: (actual: unknown, expected: unknown, anyPrototype: boolean) => boolean,
  name: string = operator,
): AnyFunction {
  function assertion(this: unknown, ...args: unknown[]): void {
    if (args.length < 2) throw missingArgs('actual', 'expected');
    const [actual, expected, message] = args as [unknown, unknown, Message];
    const { diff, skipPrototype = false } = settingsOf(this) ?? {};
    if (holds(actual, expected, skipPrototype)) return;
    failWith({ actual, expected, message, operator, stackStartFn: assertion, diff });
  }
  Object.defineProperty(assertion, 'name', { value: name });
  return assertion;
}

function throws(block: unknown, ...args: unknown[]): void {
  expectThrown(throws, run(block), args);
}

async function rejects(block: unknown, ...args: unknown[]): Promise<void> {
  expectThrown(rejects, await wait(block), args);
}

function doesNotThrow(block: unknown, ...args: unknown[]): void {
  expectNothing(doesNotThrow, run(block), args);
}

async function doesNotReject(block: unknown, ...args: unknown[]): Promise<void> {
  expectNothing(doesNotReject, await wait(block), args);
}

function ifError(value: unknown): void {
  if (value === null || value === undefined) return;
  const own = typeof value === 'object' ? (value as Error).message : undefined;
  let text: string;
  if (typeof own !== 'string') text = inspect(value);
  else
    text =
      own.length === 0 && (value as object).constructor ? (value as object).constructor.name : own;
  const error = new AssertionError({
    actual: value,
    expected: null,
    operator: 'ifError',
    message: `ifError got unwanted exception: ${text}`,
    stackStartFn: ifError,
  });
  error.generatedMessage = false;
  throw error;
}

function matching(wanted: boolean, name: string): AnyFunction {
  const assertion = (value: unknown, pattern: unknown, message?: Message): void => {
    if (!isRegExp(pattern)) throw invalidArgType('regexp', 'RegExp', pattern);
    if (typeof value === 'string' && (pattern as RegExp).test(value) === wanted) return;
    if (message instanceof Error) throw message;
    const generated = !message;
    let text = message;
    if (typeof value !== 'string') {
      text ??= `The "string" argument must be of type string. Received type ${typeof value} (${inspect(value)})`;
    } else {
      const relation = wanted ? 'input did not match' : 'input was expected to not match';
      text ??= `The ${relation} the regular expression ${inspect(pattern)}. Input:\n\n${inspect(value)}\n`;
    }
    const options = { actual: value, expected: pattern, operator: name, stackStartFn: assertion };
    const error = new AssertionError({ ...options, message: text });
    error.generatedMessage = generated;
    throw error;
  };
  Object.defineProperty(assertion, 'name', { value: name });
  return assertion;
}

type Holds = (a: unknown, b: unknown, anyPrototype: boolean) => boolean;
const deep =
  (strict: boolean): Holds =>
  (a, b, anyPrototype) =>
    isDeepEqual(a, b, { strict, anyPrototype });
const not =
  (holds: Holds): Holds =>
  (a, b, anyPrototype) =>
    !holds(a, b, anyPrototype);

const strictMembers = {
  equal: comparison('strictEqual', Object.is),
  notEqual: comparison('notStrictEqual', not(Object.is)),
  deepEqual: comparison('deepStrictEqual', deep(true)),
  notDeepEqual: comparison('notDeepStrictEqual', not(deep(true))),
};

/** Names and order of Node's module. */
const members = {
  fail,
  AssertionError,
  ok,
  equal: comparison('==', looseEqual, 'equal'),
  notEqual: comparison('!=', not(looseEqual), 'notEqual'),
  deepEqual: comparison('deepEqual', deep(false)),
  notDeepEqual: comparison('notDeepEqual', not(deep(false))),
  deepStrictEqual: strictMembers.deepEqual,
  notDeepStrictEqual: strictMembers.notDeepEqual,
  strictEqual: strictMembers.equal,
  notStrictEqual: strictMembers.notEqual,
  throws,
  rejects,
  doesNotThrow,
  doesNotReject,
  ifError,
  match: matching(true, 'match'),
  doesNotMatch: matching(false, 'doesNotMatch'),
  CallTracker,
  partialDeepStrictEqual: comparison('partialDeepStrictEqual', isPartOf),
};

/** Assertions with settings of their own: how much a failure shows, and what counts as equal. */
function Assert(this: object, options?: unknown): void {
  if (new.target === undefined) {
    const text = 'Class constructor Assert cannot be invoked without `new`';
    throw nodeError(TypeError, 'ERR_CONSTRUCT_CALL_REQUIRED', text);
  }
  if (options !== undefined) validateObject(options, 'options');
  const given = (options ?? {}) as Partial<Settings>;
  const { strict = true, diff = 'simple', skipPrototype = false } = given;
  validateOneOf(diff, 'options.diff', ['simple', 'full']);
  settings.set(this, { strict, diff, skipPrototype });
  Object.assign(this, { AssertionError }, strict ? strictMembers : {});
}
Object.assign(Assert.prototype, members);
Reflect.deleteProperty(Assert.prototype, 'CallTracker');

export interface AssertModule {
  (value?: unknown, message?: Message): void;
  strict: AssertModule;
  readonly AssertionError: typeof AssertionError;
  [name: string]: unknown;
}

function makeAssert(overrides: object): AssertModule {
  const assert = (...args: unknown[]): void => requireTruthy(assert, args);
  return Object.assign(assert, members, { Assert }, overrides) as unknown as AssertModule;
}

export const exported: AssertModule = makeAssert({});
exported.strict = makeAssert(strictMembers);
exported.strict.strict = exported.strict;
