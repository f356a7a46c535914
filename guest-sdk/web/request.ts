/** Request (Fetch standard, section 5.4), with Node's checks and errors. */

import { inspectHook } from '../node/inspect-hook.ts';
import { kernel } from '../node/kernel-hooks.ts';
import { AbortController, AbortSignal } from './abort.ts';
import { type Body, type BodyMethods, type Carrier, extractBody, installBody } from './body.ts';
import type { StreamLike } from './byte-source.ts';
import { checkCount, checkDictionary, illegalInvocation, toByteString } from './fetch-arguments.ts';
import { copyHeaders, Headers, headersOf } from './headers.ts';
import { exposeInterface } from './interface.ts';
import { URL } from './url.ts';
import { toUsv } from './usv.ts';

const WHERE = 'Request constructor';
const ENUMERATIONS = {
  referrerPolicy: [
    '',
    'no-referrer',
    'no-referrer-when-downgrade',
    'same-origin',
    'origin',
    'strict-origin',
    'origin-when-cross-origin',
    'strict-origin-when-cross-origin',
    'unsafe-url',
  ],
  mode: ['navigate', 'same-origin', 'no-cors', 'cors'],
  credentials: ['omit', 'same-origin', 'include'],
  cache: ['default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached'],
  redirect: ['follow', 'manual', 'error'],
  duplex: ['half'],
} as const;
type Enumeration = keyof typeof ENUMERATIONS;

const TOKEN = /^[!#$%&'*+.^`|~\w-]+$/;
const FORBIDDEN_METHOD = /^(?:CONNECT|TRACE|TRACK)$/i;
const UPPER_METHOD = /^(?:DELETE|GET|HEAD|OPTIONS|POST|PUT)$/i;

export interface RequestState {
  method: string;
  /** With fragment. */
  url: URL;
  headers: Headers;
  body: Body | null;
  signal: AbortSignal;
  referrer: string;
  referrerPolicy: string;
  mode: string;
  credentials: string;
  cache: string;
  redirect: string;
  integrity: string;
  keepalive: boolean;
}

/** The state of a Request; undefined for anything else. */
export let requestState: (value: unknown) => RequestState | undefined;
let withState: (state: RequestState) => Request;

function stateFor(receiver: unknown): RequestState {
  const state = requestState(receiver);
  if (state === undefined) throw illegalInvocation();
  return state;
}

type RequestInit = Readonly<Record<string, unknown>>;

/** The members of `init` that may only have certain values, checked in WebIDL's order. */
function chosen(init: RequestInit): Partial<Record<Enumeration, string>> {
  const found: Partial<Record<Enumeration, string>> = {};
  for (const [name, allowed] of Object.entries(ENUMERATIONS) as [
    Enumeration,
    readonly string[],
  ][]) {
    const given = init[name];
    if (given === undefined) continue;
    const value = toUsv(given);
    if (!allowed.includes(value)) {
      const text = `${value} is not an accepted type. Expected one of ${allowed.join(', ')}.`;
      throw new TypeError(`${WHERE}: ${text}`);
    }
    found[name] = value;
  }
  return found;
}

function parsed(input: unknown): URL {
  const text = toUsv(input);
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new TypeError(`Failed to parse URL from ${text}`, { cause });
  }
  if (url.username !== '' || url.password !== '') {
    const problem = 'Request cannot be constructed from a URL that includes credentials: ';
    throw new TypeError(problem + text);
  }
  return url;
}

let patchWarned = false;

function methodOf(given: unknown): string {
  const method = toByteString(given, WHERE, 'init.method');
  if (!TOKEN.test(method)) throw new TypeError(`'${method}' is not a valid HTTP method.`);
  if (FORBIDDEN_METHOD.test(method)) {
    throw new TypeError(`'${method}' HTTP method is unsupported.`);
  }
  if (method === 'patch' && !patchWarned) {
    patchWarned = true;
    const text =
      'Using `patch` is highly likely to result in a `405 Method Not Allowed`. `PATCH` is much more likely to succeed.';
    kernel().emitWarning(text, 'Warning', 'UNDICI-FETCH-patch');
  }
  return UPPER_METHOD.test(method) ? method.toUpperCase() : method;
}

function referrerOf(given: unknown): string {
  const text = toUsv(given);
  if (text === '') return 'no-referrer';
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new TypeError(`Referrer "${text}" is not a valid URL.`, { cause });
  }
  // A guest has no origin: a referrer of anywhere is that of nobody.
  return /^(?:about:client|https?:.*)$/.test(url.href) ? 'client' : url.href;
}

function signalOf(init: RequestInit, from: RequestState | undefined): AbortSignal {
  const given = 'signal' in init && init.signal !== undefined ? init.signal : from?.signal;
  if (given === undefined || given === null) return new AbortController().signal;
  if (!(given instanceof AbortSignal)) {
    const text = "Failed to construct 'Request': member signal is not of type AbortSignal.";
    throw new TypeError(text);
  }
  return AbortSignal.any([given]);
}

