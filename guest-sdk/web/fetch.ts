/** `fetch` (Fetch standard, section 4) for a client without an origin, over http, data and blob URLs. */

import { builtin } from '../module-registry.ts';
import { refusal } from '../node/refusals.ts';
import { bytesOfBlob } from './blob.ts';
import { Body } from './body.ts';
import { type ByteSource, readAll } from './byte-source.ts';
import { parseDataUrl } from './data-url.ts';
import { acceptedCodings, exchange, type HttpResponse } from './fetch-http.ts';
import { copyHeaders, entriesInOrder, Headers } from './headers.ts';
import { resolveObjectURL } from './object-urls.ts';
import { Request, type RequestState, requestState } from './request.ts';
import { makeResponse, type Response } from './response.ts';
import { URL } from './url.ts';

const REDIRECTS = [301, 302, 303, 307, 308];
const REDIRECTS_MAX = 20;
/** Ports of other protocols, which a browser does not speak HTTP to (section 2.9). */
const BAD_PORTS = new Set(
  '1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080'.split(
    ' ',
  ),
);
const OF_A_BODY = [
  'content-encoding',
  'content-language',
  'content-location',
  'content-type',
  'content-length',
];
/** Said by what is sent, whatever the guest says. */
const NOT_THE_GUESTS = ['host', 'content-length', 'transfer-encoding'];
const OF_AN_ORIGIN = ['authorization', 'proxy-authorization', 'cookie', 'host'];

/** What one fetch is about, as redirects change it. */
interface Fetching {
  readonly state: RequestState;
  readonly headers: Headers;
  readonly onAbort: (listener: (reason: unknown) => void) => () => void;
  method: string;
  body: Body | null;
  url: URL;
  redirects: number;
}

interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly body: Body | null;
}

function withoutFragment(url: URL): string {
  return url.href.split('#', 1)[0] as string;
}

/** The headers that go out: the guest's, then those that are missing. */
function headersToSend(fetching: Fetching): string[] {
  const { headers, body, method } = fetching;
  const sent: string[] = [];
  let connection = 'keep-alive';
  for (const [name, value] of entriesInOrder(headers)) {
    const key = name.toLowerCase();
    if (key === 'connection') connection = value;
    else if (!NOT_THE_GUESTS.includes(key)) sent.push(name, value);
  }
  const add = (name: string, value: string): void => {
    if (value !== '' && !headers.has(name)) sent.push(name, value);
  };
  add('accept', '*/*');
  add('accept-language', '*');
  add('sec-fetch-mode', fetching.state.mode);
  add('user-agent', 'node');
  add('accept-encoding', acceptedCodings());
  if (body !== null && body.bytes === undefined) sent.push('transfer-encoding', 'chunked');
  else if (body !== null || /^(?:POST|PUT|PATCH)$/.test(method)) {
    sent.push('content-length', String(body?.bytes?.length ?? 0));
  }
  return ['host', fetching.url.host, 'connection', connection, ...sent];
}

