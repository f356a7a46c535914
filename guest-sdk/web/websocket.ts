/** WebSocket (WebSockets standard), a client over `node:net`, with undici's checks and errors. */

import { Buffer } from '../node/buffer.ts';
import { kernel } from '../node/kernel-hooks.ts';
import { isAnyArrayBuffer } from '../node/util-types.ts';
import { bytesOfBlob, isBlob, makeBlob } from './blob.ts';
import { CloseEvent, ErrorEvent } from './close-event.ts';
import { DOMException } from './dom-exception.ts';
import { defineHandler, Event, EventTarget, kTrusted } from './event-target.ts';
import { checkCount } from './fetch-arguments.ts';
import { exposeInterface } from './interface.ts';
import { MessageEvent } from './message-event.ts';
import { URL } from './url.ts';
import { toUsv } from './usv.ts';
import { Connection, type ConnectionSink } from './websocket-connection.ts';
import { CONTROL_BYTES_MAX } from './websocket-frames.ts';

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;
const TOKEN = /^[!#$%&'*+.^`|~\w-]+$/;
const REASON_BYTES_MAX = CONTROL_BYTES_MAX - 2;
const trusted = { [kTrusted]: true } as object;

interface Options {
  readonly protocols: readonly string[];
  readonly headers: unknown;
}

function optionsOf(given: unknown): Options {
  if (typeof given === 'string') return { protocols: [given], headers: undefined };
  if (typeof given !== 'object' || given === null) return { protocols: [], headers: undefined };
  if (Symbol.iterator in given) {
    return { protocols: [...(given as Iterable<unknown>)].map(toUsv), headers: undefined };
  }
  const { protocols = [], headers } = given as { protocols?: unknown; headers?: unknown };
  return { protocols: optionsOf(protocols).protocols, headers };
}

function checkProtocols(protocols: readonly string[]): void {
  const lower = protocols.map((one) => one.toLowerCase());
  const isBad = (one: string, index: number): boolean =>
    !TOKEN.test(one) || lower.indexOf(one) !== index;
  if (lower.some(isBad)) {
    throw new DOMException('Invalid Sec-WebSocket-Protocol value', 'SyntaxError');
  }
}

function addressOf(given: unknown): URL {
  let url: URL;
  try {
    url = new URL(toUsv(given));
  } catch (error) {
    throw new DOMException(String(error), 'SyntaxError');
  }
  if (url.protocol === 'http:') url.protocol = 'ws:';
  else if (url.protocol === 'https:') url.protocol = 'wss:';
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    const text = `Expected a ws: or wss: protocol, got ${url.protocol}`;
    throw new DOMException(text, 'SyntaxError');
  }
  if (url.hash !== '' || url.href.endsWith('#'))
    throw new DOMException('Got fragment', 'SyntaxError');
  return url;
}

type Payload = string | Uint8Array;

