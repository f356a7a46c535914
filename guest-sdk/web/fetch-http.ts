/** One exchange of `fetch` over `node:http`: a request goes out, the head of its response comes back. */

import { builtin } from '../module-registry.ts';
import { Agent } from '../node/http-agent.ts';
import { ClientRequest } from '../node/http-client.ts';
import type { IncomingMessage } from '../node/http-incoming.ts';
import { exported as stream } from '../node/stream.ts';
import type { ByteSource } from './byte-source.ts';
import type { URL } from './url.ts';

export interface HttpRequest {
  readonly url: URL;
  readonly method: string;
  /** Complete, in the order they are sent in: names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Uint8Array | ByteSource | undefined;
  /** Calls back when the exchange is given up; the answer takes the callback back. */
  onAbort(listener: (reason: unknown) => void): () => void;
}

export interface HttpResponse {
  readonly status: number;
  readonly statusText: string;
  readonly rawHeaders: readonly string[];
  /** Decoded; undefined where a response of this status or method has none. */
  readonly body: ByteSource | undefined;
}

/** How long a connection waits for the next request; a server that says less is believed. */
const IDLE_MS = 4000;
const BODYLESS = [101, 103, 204, 205, 304];
const CODINGS_MAX = 5;

let agent: Agent | undefined;

function sharedAgent(): Agent {
  agent ??= new Agent({ keepAlive: true, timeout: IDLE_MS, scheduling: 'lifo' });
  return agent;
}

/** The peer went away. Named as Node's are, which clients look for. */
function socketError(): Error {
  const error = Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
  error.name = 'SocketError';
  return error;
}

function known(error: unknown): unknown {
  const { code, syscall } = (error ?? {}) as { code?: unknown; syscall?: unknown };
  const wasCutOff = code === 'ECONNRESET' || code === 'EPIPE';
  return wasCutOff && syscall !== 'connect' ? socketError() : error;
}

type Decoder = IncomingMessage;
type Zlib = Record<string, (() => Decoder) | undefined>;

/** The names of codings this guest can decode, as a header says them; "" without `node:zlib`. */
export function acceptedCodings(): string {
  return zlib() === undefined ? '' : 'gzip, deflate';
}

function zlib(): Zlib | undefined {
  const found = builtin('zlib') as Zlib | undefined;
  return typeof found?.createGunzip === 'function' ? found : undefined;
}

const DECODERS: Readonly<Record<string, string>> = {
  gzip: 'createGunzip',
  'x-gzip': 'createGunzip',
  deflate: 'createInflate',
  br: 'createBrotliDecompress',
};

/** The streams that undo what a content encoding says, last coding first; none for unknown ones. */
function decodersFor(encoding: string | undefined): Decoder[] {
  const library = zlib();
  const codings = (encoding ?? '').toLowerCase().split(',');
  if (library === undefined || encoding === undefined) return [];
  if (codings.length > CODINGS_MAX) {
    throw new Error(
      `too many content-encodings in response: ${codings.length}, maximum allowed is 5`,
    );
  }
  const decoders: Decoder[] = [];
  for (const coding of codings.reverse()) {
    const make = library[DECODERS[coding.trim()] ?? ''];
    if (make === undefined) return [];
    decoders.push(make.call(library));
  }
  return decoders;
}

type Pipeline = (...streams: unknown[]) => unknown;

function bodyOf(message: IncomingMessage, request: HttpRequest): ByteSource | undefined {
  if (request.method === 'HEAD' || BODYLESS.includes(message.statusCode ?? 0)) {
    message.resume();
    return undefined;
  }
  const decoders = decodersFor(message.headers['content-encoding'] as string | undefined);
  const last = decoders.at(-1) ?? message;
  if (decoders.length > 0) {
    // Errors come out of the last stream.
    (stream as unknown as { pipeline: Pipeline }).pipeline(message, ...decoders, () => {});
  }
  return sourceOfMessage(last, message, request);
}

function sourceOfMessage(
  last: IncomingMessage,
  message: IncomingMessage,
  request: HttpRequest,
): ByteSource {
  let aborted: { reason: unknown } | undefined;
  let stopWaiting: ((error: unknown) => void) | undefined;
  const unlisten = request.onAbort((reason) => {
    aborted = { reason };
    stopWaiting?.(reason);
    message.destroy();
  });
  const chunks = (last as unknown as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const terminated = (cause: unknown): Error =>
    new TypeError('terminated', { cause: known(cause) });
  return {
    async read(): Promise<Uint8Array | undefined> {
      if (aborted !== undefined) throw aborted.reason;
      const stopped = new Promise<never>((_resolve, reject) => {
        stopWaiting = reject;
      });
      const next = chunks.next().catch((error: unknown) => {
        throw aborted === undefined ? terminated(error) : aborted.reason;
      });
      const { done, value } = await Promise.race([next, stopped]);
      if (done !== true) return value;
      unlisten();
      return undefined;
    },
    cancel(): void {
      unlisten();
      message.destroy();
    },
  };
}

async function sendBody(client: ClientRequest, source: ByteSource): Promise<void> {
  for (let chunk = await source.read(); chunk !== undefined; chunk = await source.read()) {
    if (client.destroyed) {
      source.cancel(undefined);
      return;
    }
    if (chunk.length > 0 && !client.write(chunk)) {
      await new Promise<void>((resolve) => {
        client.once('drain', resolve);
        client.once('close', resolve);
      });
    }
  }
  client.end();
}

function start(request: HttpRequest): ClientRequest {
  const { url } = request;
  return new ClientRequest({
    protocol: 'http:',
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 80 : Number(url.port),
    path: url.pathname + url.search,
    method: request.method,
    headers: request.headers,
    agent: sharedAgent(),
  });
}

/** Resolves with the head; rejects with the cause of a failure or the reason of an abort. */
export function exchange(request: HttpRequest, again = true): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const client = start(request);
    const unlisten = request.onAbort((reason) => {
      reject(reason);
      client.destroy();
    });
    client.on('response', (message: IncomingMessage) => {
      unlisten();
      try {
        resolve({
          status: message.statusCode ?? 0,
          statusText: message.statusMessage ?? '',
          rawHeaders: message.rawHeaders,
          body: bodyOf(message, request),
        });
      } catch (error) {
        message.destroy();
        reject(error);
      }
    });
    client.on('error', (error: Error) => {
      unlisten();
      const { body } = request;
      const isFixed = body === undefined || body instanceof Uint8Array;
      // The server closed a connection that was kept, before this request was on it.
      const wasStale = (client as { reusedSocket?: boolean }).reusedSocket === true;
      if (again && wasStale && isFixed && known(error) !== error) {
        exchange(request, false).then(resolve, reject);
      } else reject(known(error));
    });
    const { body } = request;
    if (body === undefined) client.end();
    else if (body instanceof Uint8Array) client.end(body);
    else {
      sendBody(client, body).catch((error: unknown) => {
        reject(error);
        client.destroy();
      });
    }
  });
}
