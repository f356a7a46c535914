/** Argument checks with Node's codes and texts, named as in Node's own validators. */

import { invalidArgType, invalidArgValue, outOfRange } from './node-errors.ts';

export function validateString(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string') throw invalidArgType(name, 'string', value);
}

export function validateBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'boolean', value);
}

// biome-ignore lint/complexity/noBannedTypes: any callable is accepted, as in Node.
export function validateFunction(value: unknown, name: string): asserts value is Function {
  if (typeof value !== 'function') throw invalidArgType(name, 'Function', value);
}

/** Any number between `min` and `max`, inclusive; NaN is refused once there is a bound. */
export function validateNumber(
  value: unknown,
  name: string,
  min?: number,
  max?: number,
): asserts value is number {
  if (typeof value !== 'number') throw invalidArgType(name, 'number', value);
  const bounded = min !== undefined || max !== undefined;
  const below = min !== undefined && value < min;
  const above = max !== undefined && value > max;
  if (!below && !above && !(bounded && Number.isNaN(value))) return;
  const low = min !== undefined ? `>= ${min}` : '';
  const high = max !== undefined ? `<= ${max}` : '';
  throw outOfRange(name, low && high ? `${low} && ${high}` : low || high, value);
}

export function validateInteger(
  value: unknown,
  name: string,
  min: number = Number.MIN_SAFE_INTEGER,
  max: number = Number.MAX_SAFE_INTEGER,
): asserts value is number {
  if (typeof value !== 'number') throw invalidArgType(name, 'number', value);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
}

/** An unsigned 32-bit integer; `positive` refuses 0. */
export function validateUint32(
  value: unknown,
  name: string,
  options: { readonly positive?: boolean } = {},
): asserts value is number {
  if (typeof value !== 'number') throw invalidArgType(name, 'number', value);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  const min = options.positive === true ? 1 : 0;
  if (value < min || value > 4_294_967_295) {
    throw outOfRange(name, `>= ${min} && <= 4294967295`, value);
  }
}

export interface ObjectRules {
  readonly nullable?: boolean;
  readonly allowArray?: boolean;
  readonly allowFunction?: boolean;
}

export function validateObject(
  value: unknown,
  name: string,
  rules: ObjectRules = {},
): asserts value is object {
  if (value === null && rules.nullable === true) return;
  const isObject = typeof value === 'object' && value !== null;
  const isFunction = typeof value === 'function' && rules.allowFunction === true;
  const isRefusedArray = Array.isArray(value) && rules.allowArray !== true;
  if ((!isObject && !isFunction) || isRefusedArray) throw invalidArgType(name, 'Object', value);
}

export function validateArray(
  value: unknown,
  name: string,
  minLength = 0,
): asserts value is unknown[] {
  if (!Array.isArray(value)) throw invalidArgType(name, 'Array', value);
  if (value.length < minLength) {
    throw invalidArgValue(name, value, `must be longer than ${minLength}`);
  }
}

export function validateOneOf(value: unknown, name: string, oneOf: readonly unknown[]): void {
  if (oneOf.includes(value)) return;
  const allowed = oneOf.map((item) => (typeof item === 'string' ? `'${item}'` : String(item)));
  throw invalidArgValue(name, value, `must be one of: ${allowed.join(', ')}`);
}

/** Anything that looks like an AbortSignal; `undefined` passes, as options mostly carry none. */
export function validateAbortSignal(value: unknown, name: string): void {
  if (value === undefined) return;
  if (value === null || typeof value !== 'object' || !('aborted' in value)) {
    throw invalidArgType(name, 'AbortSignal', value);
  }
}
