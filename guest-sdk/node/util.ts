/** `node:util`. */

import { AbortController, AbortSignal } from '../web/abort.ts';
import { TextDecoder, TextEncoder } from '../web/text-encoding.ts';
import { Buffer } from './buffer.ts';
import { isDeepEqual } from './deep-equal.ts';
import { parseEnv } from './env-file.ts';
import { format, formatWithOptions, inspect, stripVTControlCharacters } from './inspect.ts';
import { kernel } from './kernel-hooks.ts';
import { MIMEParams, MIMEType } from './mime-type.ts';
import { invalidArgType, outOfRange } from './node-errors.ts';
import { parseArgs } from './parse-args.ts';
import { systemErrorMap } from './system-errors.ts';
import { aborted, callbackify, promisify } from './util-promises.ts';
import { isDate, isNativeError, isRegExp, types } from './util-types.ts';
import { validateInteger, validateObject, validateOneOf, validateString } from './validators.ts';

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** ES5 inheritance: `constructor.super_` and the prototype chain. */
export function inherits(
  constructor_: { prototype?: unknown },
  superConstructor: { prototype?: unknown },
): void {
  if (constructor_ == null) throw invalidArgType('ctor', 'Function', constructor_);
  if (superConstructor == null) throw invalidArgType('superCtor', 'Function', superConstructor);
  if (superConstructor.prototype === undefined) {
    throw invalidArgType('superCtor.prototype', 'Object', superConstructor.prototype);
  }
  const hidden = { writable: true, configurable: true };
  Object.defineProperty(constructor_, 'super_', { ...hidden, value: superConstructor });
  Object.setPrototypeOf(constructor_.prototype, superConstructor.prototype as object | null);
}

const deprecationCodes = new Set<string>();

/** `original` with a warning at its first call; one warning per `code`. */
export function deprecate(original: AnyFunction, message: string, code?: string): AnyFunction {
  if (code !== undefined) validateString(code, 'code');
  let warned = false;
  const deprecated: AnyFunction = function (this: unknown, ...args) {
    if (!warned) {
      warned = true;
      if (code === undefined || !deprecationCodes.has(code)) {
        if (code !== undefined) deprecationCodes.add(code);
        kernel().emitWarning(message, 'DeprecationWarning', code);
      }
    }
    if (new.target) return Reflect.construct(original, args, new.target);
    return Reflect.apply(original, this, args);
  };
  Object.setPrototypeOf(deprecated, original);
  if ((original as { prototype?: unknown }).prototype !== undefined) {
    (deprecated as { prototype?: unknown }).prototype = (
      original as { prototype?: unknown }
    ).prototype;
  }
  return deprecated;
}

/** True if `section` matches one of NODE_DEBUG's names, which may contain "*". */
function debugWanted(section: string): boolean {
  const names = (kernel().env('NODE_DEBUG') ?? '').split(',');
  return names.some((name) => {
    if (name === '') return false;
    const escaped = name.replace(/[|\\{}()[\]^$+?.]/g, '\\$&').replaceAll('*', '.*');
    return new RegExp(`^${escaped}$`, 'i').test(section);
  });
}

export interface DebugLogger {
  (...args: unknown[]): void;
  readonly enabled: boolean;
}

/** A logger to standard error that is silent unless NODE_DEBUG names `section`. */
export function debuglog(section: string, onReady?: (logger: DebugLogger) => void): DebugLogger {
  let enabled: boolean | undefined;
  const isEnabled = (): boolean => {
    enabled ??= debugWanted(section);
    return enabled;
  };
  const logger = (...args: unknown[]): void => {
    if (typeof onReady === 'function') {
      const ready = onReady;
      onReady = undefined;
      ready(logger as DebugLogger);
    }
    if (!isEnabled()) return;
    kernel().printError(`${section.toUpperCase()} ${kernel().pid}: ${format(...args)}\n`);
  };
  Object.defineProperty(logger, 'enabled', {
    get: isEnabled,
    enumerable: true,
    configurable: true,
  });
  return logger as DebugLogger;
}

function extend(target: object, source: unknown): object {
  if (source === null || typeof source !== 'object') return target;
  return Object.assign(target, source);
}

interface StyleOptions {
  /** False: colours whatever the stream is. */
  readonly validateStream?: boolean;
  readonly stream?: unknown;
}

interface Terminal {
  readonly isTTY?: boolean;
  getColorDepth?(): number;
}

function wantsColors(stream: unknown): boolean {
  const forced = kernel().env('FORCE_COLOR');
  if (forced !== undefined) return ['', '1', 'true', '2', '3'].includes(forced);
  const { isTTY, getColorDepth } = (stream ?? {}) as Terminal;
  if (isTTY !== true) return false;
  return typeof getColorDepth !== 'function' || getColorDepth.call(stream) > 2;
}

