/**
 * The parts of `process` few programs touch: users, memory, source maps, and what only a native Node
 * could do. Users are the one there is; what would change them is refused as for any user but root.
 */

import { bootConfig } from '../boot-config.ts';
import { onCapture } from '../fatal.ts';
import { providedModules } from '../module-registry.ts';
import { processObject } from '../process-object.ts';
import { parseEnv } from './env-file.ts';
import { readFileJob } from './fs-content.ts';
import { perform } from './fs-jobs.ts';
import { invalidArgType, nodeError, outOfRange } from './node-errors.ts';
import { throwing } from './refusals.ts';
import { validateBoolean, validateUint32 } from './validators.ts';

let capture: ((error: unknown) => void) | null = null;
let sourceMaps = false;

function setCapture(callback: unknown): void {
  if (callback !== null && typeof callback !== 'function') {
    throw invalidArgType('fn', ['Function', 'null'], callback);
  }
  if (callback !== null && capture !== null) {
    const text =
      '`process.setupUncaughtExceptionCapture()` was called while a capture callback was already active';
    throw nodeError(Error, 'ERR_UNCAUGHT_EXCEPTION_CAPTURE_ALREADY_SET', text);
  }
  capture = callback as typeof capture;
  onCapture(capture ?? undefined);
}

/** `process.ref` and `unref`: by the symbol's method, or else the plain one of that name. */
function reference(name: 'ref' | 'unref'): (target: unknown) => void {
  const set = (target: unknown): void => {
    const holder = target as Record<PropertyKey, unknown> | null | undefined;
    const method = holder?.[Symbol.for(`nodejs.${name}`)] ?? holder?.[name];
    if (typeof method === 'function') Reflect.apply(method, target, []);
  };
  Object.defineProperty(set, 'name', { value: name });
  return set;
}

function systemError(syscall: string): Error {
  const error = new Error(`EPERM, Operation not permitted`);
  return Object.assign(error, { errno: 1, code: 'EPERM', syscall });
}

/** `process.setuid` and its like: to what one is already, or not at all. */
function setter(name: string, kind: 'User' | 'Group'): (id: unknown) => void {
  const set = (id: unknown): void => {
    if (typeof id === 'number') validateUint32(id, 'id');
    else if (typeof id !== 'string') throw invalidArgType('id', ['number', 'string'], id);
    if (typeof id === 'string' && id !== 'guest') {
      const text = `${kind} identifier does not exist: ${id}`;
      throw nodeError(Error, 'ERR_UNKNOWN_CREDENTIAL', text);
    }
    if (id !== 1000 && id !== 'guest') throw systemError(name);
  };
  Object.defineProperty(set, 'name', { value: name });
  return set;
}

function binding(name: unknown): never {
  const error = new Error(`No such module: ${String(name)}`);
  throw Object.assign(error, { code: 'ERR_INVALID_MODULE' });
}

function assertTrue(value: unknown, message?: unknown): void {
  if (value) return;
  throw nodeError(
    Error,
    'ERR_ASSERTION',
    message === undefined ? 'assertion error' : String(message),
  );
}

export const moreFunctions: Record<string, unknown> = {
  setUncaughtExceptionCaptureCallback: setCapture,
  hasUncaughtExceptionCaptureCallback: (): boolean => capture !== null,
  constrainedMemory: (): number => bootConfig().heapBytesMax,
  availableMemory: (): number => bootConfig().heapBytesMax,
  setSourceMapsEnabled(value: unknown): void {
    validateBoolean(value, 'val');
    sourceMaps = value;
  },
  setuid: setter('setuid', 'User'),
  seteuid: setter('seteuid', 'User'),
  setgid: setter('setgid', 'Group'),
  setegid: setter('setegid', 'Group'),
  setgroups(groups: unknown): void {
    if (!Array.isArray(groups)) throw invalidArgType('groups', 'Array', groups);
    throw systemError('setgroups');
  },
  initgroups(user: unknown, extra: unknown): void {
    for (const [name, id] of Object.entries({ user, extraGroup: extra })) {
      if (typeof id !== 'number' && typeof id !== 'string') {
        throw invalidArgType(name, ['number', 'string'], id);
      }
      if (typeof id === 'number' && id < 0) throw outOfRange(name, '>= 0', id);
    }
    throw systemError('initgroups');
  },
  binding,
  ref: reference('ref'),
  unref: reference('unref'),
  assert: assertTrue,
  dlopen: throwing('process', 'dlopen', 'a package in JavaScript'),
  loadEnvFile(given: unknown = '.env'): void {
    const { env } = processObject as unknown as { env: Record<string, string> };
    const text = String(perform(readFileJob(given, 'utf8')));
    for (const [name, value] of Object.entries(parseEnv(text))) env[name] ??= value;
  },
};

/** Properties that are read anew each time. */
export const moreProperties: Readonly<Record<string, () => unknown>> = {
  sourceMapsEnabled: () => sourceMaps,
  moduleLoadList: () => providedModules().map((name) => `NativeModule ${name}`),
};
