/** A client's connection of the WebSocket protocol (RFC 6455): the handshake, frames, the closing. */

import { Buffer } from '../node/buffer.ts';
import { exported as crypto, webcrypto } from '../node/crypto.ts';
import { ClientRequest } from '../node/http-client.ts';
import type { IncomingMessage } from '../node/http-incoming.ts';
import type { Socket } from '../node/net-socket.ts';
import { refusal } from '../node/refusals.ts';
import { clearTimeout, setTimeout, type Timeout } from '../node/timers.ts';
import { entriesInOrder, Headers } from './headers.ts';
import { TextDecoder } from './text-encoding.ts';
import { encodeFrame, FrameReader, OPCODE } from './websocket-frames.ts';

type Bytes = ReturnType<typeof Buffer.from>;

interface Hash {
  update(text: string): Hash;
  digest(coding: string): string;
}
const { createHash } = crypto as unknown as { createHash(name: string): Hash };
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** How long the peer may take to close its side. */
const CLOSING_MS = 3000;
const NO_STATUS = 1005;
const ABNORMAL = 1006;

export interface ConnectionPlace {
  readonly secure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** As the Host header has it. */
  readonly host: string;
  readonly path: string;
  readonly protocols: readonly string[];
  readonly headers: unknown;
}

export interface ConnectionSink {
  opened(protocol: string): void;
  message(data: string | Bytes): void;
  /** The closing handshake has begun. */
  closing(): void;
  failed(reason: string, error?: Error): void;
  closed(code: number, reason: string, wasClean: boolean): void;
}

const CODE_VALID = (code: number): boolean =>
  (code >= 1000 && code < 1015 && ![1004, 1005, 1006].includes(code)) ||
  (code >= 3000 && code <= 4999);

/** What a server answers to `key` that speaks the protocol. */
function acceptFor(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64');
}

function listIn(value: string | string[] | undefined): string[] {
  return String(value ?? '')
    .toLowerCase()
    .split(',')
    .map((part) => part.trim());
}