function attachBody(state: RequestState, init: RequestInit, from: RequestState | undefined): void {
  const given = init.body;
  const fresh = given !== undefined && given !== null;
  if ((fresh || (from?.body ?? null) !== null) && /^(?:GET|HEAD)$/.test(state.method)) {
    throw new TypeError('Request with GET/HEAD method cannot have body.');
  }
  if (fresh) {
    const { body, type } = extractBody(given);
    if (body.bytes === undefined && init.duplex === undefined) {
      throw new TypeError('RequestInit: duplex option is required when sending a body.');
    }
    state.body = body;
    if (type !== null && !state.headers.has('content-type')) {
      state.headers.append('content-type', type);
    }
    return;
  }
  if (from === undefined || from.body === null) return;
  if (from.body.unusable) {
    const text = 'Cannot construct a Request with a Request object that has already been used.';
    throw new TypeError(text);
  }
  state.body = from.body.handOver();
}

function freshState(url: URL, from: RequestState | undefined): RequestState {
  return {
    method: 'GET',
    headers: new Headers(),
    referrer: 'client',
    referrerPolicy: '',
    mode: 'cors',
    credentials: 'same-origin',
    cache: 'default',
    redirect: 'follow',
    integrity: '',
    keepalive: false,
    ...from,
    url,
    body: null,
    signal: from?.signal as AbortSignal,
  };
}

function stateOfArguments(input: unknown, init: RequestInit): RequestState {
  const from = requestState(input);
  const choices = chosen(init);
  const state = freshState(from === undefined ? parsed(input) : from.url, from);
  if (init.window !== undefined && init.window !== null) {
    throw new TypeError(`'window' option 'client' must be null`);
  }
  if (init.referrer !== undefined) state.referrer = referrerOf(init.referrer);
  const { duplex: _half, ...kept } = choices;
  if (kept.mode === 'navigate') {
    throw new TypeError(`${WHERE}: invalid request mode navigate.`);
  }
  Object.assign(state, kept);
  if (state.cache === 'only-if-cached' && state.mode !== 'same-origin') {
    throw new TypeError("'only-if-cached' can be set only with 'same-origin' mode");
  }
  if (init.integrity !== undefined && init.integrity !== null) {
    state.integrity = toUsv(init.integrity);
  }
  if (init.keepalive !== undefined) state.keepalive = Boolean(init.keepalive);
  if (init.method !== undefined) state.method = methodOf(init.method);
  state.signal = signalOf(init, from);
  if (init.headers !== undefined) state.headers = headersOf(init.headers);
  else state.headers = from === undefined ? new Headers() : copyHeaders(from.headers);
  attachBody(state, init, from);
  return state;
}

/** Tells the constructor that its argument is a state that is complete. */
const kState = Symbol('hv.request');

export class Request {
  readonly #state: RequestState;

  constructor(...args: readonly unknown[]) {
    checkCount(args, 1, WHERE);
    const [input, init = {}] = args;
    if (input === kState) {
      this.#state = init as RequestState;
      return;
    }
    checkDictionary(init, WHERE);
    this.#state = stateOfArguments(input, (init ?? {}) as RequestInit);
  }

  get method(): string {
    return stateFor(this).method;
  }
  get url(): string {
    return stateFor(this).url.href;
  }
  get headers(): Headers {
    return stateFor(this).headers;
  }
  get destination(): string {
    stateFor(this);
    return '';
  }
  get referrer(): string {
    const { referrer } = stateFor(this);
    if (referrer === 'client') return 'about:client';
    return referrer === 'no-referrer' ? '' : referrer;
  }
  get referrerPolicy(): string {
    return stateFor(this).referrerPolicy;
  }
  get mode(): string {
    return stateFor(this).mode;
  }
  get credentials(): string {
    return stateFor(this).credentials;
  }
  get cache(): string {
    return stateFor(this).cache;
  }
  get redirect(): string {
    return stateFor(this).redirect;
  }
  get integrity(): string {
    return stateFor(this).integrity;
  }
  get keepalive(): boolean {
    return stateFor(this).keepalive;
  }
  get isReloadNavigation(): boolean {
    stateFor(this);
    return false;
  }
  get isHistoryNavigation(): boolean {
    stateFor(this);
    return false;
  }
  get signal(): AbortSignal {
    return stateFor(this).signal;
  }
  get body(): StreamLike | null {
    return stateFor(this).body?.stream ?? null;
  }
  get bodyUsed(): boolean {
    return stateFor(this).body?.used ?? false;
  }
  get duplex(): string {
    stateFor(this);
    return 'half';
  }

  clone(): Request {
    const state = stateFor(this);
    if (state.body?.unusable === true) throw new TypeError('unusable');
    const headers = copyHeaders(state.headers);
    const signal = AbortSignal.any([state.signal]);
    return withState({ ...state, headers, signal, body: state.body?.clone() ?? null });
  }

  static {
    requestState = (value) =>
      typeof value === 'object' && value !== null && #state in value ? value.#state : undefined;
    withState = (state) => new Request(kState, state);
  }
}
export interface RequestWithBody extends Request, BodyMethods {}

installBody(Request.prototype, (receiver): Carrier | undefined => {
  const state = requestState(receiver);
  return state && { body: state.body, contentType: state.headers.get('content-type') };
});
Object.defineProperty(Request, 'length', { value: 1, configurable: true });
const SHOWN = [
  'method',
  'url',
  'headers',
  'destination',
  'referrer',
  'referrerPolicy',
  'mode',
  'credentials',
  'cache',
  'redirect',
  'integrity',
  'keepalive',
  'isReloadNavigation',
  'isHistoryNavigation',
  'signal',
] as const;
exposeInterface(Request, 'Request', (self, _depth, options) => {
  const shown = Object.fromEntries(SHOWN.map((name) => [name, self[name]]));
  return `Request ${inspectHook.inspect(shown, options)}`;
});
