/** The many ways to call `connect` and `listen`, made one. */

import { unsupported } from '../errors.ts';
import { isIP } from './net-address.ts';
import type { SocketOptions } from './net-socket-types.ts';
import { invalidArgType, invalidArgValue, nodeError } from './node-errors.ts';
import {
  validateBoolean,
  validateFunction,
  validateInteger,
  validateNumber,
  validateString,
} from './validators.ts';

export interface ConnectOptions {
  readonly port?: unknown;
  readonly host?: string;
  readonly path?: string;
  readonly timeout?: number;
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean;
  readonly allowHalfOpen?: boolean;
  readonly highWaterMark?: number;
  readonly signal?: unknown;
  readonly lookup?: unknown;
  readonly family?: unknown;
  readonly hints?: unknown;
  readonly localAddress?: unknown;
  readonly localPort?: unknown;
  readonly autoSelectFamily?: unknown;
  readonly autoSelectFamilyAttemptTimeout?: unknown;
  readonly keepAliveInitialDelay?: unknown;
}

export interface ListenOptions {
  readonly port?: unknown;
  readonly host?: unknown;
  readonly path?: unknown;
  readonly fd?: unknown;
  readonly backlog?: unknown;
  readonly signal?: unknown;
}

type Listener = (...args: never[]) => void;

/** A number or a text of digits, 0 to 65535; ERR_SOCKET_BAD_PORT otherwise. */
function checkPort(port: unknown, name: string): number {
  const isText = typeof port === 'string' && port.trim() !== '';
  const value = typeof port === 'number' || isText ? Number(port) : Number.NaN;
  if (Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
  const shown =
    typeof port === 'string' ? `type string ('${port}')` : `type ${typeof port} (${String(port)})`;
  const text = `${name} should be >= 0 and < 65536. Received ${port === undefined || port === null ? String(port) : shown}.`;
  throw nodeError(RangeError, 'ERR_SOCKET_BAD_PORT', text);
}

function isPipeName(value: unknown): boolean {
  return typeof value === 'string' && !(Number(value) >= 0);
}

/** `connect(port, host?, callback?)` or `connect(options, callback?)`. */
export function normalizeConnect(args: readonly unknown[]): {
  options: ConnectOptions;
  port: number;
  callback: Listener | undefined;
} {
  const [first, second] = args;
  const last = args.at(-1);
  const callback = typeof last === 'function' ? (last as Listener) : undefined;
  let options: ConnectOptions;
  if (typeof first === 'object' && first !== null) options = first as ConnectOptions;
  else if (isPipeName(first)) options = { path: String(first) };
  else options = { port: first, ...(typeof second === 'string' ? { host: second } : {}) };
  if (options.path) {
    validateString(options.path, 'options.path');
    throw unsupported('net', 'connect(path)', 'a host and port');
  }
  if (options.port === undefined) {
    const text = 'The "options" or "port" or "path" argument must be specified';
    throw nodeError(TypeError, 'ERR_MISSING_ARGS', text);
  }
  if (typeof options.port !== 'number' && typeof options.port !== 'string') {
    throw invalidArgType('options.port', ['number', 'string'], options.port);
  }
  if (options.host !== undefined && options.host !== null && typeof options.host !== 'string') {
    throw invalidArgType('hostname', 'string', options.host);
  }
  const port = checkPort(options.port, 'Port');
  checkConnect(options);
  return { options, port, callback };
}

/** What the constructor of a socket refuses: its chunks are bytes. */
export function checkSocketOptions(options: SocketOptions): void {
  for (const name of ['objectMode', 'readableObjectMode', 'writableObjectMode'] as const) {
    if (options[name]) throw invalidArgValue(`options.${name}`, options[name], 'is not supported');
  }
  const { keepAliveInitialDelay } = options;
  if (keepAliveInitialDelay !== undefined) {
    validateNumber(keepAliveInitialDelay, 'options.keepAliveInitialDelay');
  }
}

const STREAM_OPTIONS = [
  'highWaterMark',
  'readableHighWaterMark',
  'writableHighWaterMark',
  'readable',
  'writable',
  'signal',
] as const;

/** What of `options` is the stream's. */
export function streamOptions(options: SocketOptions): object {
  const found: Record<string, unknown> = {};
  for (const name of STREAM_OPTIONS) {
    if (options[name] !== undefined) found[name] = options[name];
  }
  return found;
}

/** One that a guest may connect from: its own, or any. Which the host takes is not its to say. */
export function isOwnAddress(address: unknown): boolean {
  return /^(?:127\.|0\.0\.0\.0$|::1?$|::ffff:127\.)/.test(String(address));
}

/** Milliseconds of a program as the whole seconds that the system takes. */
export function secondsOf(ms: unknown): number {
  return Math.max(0, Math.trunc(Number(ms) / 1000) || 0);
}

function checkConnect(options: ConnectOptions): void {
  const { localAddress, localPort, lookup, autoSelectFamily } = options;
  const { autoSelectFamilyAttemptTimeout: patience } = options;
  if (localAddress && isIP(localAddress) === 0) {
    const text = `Invalid IP address: ${String(localAddress)}`;
    throw nodeError(TypeError, 'ERR_INVALID_IP_ADDRESS', text);
  }
  if (localPort) validateNumber(localPort, 'options.localPort');
  if (autoSelectFamily !== undefined && autoSelectFamily !== null)
    validateBoolean(autoSelectFamily, 'options.autoSelectFamily');
  if (patience !== undefined && patience !== null)
    validateInteger(patience, 'options.autoSelectFamilyAttemptTimeout', 1, 2 ** 31 - 1);
  if (lookup !== undefined && lookup !== null) validateFunction(lookup, 'options.lookup');
}

export interface ListenPlace {
  readonly port: number;
  /** "" listens on every address. */
  readonly host: string;
  readonly backlog: number;
  readonly signal: unknown;
}

const BACKLOG = 511;

/** `listen(port?, host?, backlog?, callback?)` or `listen(options, callback?)`. */
export function normalizeListen(args: readonly unknown[]): {
  place: ListenPlace;
  callback: Listener | undefined;
} {
  const last = args.at(-1);
  const callback = typeof last === 'function' ? (last as Listener) : undefined;
  const given = callback === undefined ? [...args] : args.slice(0, -1);
  const [first] = given;
  const options: ListenOptions =
    typeof first === 'object' && first !== null ? (first as ListenOptions) : fromList(given);
  if (options.path !== undefined)
    throw unsupported('net', 'Server.listen(path)', 'a host and port');
  if (options.fd !== undefined)
    throw unsupported('net', 'Server.listen({ fd })', 'a host and port');
  const isEmpty = typeof first === 'object' && first !== null && !('port' in options);
  if (isEmpty) {
    throw invalidArgValue('options', first, 'must have the property "port" or "path"');
  }
  const { host, signal } = options;
  if (host !== undefined && host !== null && typeof host !== 'string') {
    throw invalidArgType('hostname', 'string', host);
  }
  const port =
    options.port === undefined || options.port === null
      ? 0
      : checkPort(options.port, 'options.port');
  const backlog = Number(options.backlog);
  return {
    place: { port, host: host ?? '', backlog: backlog > 0 ? Math.trunc(backlog) : BACKLOG, signal },
    callback,
  };
}

function fromList(given: readonly unknown[]): ListenOptions {
  const [port, ...rest] = given;
  if (isPipeName(port)) return { path: port };
  const host = rest.find((value) => typeof value === 'string' && !/^\d+$/.test(value));
  const backlog = rest.find((value) => typeof value === 'number');
  return { port: port ?? 0, host, backlog };
}
