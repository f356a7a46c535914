/**
 * V8's manners for errors on an engine that has others. The engine writes `stack` without a
 * "Name: message" line and with positions inside the image; npm packages and people expect V8's
 * form. Constructors are wrapped so that `stack` is an accessor that renders V8's text, with the
 * user's files in it, when somebody reads it; most errors of a server are never printed.
 *
 * Errors the engine throws by itself never pass through a constructor: their `stack` stays the
 * engine's own text until `describeError` prints it.
 */

import { FIRMWARE_FILE } from '../log-format/abi.ts';
import { callSites } from './call-site.ts';
import { traps } from './drivers/traps.ts';

/** What is captured when an error is made. V8 too renders it, and reads the name, at the first read. */
interface Capture {
  readonly raw: string;
  readonly limit: number;
  /** Function whose caller is the first frame to show; frames above it are its own business. */
  readonly above: string;
  text: string | undefined;
}

/** Without the types of Node, which the tests of this file are compiled with. */
type ErrorStatics = Omit<
  ErrorConstructor,
  'stackTraceLimit' | 'prepareStackTrace' | 'captureStackTrace'
> & {
  stackTraceLimit: number;
  prepareStackTrace?: (error: unknown, sites: readonly object[]) => unknown;
  captureStackTrace(target: object, above?: unknown): void;
};

/** The engine's own constructor: its instances carry an own `stack` in the engine's format. */
export const NativeError: ErrorConstructor = globalThis.Error;
const captures = new WeakMap<object, Capture>();
/** Late binding: node-errors.ts says which errors show their `code` in the first line of a stack. */
export const headerRule: { showsCode(error: object): boolean } = { showsCode: () => false };
const FRAME = '    at ';
/** Modules the bundler made up (hypervisor/host/bundle.ts): their frames say nothing to anybody. */
const MADE_UP_FILE = /[( ]hv-(?:missing|builtin|entry)\b/;
/** Names the bundler's helpers give to module wrappers: V8 has no frame there. */
const BUNDLER_FRAME =
  /^ {4}at (?:__require|__init|__esm|__commonJS|__toESM|__toCommonJS|__copyProps) /;
/** The image's outer function (hypervisor/host/bundle.ts) and CommonJS wrappers, named by path. */
const MODULE_FRAME =
  /^ {4}at (?:hvMain|(?!get |set |async )\S*[/.]\S*\.(?:[cm]?[jt]sx?|json)) \((.*)\)$/;

/** "Name: message", the first line of a stack. */
function headerOf(target: { name?: unknown; message?: unknown }): string {
  const name = target.name === undefined ? 'Error' : String(target.name);
  const message = target.message === undefined ? '' : String(target.message);
  if (name === '') return message;
  return message === '' ? name : `${name}: ${message}`;
}

/** Engine frames in V8's words, without the firmware's own and the bundler's; positions unmapped. */
function visibleFrames(raw: string, above: string): string[] {
  const lines = raw.split('\n');
  const shown: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    if (line === '' || line.includes(FIRMWARE_FILE)) continue;
    if (line.endsWith(' (native)')) {
      // A built-in called by the firmware is the firmware's business too.
      if (lines[i + 1]?.includes(FIRMWARE_FILE)) continue;
      shown.push(`${line.slice(0, -' (native)'.length)} (<anonymous>)`);
    } else if (!BUNDLER_FRAME.test(line)) shown.push(line);
  }
  if (above === '') return shown;
  const at = shown.findIndex((line) => line.startsWith(`${FRAME}${above} (`));
  return at < 0 ? shown : shown.slice(at + 1);
}

function v8Frame(line: string): string {
  const wrapper = MODULE_FRAME.exec(line);
  if (wrapper) return `${FRAME}Object.<anonymous> (${wrapper[1]})`;
  const anonymous = /^ {4}at (?:<anonymous>|<eval>|hvModule) \((.*)\)$/.exec(line);
  return anonymous ? FRAME + anonymous[1] : line;
}

function framesOf(raw: string, limit: number, above: string): string {
  const frames = visibleFrames(raw, above).slice(0, limit).map(v8Frame);
  if (frames.length === 0) return '';
  const mapped = traps.mapStack(frames.join('\n')).split('\n');
  return mapped
    .filter((line) => !MADE_UP_FILE.test(line))
    .map(pointAtNew)
    .join('\n');
}