function checkLength(fetching: Fetching): void {
  const given = fetching.headers.get('content-length');
  const { bytes } = fetching.body ?? {};
  if (given === null || bytes === undefined || Number(given) === bytes.length) return;
  const text = 'Request body length does not match content-length header';
  const error = Object.assign(new Error(text), { code: 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH' });
  error.name = 'RequestContentLengthMismatchError';
  throw error;
}

function headersReceived(raw: readonly string[]): Headers {
  const headers = new Headers();
  for (let at = 0; at < raw.length; at += 2) {
    headers.append((raw[at] as string).toLowerCase(), raw[at + 1]);
  }
  return headers;
}

/** Where a response of redirection leads; undefined when it does not. */
function placeOf(answer: HttpResponse, headers: Headers, from: URL): URL | undefined {
  const location = headers.get('location');
  if (!REDIRECTS.includes(answer.status) || location === null) return undefined;
  const url = new URL(location, from.href);
  if (url.hash === '') url.hash = from.hash;
  return url;
}

function follow(fetching: Fetching, status: number, url: URL): void {
  if (!/^https?:$/.test(url.protocol)) throw new Error('URL scheme must be a HTTP(S) scheme');
  if (fetching.redirects === REDIRECTS_MAX) throw new Error('redirect count exceeded');
  fetching.redirects += 1;
  const isOtherOrigin = url.origin !== fetching.url.origin;
  if (fetching.state.mode === 'cors' && isOtherOrigin && (url.username || url.password)) {
    throw new Error('cross origin not allowed for request mode "cors"');
  }
  if (status !== 303 && fetching.body !== null && fetching.body.bytes === undefined) {
    throw new Error();
  }
  const { method } = fetching;
  const becomesGet =
    (status <= 302 && method === 'POST') ||
    (status === 303 && method !== 'GET' && method !== 'HEAD');
  if (becomesGet) {
    fetching.method = 'GET';
    fetching.body = null;
    for (const name of OF_A_BODY) fetching.headers.delete(name);
  }
  if (isOtherOrigin) for (const name of OF_AN_ORIGIN) fetching.headers.delete(name);
  fetching.url = url;
}

async function overHttp(fetching: Fetching): Promise<Answer> {
  for (;;) {
    const { url } = fetching;
    if (BAD_PORTS.has(url.port)) throw new Error('bad port');
    if (url.protocol === 'https:') {
      throw refusal('https', 'request', 'a proxy that speaks TLS for this guest, over http:,');
    }
    checkLength(fetching);
    const answer = await exchange({
      url,
      method: fetching.method,
      headers: headersToSend(fetching),
      body: fetching.body === null ? undefined : (fetching.body.bytes ?? fetching.body.take()),
      onAbort: fetching.onAbort,
    });
    const headers = headersReceived(answer.rawHeaders);
    const isRedirect = REDIRECTS.includes(answer.status);
    if (isRedirect && fetching.state.redirect === 'error') {
      answer.body?.cancel(undefined);
      throw new Error('unexpected redirect');
    }
    const place = fetching.state.redirect === 'follow' ? placeOf(answer, headers, url) : undefined;
    if (place === undefined) {
      const { status, statusText, body } = answer;
      return { status, statusText, headers, body: body === undefined ? null : new Body(body) };
    }
    if (answer.body !== undefined) drop(answer.body);
    follow(fetching, answer.status, place);
  }
}

/** The connection can be used again once its response was read. */
function drop(body: ByteSource): void {
  readAll(body).catch(() => {});
}

function fixed(bytes: Uint8Array, headers: [string, string][]): Answer {
  return { status: 200, statusText: 'OK', headers: new Headers(headers), body: new Body(bytes) };
}

function overData(url: URL): Answer {
  const data = parseDataUrl(withoutFragment(url));
  if (data === undefined) throw new Error('failed to fetch the data URL');
  return fixed(data.bytes, [['Content-Type', data.type]]);
}

function overBlob(fetching: Fetching): Answer {
  const blob = fetching.method === 'GET' ? resolveObjectURL(fetching.url.href) : undefined;
  if (blob === undefined) throw new Error('invalid method');
  const bytes = bytesOfBlob(blob) as Uint8Array;
  const headers: [string, string][] = [['content-length', String(bytes.length)]];
  headers.push(['content-type', blob.type]);
  return fixed(bytes, headers);
}

async function answerTo(fetching: Fetching): Promise<Answer> {
  switch (fetching.url.protocol) {
    case 'http:':
    case 'https:':
      return overHttp(fetching);
    case 'data:':
      return overData(fetching.url);
    case 'blob:':
      return overBlob(fetching);
    case 'about:':
      throw new Error('about scheme is not supported');
    // In the words of Node's fetch, which reads no files either.
    case 'file:':
      throw new Error('not implemented... yet...');
    default:
      throw new Error('unknown scheme');
  }
}

interface Hash {
  update(bytes: Uint8Array): Hash;
  digest(coding: string): string;
}

/** True when `bytes` have the strongest of the hashes that `metadata` names, or it names none. */
function hasIntegrity(bytes: Uint8Array, metadata: string): boolean {
  const wanted = [...metadata.matchAll(/(?:^|\s)(sha256|sha384|sha512)-([\w+/-]+={0,2})/g)];
  const strongest = wanted
    .map(([, name = '']) => name)
    .sort()
    .at(-1);
  if (strongest === undefined) return true;
  const { createHash } = builtin('crypto') as { createHash(name: string): Hash };
  const actual = createHash(strongest).update(bytes).digest('base64');
  const plain = (text: string): string =>
    text.replace(/-/g, '+').replace(/_/g, '/').replace(/=+$/, '');
  return wanted.some(([, name, hash = '']) => name === strongest && plain(hash) === plain(actual));
}

async function checked(answer: Answer, integrity: string): Promise<Answer> {
  if (integrity === '' || answer.body === null) return answer;
  const bytes = await readAll(answer.body.take());
  if (!hasIntegrity(bytes, integrity)) throw new Error('integrity mismatch');
  return { ...answer, body: new Body(bytes) };
}

/** Listeners for the abort of one fetch, all behind one listener of its signal. */
function abortsOf(state: RequestState): Fetching['onAbort'] {
  return (listener) => {
    const { signal } = state;
    const onAbort = (): void => listener(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    return () => signal.removeEventListener('abort', onAbort);
  };
}

async function run(state: RequestState): Promise<Response> {
  const fetching: Fetching = {
    state,
    headers: copyHeaders(state.headers),
    onAbort: abortsOf(state),
    method: state.method,
    body: state.body,
    url: state.url,
    redirects: 0,
  };
  try {
    const answer = await checked(await answerTo(fetching), state.integrity);
    const url = withoutFragment(fetching.url);
    return makeResponse({ ...answer, type: 'basic', url, redirected: fetching.redirects > 0 });
  } catch (cause) {
    if (state.signal.aborted) throw state.signal.reason;
    throw new TypeError('fetch failed', { cause });
  }
}

export function fetch(input: unknown, init: unknown = undefined): Promise<Response> {
  let state: RequestState;
  try {
    state = requestState(new Request(input, init)) as RequestState;
  } catch (error) {
    return Promise.reject(error);
  }
  const { signal } = state;
  if (signal.aborted) {
    state.body?.take().cancel(signal.reason);
    return Promise.reject(signal.reason);
  }
  return run(state);
}
