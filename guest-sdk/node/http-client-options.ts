/** The many ways to name a request, made one: a URL, options, or both. */

import { type Agent as AgentShape, globalAgent } from './http-agent.ts';
import { isToken } from './http-tokens.ts';
import type { HttpSocket } from './http-types.ts';
import { invalidArgType, nodeError } from './node-errors.ts';
import {
  validateBoolean,
  validateFunction,
  validateInteger,
  validateNumber,
} from './validators.ts';

export interface RequestOptions {
  agent?: AgentShape | false | null;
  _defaultAgent?: AgentShape;
  protocol?: string | null;
  hostname?: string | null;
  host?: string | null;
  port?: number | string | null;
  defaultPort?: number | string;
  path?: string | null;
  method?: string;
  headers?: Record<string, unknown> | readonly unknown[];
  auth?: string | null;
  timeout?: number;
  signal?: unknown;
  setHost?: boolean;
  setDefaultHeaders?: boolean;
  socketPath?: string;
  maxHeaderSize?: number;
  insecureHTTPParser?: boolean;
  joinDuplicateHeaders?: boolean;
  uniqueHeaders?: readonly (string | readonly string[])[];
  createConnection?: (options: object, callback: unknown) => HttpSocket | undefined;
  [name: string]: unknown;
}

interface UrlParts {
  readonly protocol: string;
  readonly hostname: string;
  readonly hash: string;
  readonly search: string;
  readonly pathname: string;
  readonly href: string;
  readonly port: string;
  readonly username: string;
  readonly password: string;
}

