/** `node:process`: what a guest reads about itself comes from the boot interrupt and the clock. */

import type { BootConfig } from '../../log-format/abi.ts';
import { capture, enter, leave } from '../async-context.ts';
import { nativeResolve, nativeThen } from '../async-promises.ts';
import { traps } from '../drivers/traps.ts';
import { unsupported } from '../errors.ts';
import { exitNow, halt, reportUncaught } from '../fatal.ts';
import { builtin } from '../module-registry.ts';
import { processObject } from '../process-object.ts';
import { SIGNALS, signalName } from '../signals.ts';
import { nextTick } from '../ticks.ts';
import { sinceBootMicros } from '../timer-wheel.ts';
import { activeDomain } from './domain.ts';
import { toMode } from './fs-arguments.ts';
import { guarded } from './fs-errors.ts';
import { volume } from './fs-volume.ts';
import { invalidArgType, invalidArgValue, nodeError, outOfRange } from './node-errors.ts';
import { environment } from './process-env.ts';
import { moreFunctions, moreProperties } from './process-more.ts';
import { emitWarning, printWarning } from './process-warnings.ts';
import { standardInput, standardOutput } from './standard-streams.ts';
import {
  validateFunction,
  validateInteger,
  validateNumber,
  validateObject,
  validateString,
} from './validators.ts';

/** QuickJS release inside the machine; part of the engine's pin. */
const QUICKJS_VERSION = '2025-09-13';
const SIGABRT_STATUS = 134;
const SIGNAL_MAX = 64;

export const exported = processObject as typeof processObject & Record<string, unknown>;