/** `text` in the named style or styles of `util.inspect.colors`, if it goes to a terminal. */
function styleText(style: unknown, text: string, options: StyleOptions = {}): string {
  validateString(text, 'text');
  validateObject(options, 'options');
  const { validateStream = true, stream = kernel().standardStreams()[0] } = options;
  const isColored = !validateStream || wantsColors(stream);
  let before = '';
  let after = '';
  for (const name of Array.isArray(style) ? (style as unknown[]) : [style]) {
    const codes = inspect.colors[name as string];
    if (codes === undefined) validateOneOf(name, 'format', Object.keys(inspect.colors));
    before += `\u001b[${codes?.[0]}m`;
    after = `\u001b[${codes?.[1]}m${after}`;
  }
  return isColored ? `${before}${text}${after}` : text;
}

function systemErrorName(errno: unknown): string | undefined {
  if (typeof errno !== 'number') throw invalidArgType('err', 'number', errno);
  if (errno >= 0 || !Number.isSafeInteger(errno)) {
    throw outOfRange('err', 'a negative integer', errno);
  }
  return systemErrorMap.get(errno)?.[0] ?? `Unknown system error ${errno}`;
}

/** The error of a failed system call: "connect ECONNREFUSED ...". */
function errnoException(errno: number, syscall: string, original?: string): Error {
  const code = systemErrorName(errno) ?? '';
  const text = original ? `${syscall} ${code} ${original}` : `${syscall} ${code}`;
  return Object.assign(new Error(text), { errno, code, syscall });
}

function toUSVString(value: unknown): string {
  return (String(value) as string & { toWellFormed(): string }).toWellFormed();
}

function log(...args: unknown[]): void {
  const date = new Date();
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  const month = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')[date.getMonth()];
  const { console } = globalThis as unknown as { console: { log(...args: unknown[]): void } };
  console.log('%s - %s', `${date.getDate()} ${month} ${clock}`, format(...args));
}

/** The callers of this call, the nearest first. */
function getCallSites(count: unknown = 8): object[] {
  if (typeof count === 'object' && count !== null) return getCallSites();
  validateInteger(count, 'frameCount', 1, 200);
  const statics = Error as unknown as { stackTraceLimit: number };
  const limit = statics.stackTraceLimit;
  statics.stackTraceLimit = count;
  const { stack = '' } = new Error();
  statics.stackTraceLimit = limit;
  return [...stack.matchAll(CALL_SITE)].map(([, named, inner, bare]) => {
    const place = /^(.*):(\d+):(\d+)$/.exec(inner ?? bare ?? '');
    const column = Number(place?.[3] ?? 0);
    return {
      functionName: named === 'Object.<anonymous>' ? '' : (named ?? ''),
      scriptId: '0',
      scriptName: place?.[1] ?? '',
      lineNumber: Number(place?.[2] ?? 0),
      columnNumber: column,
      column,
    };
  });
}
const CALL_SITE = /^ {4}at (?:(.*) \((.*)\)|(.*))$/gm;

const legacyTests: Record<string, (value: unknown) => boolean> = {
  isArray: Array.isArray,
  isBoolean: (value) => typeof value === 'boolean',
  isBuffer: (value) => Buffer.isBuffer(value),
  isNull: (value) => value === null,
  isNullOrUndefined: (value) => value === null || value === undefined,
  isNumber: (value) => typeof value === 'number',
  isString: (value) => typeof value === 'string',
  isSymbol: (value) => typeof value === 'symbol',
  isUndefined: (value) => value === undefined,
  isRegExp: (value) => isRegExp(value),
  isObject: (value) => value !== null && typeof value === 'object',
  isDate: (value) => isDate(value),
  isError: (value) => isNativeError(value) || value instanceof Error,
  isFunction: (value) => typeof value === 'function',
  isPrimitive: (value) =>
    value === null || (typeof value !== 'object' && typeof value !== 'function'),
};

export interface UtilModule {
  readonly inspect: typeof inspect;
  readonly format: typeof format;
  readonly formatWithOptions: typeof formatWithOptions;
  readonly types: typeof types;
  readonly inherits: typeof inherits;
  readonly promisify: typeof promisify;
  [name: string]: unknown;
}

export const exported: UtilModule = {
  _errnoException: errnoException,
  _extend: extend,
  callbackify,
  debug: debuglog,
  debuglog,
  deprecate,
  format,
  styleText,
  formatWithOptions,
  getCallSites,
  getSystemErrorMap: () => systemErrorMap,
  getSystemErrorName: systemErrorName,
  inherits,
  inspect,
  ...legacyTests,
  isDeepStrictEqual: (a: unknown, b: unknown, skipPrototype?: unknown) =>
    isDeepEqual(a, b, { strict: true, anyPrototype: skipPrototype === true }),
  log,
  promisify,
  stripVTControlCharacters,
  toUSVString,
  aborted,
  types,
  TextDecoder,
  TextEncoder,
  parseArgs,
  parseEnv,
  /** Nothing is transferred inside one thread: a signal is marked by being itself. */
  transferableAbortController: (): AbortController => new AbortController(),
  transferableAbortSignal(signal: unknown): unknown {
    if (signal instanceof AbortSignal) return signal;
    throw invalidArgType('signal', 'AbortSignal', signal);
  },
  MIMEType,
  MIMEParams,
};