function payloadOf(data: unknown): Payload {
  const blob = isBlob(data) ? bytesOfBlob(data) : undefined;
  if (blob !== undefined) return blob;
  if (isAnyArrayBuffer(data)) return new Uint8Array(data as ArrayBuffer);
  if (!ArrayBuffer.isView(data)) return toUsv(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

export class WebSocket extends EventTarget {
  declare onopen: ((event: Event) => unknown) | null;
  declare onerror: ((event: Event) => unknown) | null;
  declare onclose: ((event: Event) => unknown) | null;
  declare onmessage: ((event: Event) => unknown) | null;
  static readonly CONNECTING = CONNECTING;
  static readonly OPEN = OPEN;
  static readonly CLOSING = CLOSING;
  static readonly CLOSED = CLOSED;
  readonly #url: URL;
  readonly #connection: Connection;
  #state = CONNECTING;
  #protocol = '';
  #binaryType = 'blob';
  #buffered = 0;

  constructor(...args: readonly unknown[]) {
    checkCount(args, 1, 'WebSocket constructor');
    super();
    const { protocols, headers } = optionsOf(args[1]);
    const url = addressOf(args[0]);
    checkProtocols(protocols);
    const secure = url.protocol === 'wss:';
    this.#url = url;
    this.#connection = new Connection(
      {
        secure,
        hostname: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port === '' ? 80 : Number(url.port),
        host: url.host,
        path: url.pathname + url.search,
        protocols,
        headers,
      },
      this.#sink(),
    );
    // Listeners are added first: a refusal is an event, too.
    kernel().nextTick((() => this.#connection.open()) as never);
  }

  #sink(): ConnectionSink {
    return {
      opened: (protocol) => {
        this.#protocol = protocol;
        this.#state = OPEN;
        this.dispatchEvent(new Event('open', trusted));
      },
      message: (data) => this.#deliver(data),
      closing: () => {
        this.#state = CLOSING;
      },
      failed: (reason, cause) => {
        this.#state = CLOSED;
        const error = cause ?? new Error(reason);
        this.dispatchEvent(new ErrorEvent('error', { ...trusted, message: reason, error }));
      },
      closed: (code, reason, wasClean) => {
        this.#state = CLOSED;
        this.dispatchEvent(new CloseEvent('close', { ...trusted, code, reason, wasClean }));
      },
    };
  }

  #deliver(given: string | Uint8Array): void {
    if (this.#state !== OPEN && this.#state !== CLOSING) return;
    let data: unknown = given;
    if (typeof given !== 'string') {
      const bytes = new Uint8Array(given);
      data = this.#binaryType === 'blob' ? makeBlob(bytes, '') : bytes.buffer;
    }
    const { origin } = this.#url;
    this.dispatchEvent(new MessageEvent('message', { ...trusted, data, origin }));
  }

  close(code: unknown = undefined, reason: unknown = undefined): void {
    const number = code === undefined ? undefined : Number(code) & 0xffff;
    if (number !== undefined && number !== 1000 && (number < 3000 || number > 4999)) {
      throw new DOMException('invalid code', 'InvalidAccessError');
    }
    const text = reason === undefined ? '' : toUsv(reason);
    const length = Buffer.byteLength(text, 'utf8');
    if (length > REASON_BYTES_MAX) {
      const problem = `Reason must be less than ${REASON_BYTES_MAX} bytes; received ${length}`;
      throw new DOMException(problem, 'SyntaxError');
    }
    if (this.#state === CLOSING || this.#state === CLOSED) return;
    const wasOpen = this.#state === OPEN;
    this.#state = CLOSING;
    if (wasOpen) this.#connection.close(number ?? (text === '' ? undefined : 1000), text);
    else {
      const problem = 'Connection was closed before it was established.';
      kernel().nextTick((() => this.#connection.fail(problem)) as never);
    }
  }

  send(...args: readonly unknown[]): void {
    checkCount(args, 1, 'WebSocket.send');
    const data = payloadOf(args[0]);
    if (this.#state === CONNECTING) {
      throw new DOMException('Sent before connected.', 'InvalidStateError');
    }
    const length = typeof data === 'string' ? Buffer.byteLength(data, 'utf8') : data.length;
    this.#buffered += length;
    if (this.#state !== OPEN) return;
    this.#connection.send(data, () => {
      this.#buffered -= length;
    });
  }

  get readyState(): number {
    return this.#state;
  }
  get bufferedAmount(): number {
    return this.#buffered;
  }
  get url(): string {
    return this.#url.href;
  }
  get extensions(): string {
    return '';
  }
  get protocol(): string {
    return this.#protocol;
  }
  get binaryType(): string {
    return this.#binaryType;
  }
  set binaryType(type: unknown) {
    // Anything else is ignored by undici as "blob".
    this.#binaryType = type === 'arraybuffer' ? 'arraybuffer' : 'blob';
  }
}
for (const type of ['open', 'error', 'close', 'message']) {
  defineHandler(WebSocket.prototype, type);
}
exposeInterface(WebSocket, 'WebSocket');
for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSING, CLOSED })) {
  Object.defineProperty(WebSocket.prototype, name, { value, enumerable: true });
}
Object.defineProperty(WebSocket, 'length', { value: 1, configurable: true });