/** The engine's position of `new X()` is the name, V8's the `new` before it. */
function pointAtNew(line: string): string {
  const position = /^(.*[( ])([^( ].*):(\d+):(\d+)(\)?)$/.exec(line);
  if (!position) return line;
  const [, before = '', file = '', row = '', column = '', after = ''] = position;
  const source = traps.sourceLine(`${file}:${row}`);
  const made = /\bnew\s+(?:[\w$]+\.)*$/.exec(source.slice(0, Number(column) - 1));
  return made ? `${before}${file}:${row}:${made.index + 1}${after}` : line;
}

function limitNow(): number {
  const limit = (globalThis.Error as unknown as ErrorStatics).stackTraceLimit;
  return typeof limit === 'number' ? Math.max(0, Math.min(200, limit)) : 0;
}

function readStack(this: object): unknown {
  const capture = captures.get(this);
  if (capture === undefined) return undefined;
  if (capture.text !== undefined) return capture.text;
  const frames = framesOf(capture.raw, capture.limit, capture.above);
  const header = headerRule.showsCode(this) ? withCode(headerOf(this), this) : headerOf(this);
  const prepare = (globalThis.Error as unknown as ErrorStatics).prepareStackTrace;
  if (typeof prepare === 'function') return prepare(this, callSites(frames));
  capture.text = frames === '' ? header : `${header}\n${frames}`;
  return capture.text;
}

/** "TypeError: text" as "TypeError [ERR_X]: text", Node's form for its own errors. */
function withCode(header: string, error: { code?: unknown; name?: unknown }): string {
  const name = String(error.name);
  const rest = header.startsWith(name) ? header.slice(name.length) : '';
  return rest === '' || rest.startsWith(':') ? `${name} [${String(error.code)}]${rest}` : header;
}

function writeStack(this: object, value: unknown): void {
  Object.defineProperty(this, 'stack', {
    value,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

const STACK_PROPERTY = { get: readStack, set: writeStack, enumerable: false, configurable: true };

function remember(target: object, raw: unknown, above: string): void {
  captures.set(target, {
    raw: String(raw),
    limit: limitNow(),
    above,
    text: undefined,
  });
  Object.defineProperty(target, 'stack', STACK_PROPERTY);
}

function captureStackTrace(target: object, above?: unknown): void {
  remember(target, new NativeError().stack, typeof above === 'function' ? above.name : '');
}

function wrapConstructor(native: ErrorConstructor, parent: object): ErrorConstructor {
  const wrapped = function (...args: unknown[]): object {
    const error = Reflect.construct(native, args, new.target ?? wrapped) as Error;
    // V8 leaves out the constructors of derived classes, down to the one `new` was called with.
    const derived = new.target !== undefined && new.target !== wrapped;
    remember(error, error.stack, derived ? new.target.name : '');
    return error;
  };
  Object.defineProperty(wrapped, 'name', { value: native.name, configurable: true });
  Object.defineProperty(wrapped, 'length', { value: native.length, configurable: true });
  Object.defineProperty(wrapped, 'prototype', { value: native.prototype, writable: false });
  Object.defineProperty(native.prototype, 'constructor', {
    value: wrapped,
    writable: true,
    configurable: true,
  });
  Object.setPrototypeOf(wrapped, parent);
  return wrapped as unknown as ErrorConstructor;
}

/**
 * Replaces the global error constructors. Runs once, while the firmware is evaluated and before any
 * other module of it: whoever keeps a reference to `Error` must keep the wrapped one.
 */
export function installErrors(): void {
  const scope = globalThis as unknown as Record<string, ErrorConstructor>;
  const base = wrapConstructor(NativeError, Function.prototype) as unknown as ErrorStatics;
  base.stackTraceLimit = 10;
  base.captureStackTrace = captureStackTrace;
  const isError = (NativeError as unknown as { isError?: unknown }).isError;
  if (isError !== undefined) {
    Object.defineProperty(base, 'isError', { value: isError, writable: true, configurable: true });
  }
  const names = ['Eval', 'Range', 'Reference', 'Syntax', 'Type', 'URI', 'Aggregate'];
  const wrapped: [string, ErrorConstructor][] = [['Error', base as unknown as ErrorConstructor]];
  for (const name of names.map((short) => `${short}Error`)) {
    const native = scope[name];
    if (native) wrapped.push([name, wrapConstructor(native, base as unknown as ErrorConstructor)]);
  }
  for (const [name, value] of wrapped) {
    Object.defineProperty(scope, name, { value, writable: true, configurable: true });
  }
  hideInternalError(scope);
}

/**
 * Where V8 throws a RangeError (too deep a recursion, too large a string) the engine throws its own
 * InternalError. As a kind of RangeError it is caught by the code npm has for it.
 */
function hideInternalError(scope: Record<string, ErrorConstructor>): void {
  const internal = scope.InternalError;
  const range = scope.RangeError;
  if (!internal || !range) return;
  Object.setPrototypeOf(internal.prototype, range.prototype);
  Object.defineProperty(internal.prototype, 'constructor', { value: range, configurable: true });
  Object.defineProperty(internal.prototype, 'name', { value: 'RangeError', configurable: true });
  delete scope.InternalError;
}

/**
 * The text of an error as V8 would have it in `stack`: "Name: message" and mapped frames. For an
 * error without a usable stack it is "Name: message" alone. Never throws.
 */
export function describeError(error: object): string {
  try {
    const own = Object.getOwnPropertyDescriptor(error, 'stack');
    const stack = (error as Error).stack;
    if (typeof stack !== 'string') return headerOf(error);
    const engineMade = own !== undefined && 'value' in own && isEngineText(stack);
    if (!engineMade) return stack === '' ? headerOf(error) : stack;
    // From now on everybody who reads `stack` sees this form.
    remember(error, stack, '');
    return String((error as Error).stack);
  } catch {
    // A getter of the guest threw: what is left to say must not run guest code.
    return '[error whose description throws]';
  }
}

function isEngineText(stack: string): boolean {
  return stack === '' || stack.startsWith(FRAME);
}

/**
 * The answer of everything this guest lacks: an error that names the module, the function and, where
 * there is one, what to use instead.
 */
export function unsupported(module: string, name: string, alternative?: string): Error {
  const instead = alternative === undefined ? '' : ` Use ${alternative} instead.`;
  const error = new Error(
    `${module}.${name} is not available inside an hv guest.${instead}`,
  ) as Error & { code: string };
  error.code = 'ERR_HV_UNSUPPORTED';
  return error;
}