function hidden(name: string | symbol, value: unknown): void {
  Object.defineProperty(exported, name, {
    value,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

function accessor(
  name: string,
  get: () => unknown,
  set: (value: unknown) => void = (value) => hidden(name, value),
): void {
  Object.defineProperty(exported, name, { get, set, enumerable: true, configurable: true });
}

let exitCode: number | string | null | undefined;

function checkExitCode(value: unknown): asserts value is number | string | null | undefined {
  if (value === undefined || value === null) return;
  const text = typeof value === 'string' && value !== '' ? Number(value) : Number.NaN;
  validateInteger(Number.isInteger(text) ? text : value, 'code');
}

function exit(code?: unknown): never {
  if (code !== undefined) exported.exitCode = code as number;
  return exitNow();
}

function hrtime(previous?: unknown): [number, number] {
  const nanos = Math.floor(sinceBootMicros() * 1000);
  const now: [number, number] = [Math.floor(nanos / 1e9), nanos % 1e9];
  if (previous === undefined) return now;
  if (!Array.isArray(previous)) throw invalidArgType('time', 'Array', previous);
  if (previous.length !== 2) throw outOfRange('time', '2', previous.length);
  const [seconds, rest] = previous as [number, number];
  const lent = now[1] < rest ? 1 : 0;
  return [now[0] - seconds - lent, now[1] - rest + lent * 1e9];
}
hrtime.bigint = (): bigint => BigInt(Math.floor(sinceBootMicros() * 1000));

/**
 * Node's shape. The engine's heap is not visible from inside, and the host's would differ between
 * the two replicas, so every figure is 0.
 */
function memoryUsage(): Record<string, number> {
  return { rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 };
}
memoryUsage.rss = (): number => 0;

function kill(pid: unknown, signal: unknown = 'SIGTERM'): true {
  const target = Number(pid) | 0;
  // biome-ignore lint/suspicious/noDoubleEquals: a text of digits is a number here.
  if (pid != target) throw invalidArgType('pid', 'number', pid);
  const number = typeof signal === 'number' ? signal : SIGNALS[String(signal)];
  if (number === undefined) {
    throw nodeError(TypeError, 'ERR_UNKNOWN_SIGNAL', `Unknown signal: ${String(signal)}`);
  }
  if (!(number >= 0 && number <= SIGNAL_MAX)) {
    throw Object.assign(new Error('kill EINVAL'), { errno: -22, code: 'EINVAL', syscall: 'kill' });
  }
  // 0 is the group, in which the guest is alone.
  if (target !== exported.pid && target !== 0) {
    throw unsupported('process', 'kill', 'a signal to the guest itself (process.pid)');
  }
  if (number === 0) return true;
  const name = signalName(number);
  nextTick(() => {
    if (name === undefined || !exported.emit(name, name, number)) halt(128 + number);
  });
  return true;
}

function checkUsage(previous: { user: unknown; system: unknown }): void {
  validateObject(previous, 'prevValue');
  for (const name of ['user', 'system'] as const) {
    const value = previous[name];
    validateNumber(value, `prevValue.${name}`);
    if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) continue;
    throw invalidArgValue(`prevValue.${name}`, value, 'is invalid', RangeError);
  }
}

/** Every function of `process` that needs no configuration. */
const functions = {
  exit,
  reallyExit: (code?: number): never => halt(code ?? 0),
  abort: (): never => halt(SIGABRT_STATUS),
  nextTick,
  hrtime,
  memoryUsage,
  kill,
  emitWarning,
  getBuiltinModule: (name: unknown): unknown => {
    validateString(name, 'id');
    return builtin(name);
  },
  uptime: (): number => sinceBootMicros() / 1e6,
  cwd: (): string => volume.cwd(),
  chdir(directory: unknown): void {
    validateString(directory, 'directory');
    const subject = { syscall: 'chdir', path: volume.cwd(), dest: directory };
    guarded(subject, () => volume.changeDirectory(directory));
  },
  umask(mask?: unknown): number {
    const before = volume.umask;
    if (mask !== undefined) volume.umask = toMode(mask, 'mask') & 0o777;
    return before;
  },
  getuid: (): number => 1000,
  geteuid: (): number => 1000,
  getgid: (): number => 1000,
  getegid: (): number => 1000,
  getgroups: (): number[] => [1000],
  cpuUsage(previous?: { user: number; system: number }): { user: number; system: number } {
    if (previous !== undefined) checkUsage(previous);
    const user = Math.floor(sinceBootMicros()) - (previous?.user ?? 0);
    return { user, system: 0 };
  },
  resourceUsage: (): Record<string, number> => ({ userCPUTime: Math.floor(sinceBootMicros()) }),
  getActiveResourcesInfo: (): string[] => [],
  _rawDebug: (...args: unknown[]): void => {
    standardOutput(2).write(`${args.map(String).join(' ')}\n`);
  },
};

/**
 * There is no OpenSSL in a guest: this is the one whose ways and error codes `node:crypto` has, and
 * programs look here to learn whether there is a `node:crypto`.
 */
const OPENSSL_VERSION = '3.0.0';

const features = {
  inspector: false,
  debug: false,
  uv: true,
  ipv6: true,
  tls_alpn: false,
  tls_sni: false,
  tls_ocsp: false,
  tls: false,
  cached_builtins: true,
};

/** Puts the boot interrupt's values into place. `process` identity never changes. */
export function configureProcess(config: BootConfig): void {
  const { nodeVersion, hvVersion, argv } = config;
  Object.assign(exported, {
    version: `v${nodeVersion}`,
    versions: {
      node: nodeVersion,
      hv: hvVersion,
      quickjs: QUICKJS_VERSION,
      openssl: OPENSSL_VERSION,
    },
    arch: config.arch,
    platform: config.platform,
    release: { name: 'node', lts: 'Iron' },
    argv: [...argv],
    argv0: 'node',
    execArgv: [],
    execPath: argv[0] ?? 'node',
    env: environment(config.env),
    pid: config.pid,
    ppid: config.ppid,
    title: 'node',
    debugPort: 9229,
    config: { target_defaults: {}, variables: {} },
    features,
    allowedNodeEnvironmentFlags: new Set<string>(),
    report: undefined,
  });
}

function followSignals(): void {
  exported.on('newListener', (event: string) => {
    const number = SIGNALS[event];
    if (number !== undefined && exported.listenerCount(event) === 0) traps.signalListen(number, 1);
  });
  exported.on('removeListener', (event: string) => {
    const number = SIGNALS[event];
    if (number !== undefined && exported.listenerCount(event) === 0) traps.signalListen(number, 0);
  });
}

/** Interrupt signal. */
export function signalArrived(number: number): void {
  const name = signalName(number);
  if (name !== undefined) exported.emit(name, name, number);
}

function openStdin(): unknown {
  const input = standardInput();
  input.resume();
  return input;
}

/** Everything but the configuration. Called once, while the firmware starts. */
export function buildProcess(): void {
  Object.assign(exported, functions, moreFunctions);
  for (const [name, get] of Object.entries(moreProperties)) accessor(name, get);
  hidden('openStdin', openStdin);
  hidden('_exiting', false);
  accessor(
    'exitCode',
    () => exitCode,
    (value) => {
      checkExitCode(value);
      exitCode = value;
    },
  );
  accessor('domain', activeDomain);
  accessor('stdin', standardInput);
  accessor('stdout', () => standardOutput(1));
  accessor('stderr', () => standardOutput(2));
  exported.on('warning', printWarning);
  followSignals();
}

/** `queueMicrotask`: a job whose error is an uncaught exception and not a rejection. */
export function queueMicrotask(callback: () => void): void {
  validateFunction(callback, 'callback');
  const context = capture('Microtask', callback);
  void nativeThen.call(nativeResolve(undefined), () => {
    const before = context === undefined ? undefined : enter(context);
    try {
      callback();
    } catch (error) {
      reportUncaught(error, 'uncaughtException');
    }
    if (before !== undefined) leave(before, context);
  });
}