export class Connection {
  readonly #sink: ConnectionSink;
  readonly #place: ConnectionPlace;
  readonly #key: string = Buffer.from(
    webcrypto.getRandomValues(new Uint8Array(16)) as Uint8Array,
  ).toString('base64');
  #request: ClientRequest | undefined;
  #socket: Socket | undefined;
  #reader: FrameReader | undefined;
  #sentClose = false;
  #received: { code: number; reason: string } | undefined;
  #timer: Timeout | undefined;
  #over = false;

  constructor(place: ConnectionPlace, sink: ConnectionSink) {
    this.#place = place;
    this.#sink = sink;
  }

  open(): void {
    if (this.#place.secure) {
      const instead = 'a ws: URL of a proxy that speaks TLS for this guest';
      const error = refusal('tls', 'connect', instead);
      this.fail(error.message, error);
      return;
    }
    let request: ClientRequest;
    try {
      request = this.#makeRequest();
    } catch (error) {
      this.fail((error as Error).message, error as Error);
      return;
    }
    this.#request = request;
    request.on('upgrade', (answer: IncomingMessage, socket: Socket, head: Bytes) => {
      this.#upgraded(answer, socket, head);
    });
    request.on('response', (answer: IncomingMessage) => {
      answer.destroy();
      this.fail('Received network error or non-101 status code.');
    });
    request.on('error', (error: Error) => {
      this.fail('Received network error or non-101 status code.', error);
    });
    request.end();
  }

  #makeRequest(): ClientRequest {
    const { hostname, port, host, path, protocols } = this.#place;
    const headers = ['host', host, 'connection', 'Upgrade', 'upgrade', 'websocket'];
    headers.push('sec-websocket-key', this.#key, 'sec-websocket-version', '13');
    if (protocols.length > 0) headers.push('sec-websocket-protocol', protocols.join(', '));
    if (this.#place.headers !== undefined) {
      for (const pair of entriesInOrder(new Headers(this.#place.headers))) headers.push(...pair);
    }
    return new ClientRequest({ hostname, port, path, headers, agent: false });
  }

  #upgraded(answer: IncomingMessage, socket: Socket, head: Bytes): void {
    this.#socket = socket;
    socket.on('error', () => {});
    const { headers } = answer;
    const protocol = headers['sec-websocket-protocol'] as string | undefined;
    const problem = this.#problemOf(headers, protocol);
    if (problem !== undefined) {
      this.fail(problem);
      return;
    }
    const reader = new FrameReader({
      message: (opcode, payload) => this.#message(opcode, payload),
      control: (opcode, payload) => this.#control(opcode, payload),
      violation: (reason) => this.#refuse(1002, reason),
    });
    this.#reader = reader;
    (socket as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true);
    socket.on('data', (chunk: Bytes) => reader.push(chunk));
    socket.once('close', () => this.#end());
    this.#sink.opened(protocol ?? '');
    // After the listeners of `open`, which a message is not to overtake.
    if (head.length > 0) reader.push(head);
  }

  #problemOf(
    headers: IncomingMessage['headers'],
    protocol: string | undefined,
  ): string | undefined {
    if (!listIn(headers.upgrade).includes('websocket')) {
      return 'Server did not set Upgrade header to "websocket".';
    }
    if (!listIn(headers.connection).includes('upgrade')) {
      return 'Server did not set Connection header to "upgrade".';
    }
    if (headers['sec-websocket-accept'] !== acceptFor(this.#key)) {
      return 'Incorrect hash received in Sec-WebSocket-Accept header.';
    }
    if (headers['sec-websocket-extensions'] !== undefined) {
      return 'Sec-WebSocket-Extensions header does not match.';
    }
    if (protocol !== undefined && !this.#place.protocols.includes(protocol)) {
      return 'Protocol was not set in the opening handshake.';
    }
    return undefined;
  }

  #message(opcode: number, payload: Bytes): void {
    if (this.#received !== undefined) return;
    if (opcode === OPCODE.binary) {
      this.#sink.message(payload);
      return;
    }
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload);
    } catch {
      this.#refuse(1007, 'Received invalid UTF-8 in text frame.');
      return;
    }
    this.#sink.message(text);
  }

  #control(opcode: number, payload: Bytes): void {
    if (opcode === OPCODE.close) this.#closeArrived(payload);
    else if (opcode === OPCODE.ping && !this.#sentClose) this.#write(OPCODE.pong, payload);
  }

  #closeArrived(payload: Bytes): void {
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : NO_STATUS;
    if (payload.length === 1 || (payload.length >= 2 && !CODE_VALID(code))) {
      this.#refuse(1002, 'Received invalid status code.');
      return;
    }
    const reason = payload.toString('utf8', 2);
    this.#received = { code, reason };
    this.#sink.closing();
    // The same code back, as the protocol wants it.
    if (!this.#sentClose) this.#write(OPCODE.close, payload.subarray(0, 2));
    this.#sentClose = true;
    this.#reader?.stop();
    this.#socket?.end();
    this.#limitClosing();
  }

  /** Sends text or bytes; `written` is called when the socket has taken them. */
  send(data: string | Uint8Array, written: () => void): void {
    const isText = typeof data === 'string';
    const payload = isText ? Buffer.from(data, 'utf8') : data;
    if (this.#sentClose || this.#over) return;
    this.#socket?.write(
      encodeFrame(isText ? OPCODE.text : OPCODE.binary, payload),
      undefined,
      written,
    );
  }

  /** Begins the closing handshake. */
  close(code: number | undefined, reason: string): void {
    if (this.#sentClose) return;
    this.#sentClose = true;
    const text = Buffer.from(reason, 'utf8');
    const payload = Buffer.alloc(code === undefined ? 0 : 2 + text.length);
    if (code !== undefined) {
      payload.writeUInt16BE(code, 0);
      payload.set(text, 2);
    }
    this.#write(OPCODE.close, payload);
    this.#limitClosing();
  }

  #write(opcode: number, payload: Uint8Array): void {
    this.#socket?.write(encodeFrame(opcode, payload));
  }

  #limitClosing(): void {
    this.#timer ??= setTimeout(() => this.#socket?.destroy(), CLOSING_MS);
  }

  /** The peer broke the protocol: it is told so, and the connection fails. */
  #refuse(code: number, reason: string): void {
    if (!this.#sentClose) this.close(code, '');
    this.fail(reason);
  }

  /** Gives the connection up. */
  fail(reason: string, error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#reader?.stop();
    this.#request?.on('error', () => {});
    this.#request?.destroy();
    const { destroySoon } = this.#socket ?? {};
    destroySoon?.call(this.#socket);
    this.#sink.failed(reason, error);
    this.#sink.closed(ABNORMAL, '', false);
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    const { code = ABNORMAL, reason = '' } = this.#received ?? {};
    this.#sink.closed(code, reason, this.#received !== undefined && this.#sentClose);
  }
}
