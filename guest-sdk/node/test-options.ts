/** What `test(name, options, fn)` of `node:test` takes, in any of its forms. */

import type { AbortSignal } from '../web/abort.ts';
import { invalidArgType } from './node-errors.ts';
import {
  validateAbortSignal,
  validateFunction,
  validateNumber,
  validateObject,
  validateUint32,
} from './validators.ts';

const TIMEOUT_MAX_MS = 2 ** 31 - 1;

export type TestBody = (...args: unknown[]) => unknown;

export interface TestSpec {
  readonly name: string;
  readonly body: TestBody;
  /** Text is the reason. */
  readonly skip: boolean | string;
  readonly todo: boolean | string;
  /** Infinity waits for ever. */
  readonly timeoutMs: number;
  /** Subtests that may run at the same time. */
  readonly concurrency: number;
  readonly signal: AbortSignal | undefined;
  readonly plan: number | undefined;
}

type Mark = 'skip' | 'todo' | 'only';

function nothing(): void {}

function concurrencyOf(value: unknown, inherited: number): number {
  if (value === undefined || value === null) return inherited;
  if (typeof value === 'number') {
    validateUint32(value, 'options.concurrency', { positive: true });
    return value;
  }
  if (typeof value === 'boolean') return value ? Number.POSITIVE_INFINITY : 1;
  throw invalidArgType('options.concurrency', ['boolean', 'number'], value);
}

function timeoutOf(value: unknown): number {
  if (value === undefined || value === null || value === Number.POSITIVE_INFINITY)
    return Number.POSITIVE_INFINITY;
  validateNumber(value, 'options.timeout', 0, TIMEOUT_MAX_MS);
  return value as number;
}

function markOf(value: unknown): boolean | string {
  return typeof value === 'string' ? value : value === true;
}

/** The three arguments in their places, whichever were left out. */
function sorted(args: readonly unknown[]): [unknown, Record<string, unknown>, unknown] {
  let [name, options, body] = args;
  if (typeof name === 'function') body = name;
  else if (typeof name === 'object' && name !== null) {
    body = options;
    options = name;
  } else if (typeof options === 'function') body = options;
  const isObject = typeof options === 'object' && options !== null;
  return [name, isObject ? (options as Record<string, unknown>) : {}, body];
}

/** `inherited` is the concurrency of tests that say nothing. */
export function readTest(
  args: readonly unknown[],
  inherited: number,
  mark: Mark | undefined,
): TestSpec {
  const [name, given, body] = sorted(args);
  const options: Record<string, unknown> = { ...given };
  if (mark !== undefined) options[mark] = options[mark] || true;
  if (options.signal !== undefined) validateAbortSignal(options.signal, 'options.signal');
  if (options.plan !== undefined) validateUint32(options.plan, 'options.plan');
  const title =
    typeof name === 'string' && name !== '' ? name : (body as TestBody | undefined)?.name;
  return {
    name: title || '<anonymous>',
    body: typeof body === 'function' ? (body as TestBody) : nothing,
    skip: markOf(options.skip),
    todo: markOf(options.todo),
    timeoutMs: timeoutOf(options.timeout),
    concurrency: concurrencyOf(options.concurrency, inherited),
    signal: options.signal as AbortSignal | undefined,
    plan: options.plan as number | undefined,
  };
}

export interface Hook {
  readonly body: TestBody;
  readonly timeoutMs: number;
}

export function readHook(body: unknown, options: unknown = {}): Hook {
  validateObject(options, 'options');
  if (body !== undefined) validateFunction(body, 'fn');
  const { timeout } = options as { timeout?: unknown };
  return { body: (body as TestBody | undefined) ?? nothing, timeoutMs: timeoutOf(timeout) };
}