const HTTP_URL =
  /^(https?):\/\/(?:([^/?#@:]*)(?::([^/?#@]*))?@)?(\[[^\]/?#]+\]|[^/?#:@[\]\s]+)(?::(\d*))?([^?#]*)(\?[^#]*)?(#.*)?$/i;

function invalidUrl(text: string): Error {
  const error = nodeError(TypeError, 'ERR_INVALID_URL', 'Invalid URL');
  return Object.assign(error, { input: text });
}

/** A URL of this guest, or, where it has no such class, the parts of a plain http URL. */
function partsOf(text: string): UrlParts {
  const { URL } = globalThis as unknown as { URL?: new (text: string) => UrlParts };
  if (typeof URL === 'function') return new URL(text);
  const match = HTTP_URL.exec(text.trim());
  if (!match) throw invalidUrl(text);
  const [, scheme = '', username = '', password = '', host = '', port = ''] = match;
  const [path = '', search = '', hash = ''] = match.slice(6);
  return {
    protocol: `${scheme.toLowerCase()}:`,
    hostname: host.toLowerCase(),
    hash,
    search: encodeURI(search).replace(/%25/g, '%'),
    pathname: encodeURI(path === '' ? '/' : path).replace(/%25/g, '%'),
    href: text,
    port: scheme.toLowerCase() === 'http' && port === '80' ? '' : port,
    username,
    password,
  };
}

function isUrl(value: unknown): value is UrlParts {
  const url = value as Partial<UrlParts> & { auth?: unknown; path?: unknown };
  return Boolean(url?.href && url.protocol && url.auth === undefined && url.path === undefined);
}

function optionsOfUrl(url: UrlParts): RequestOptions {
  const { hostname } = url;
  const options: RequestOptions = {
    ...(url as unknown as object),
    protocol: url.protocol,
    hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    hash: url.hash,
    search: url.search,
    pathname: url.pathname,
    path: `${url.pathname || ''}${url.search || ''}`,
    href: url.href,
  };
  if (url.port !== '') options.port = Number(url.port);
  if (url.username || url.password) {
    options.auth = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  }
  return options;
}

/** `(url, options?, callback?)` or `(options, callback?)`. */
export function normalizeRequest(
  input: unknown,
  second: unknown,
  third: unknown,
): { options: RequestOptions; callback: unknown } {
  let base: RequestOptions | undefined;
  let given = second;
  let callback = third;
  if (typeof input === 'string') base = optionsOfUrl(partsOf(input));
  else if (isUrl(input)) base = optionsOfUrl(input);
  else {
    callback = second;
    given = input;
  }
  if (typeof given === 'function') {
    callback = given;
    given = undefined;
  }
  return { options: Object.assign(base ?? {}, given as object), callback };
}

export function chooseAgent(
  options: RequestOptions,
  byDefault: AgentShape,
): AgentShape | undefined {
  const { agent } = options;
  if (agent === false) {
    const Same = byDefault.constructor as unknown as new () => AgentShape;
    return new Same();
  }
  if (agent === null || agent === undefined) {
    return typeof options.createConnection === 'function' ? undefined : byDefault;
  }
  if (typeof agent.addRequest !== 'function') {
    throw invalidArgType('options.agent', ['Agent-like Object', 'undefined', 'false'], agent);
  }
  return agent;
}

export function defaultAgentOf(options: RequestOptions): AgentShape {
  return options._defaultAgent ?? globalAgent();
}

function checkHost(host: unknown, name: string): string | null | undefined {
  if (host !== null && host !== undefined && typeof host !== 'string') {
    throw invalidArgType(`options.${name}`, ['string', 'undefined', 'null'], host);
  }
  return host as string | null | undefined;
}

export function hostOf(options: RequestOptions): string {
  return checkHost(options.hostname, 'hostname') || checkHost(options.host, 'host') || 'localhost';
}

export function checkPath(path: unknown): void {
  if (!path || !/[^\u0021-\u00ff]/.test(String(path))) return;
  const text = 'Request path contains unescaped characters';
  throw nodeError(TypeError, 'ERR_UNESCAPED_CHARACTERS', text);
}

export function checkProtocol(protocol: string, expected: string): void {
  if (protocol === expected) return;
  const text = `Protocol "${protocol}" not supported. Expected "${expected}"`;
  throw nodeError(TypeError, 'ERR_INVALID_PROTOCOL', text);
}

export function methodOf(options: RequestOptions): string {
  const { method } = options;
  if (method !== null && method !== undefined && typeof method !== 'string') {
    throw invalidArgType('options.method', 'string', method);
  }
  if (!method) return 'GET';
  if (!isToken(method)) {
    const text = `Method must be a valid HTTP token ["${method}"]`;
    throw nodeError(TypeError, 'ERR_INVALID_HTTP_TOKEN', text);
  }
  return method.toUpperCase();
}

export function checkParserOptions(options: RequestOptions): void {
  if (options.maxHeaderSize !== undefined) {
    validateInteger(options.maxHeaderSize, 'maxHeaderSize', 0);
  }
  if (options.insecureHTTPParser !== undefined) {
    validateBoolean(options.insecureHTTPParser, 'options.insecureHTTPParser');
  }
  if (options.joinDuplicateHeaders !== undefined) {
    validateBoolean(options.joinDuplicateHeaders, 'options.joinDuplicateHeaders');
  }
}

const TIMEOUT_MAX_MS = 2 ** 31 - 1;

/** Milliseconds of a timeout, 0 to 2^31 - 1. */
export function checkTimeout(ms: unknown, name: string): number {
  validateNumber(ms, name);
  if (ms < 0 || !Number.isFinite(ms)) validateNumber(ms, name, 0, Number.MAX_VALUE);
  return Math.min(ms, TIMEOUT_MAX_MS);
}

export function checkCallback(callback: unknown): void {
  if (callback !== undefined && callback !== null) validateFunction(callback, 'callback');
}

/** The Host field: an IPv6 address in brackets, the port when it is not the usual one. */
export function hostHeader(host: string, port: unknown, defaultPort: unknown): string {
  const colon = host.indexOf(':');
  const isV6 = colon >= 0 && host.includes(':', colon + 1) && !host.startsWith('[');
  const name = isV6 ? `[${host}]` : host;
  return port && Number(port) !== defaultPort ? `${name}:${String(port)}` : name;
}
