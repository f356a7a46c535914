/** Response (Fetch standard, section 5.5), with Node's checks and errors. */

import { inspectHook } from '../node/inspect-hook.ts';
import { type Body, type BodyMethods, type Carrier, extractBody, installBody } from './body.ts';
import type { ByteSource, StreamLike } from './byte-source.ts';
import { checkCount, checkDictionary, illegalInvocation, toByteString } from './fetch-arguments.ts';
import { copyHeaders, Headers, headersOf, makeImmutable } from './headers.ts';
import { exposeInterface } from './interface.ts';
import { URL } from './url.ts';
import { toUsv } from './usv.ts';

const REDIRECTS = [301, 302, 303, 307, 308];
const BODYLESS = [101, 204, 205, 304];

interface ResponseState {
  type: string;
  /** Without fragment; "" for one the guest has made. */
  url: string;
  redirected: boolean;
  status: number;
  statusText: string;
  headers: Headers;
  body: Body | null;
}

/** The state of a Response; undefined for anything else. */
let stateOf: (value: unknown) => ResponseState | undefined;
/** A response that is not of the guest's making: its headers stay as they are. */
export let makeResponse: (state: ResponseState) => Response;

function stateFor(receiver: unknown): ResponseState {
  const state = stateOf(receiver);
  if (state === undefined) throw illegalInvocation();
  return state;
}

/** The body of a response, to be read by the caller; undefined if there is none. */
export function takeBody(response: Response): ByteSource | undefined {
  return stateFor(response).body?.take();
}

interface ResponseInit {
  readonly status?: unknown;
  readonly statusText?: unknown;
  readonly headers?: unknown;
}

function initialize(state: ResponseState, given: ResponseInit): void {
  if (given.status !== undefined) {
    const status = Number(given.status) & 0xffff;
    if (status < 200 || status > 599) {
      throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.');
    }
    state.status = status;
  }
  if (given.statusText !== undefined) {
    const text = toByteString(given.statusText, 'Response constructor', 'statusText');
    if (/[^\t\x20-\x7e\x80-\xff]/.test(text)) throw new TypeError('Invalid statusText');
    state.statusText = text;
  }
  if (given.headers !== undefined) state.headers = headersOf(given.headers);
}

function attach(state: ResponseState, body: Body, type: string | null): void {
  if (BODYLESS.includes(state.status)) {
    const text = `Response constructor: Invalid response status code ${state.status}`;
    throw new TypeError(text);
  }
  state.body = body;
  if (type !== null && !state.headers.has('content-type')) {
    state.headers.append('content-type', type);
  }
}

function freshState(): ResponseState {
  return {
    type: 'default',
    url: '',
    redirected: false,
    status: 200,
    statusText: '',
    headers: new Headers(),
    body: null,
  };
}

export class Response {
  #state: ResponseState = freshState();

  constructor(body: unknown = null, init: unknown = {}) {
    const extracted = body === null || body === undefined ? undefined : extractBody(body);
    checkDictionary(init, 'undefined');
    initialize(this.#state, (init ?? {}) as ResponseInit);
    if (extracted !== undefined) attach(this.#state, extracted.body, extracted.type);
  }

  static error(): Response {
    return makeResponse({ ...freshState(), type: 'error', status: 0 });
  }

  static json(...args: readonly unknown[]): Response {
    checkCount(args, 1, 'Response.json');
    const [data, init = {}] = args;
    checkDictionary(init, 'Response.json');
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError('Value is not JSON serializable');
    const response = new Response(null, init);
    attach(response.#state, extractBody(text).body, 'application/json');
    return response;
  }

  static redirect(...args: readonly unknown[]): Response {
    checkCount(args, 1, 'Response.redirect');
    const [url, given = 302] = args;
    const text = toUsv(url);
    let parsed: URL;
    try {
      parsed = new URL(text);
    } catch (cause) {
      throw new TypeError(`Failed to parse URL from ${text}`, { cause });
    }
    const status = Number(given) & 0xffff;
    if (!REDIRECTS.includes(status)) throw new RangeError(`Invalid status code ${status}`);
    const headers = new Headers([['location', parsed.href]]);
    return makeResponse({ ...freshState(), status, headers });
  }

  get type(): string {
    return stateFor(this).type;
  }
  get url(): string {
    return stateFor(this).url;
  }
  get redirected(): boolean {
    return stateFor(this).redirected;
  }
  get status(): number {
    return stateFor(this).status;
  }
  get ok(): boolean {
    const { status } = stateFor(this);
    return status >= 200 && status <= 299;
  }
  get statusText(): string {
    return stateFor(this).statusText;
  }
  get headers(): Headers {
    return stateFor(this).headers;
  }
  get body(): StreamLike | null {
    return stateFor(this).body?.stream ?? null;
  }
  get bodyUsed(): boolean {
    return stateFor(this).body?.used ?? false;
  }

  clone(): Response {
    const state = stateFor(this);
    if (state.body?.unusable === true) {
      throw new TypeError('Response.clone: Body has already been consumed.');
    }
    const headers = copyHeaders(state.headers);
    return makeResponse({ ...state, headers, body: state.body?.clone() ?? null });
  }

  static {
    stateOf = (value) =>
      typeof value === 'object' && value !== null && #state in value ? value.#state : undefined;
    makeResponse = (state) => {
      const response = new Response();
      response.#state = state;
      if (state.type !== 'default' || REDIRECTS.includes(state.status))
        makeImmutable(state.headers);
      return response;
    };
  }
}
export interface ResponseWithBody extends Response, BodyMethods {}

installBody(Response.prototype, (receiver): Carrier | undefined => {
  const state = stateOf(receiver);
  return state && { body: state.body, contentType: state.headers.get('content-type') };
});
for (const [name, length] of [
  ['json', 1],
  ['redirect', 1],
] as const) {
  Object.defineProperty(Response[name], 'length', { value: length, configurable: true });
  Object.defineProperty(Response, name, { enumerable: true });
}
Object.defineProperty(Response, 'error', { enumerable: true });
Object.defineProperty(Response, 'length', { value: 0, configurable: true });
exposeInterface(Response, 'Response', (self, _depth, options) => {
  const { status, statusText, headers, body, bodyUsed, ok, redirected, type, url } = self;
  const shown = { status, statusText, headers, body, bodyUsed, ok, redirected, type, url };
  return `Response ${inspectHook.inspect(shown, options)}`;
});
