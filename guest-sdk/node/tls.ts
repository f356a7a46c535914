/**
 * `node:tls`. A guest has no TLS yet: the module loads, what only computes works, and a connection
 * fails with the `error` event of its socket.
 */

import { Buffer } from './buffer.ts';
import { kernel } from './kernel-hooks.ts';
import { Socket } from './net-socket.ts';
import { nodeError } from './node-errors.ts';
import { exported as constants } from './platform-constants.ts';
import { refusal, throwers } from './refusals.ts';
import type { Done, DuplexStream as Duplex } from './stream-types.ts';

const PROXY = 'a proxy beside the guest that speaks TLS, and plain TCP to the guest,';

interface TlsSocket extends Socket {
  authorized: boolean;
  authorizationError: Error | null;
  encrypted: boolean;
}

interface TlsSocketConstructor {
  new (socket?: unknown, options?: object): TlsSocket;
  readonly prototype: TlsSocket;
}

/** What a TLS socket is over when it is made of a stream that is no socket: packages look for the class. */
class JSStreamSocket extends (Socket as unknown as new () => Socket) {
  readonly stream: Duplex;
  #isRead = false;

  constructor(stream: Duplex) {
    super();
    this.stream = stream;
  }

  _read(): void {
    if (this.#isRead) {
      this.stream.resume();
      return;
    }
    this.#isRead = true;
    this.stream.on('data', (chunk: Uint8Array) => {
      if (!this.push(chunk)) this.stream.pause();
    });
    this.stream.once('end', () => this.push(null));
    this.stream.on('error', (error: unknown) => this.destroy(error as Error));
  }

  _write(chunk: unknown, encoding: unknown, done: Done): void {
    this.stream.write(chunk, encoding, done);
  }

  _final(done: Done): void {
    this.stream.end(done);
  }
}

function construct(this: TlsSocket | undefined, stream?: unknown): TlsSocket | undefined {
  if (!(this instanceof TLSSocket)) return new TLSSocket(stream);
  (Socket as unknown as (this: object) => void).call(this);
  this.authorized = false;
  this.authorizationError = null;
  this.encrypted = true;
  const error = refusal('tls', 'connect', PROXY);
  if (stream === undefined || stream === null) {
    kernel().nextTick((() => this.destroy(error)) as never);
    return undefined;
  }
  // Over a stream nothing happens, in Node either, before somebody reads or writes.
  const over = stream instanceof Socket ? stream : new JSStreamSocket(stream as Duplex);
  const fail = (): unknown => this.destroy(error);
  const handle = { _parentWrap: over, setReading: fail };
  const own = { _handle: handle, _read: fail, _write: fail, _writev: fail };
  for (const [name, value] of Object.entries(own))
    Object.defineProperty(this, name, { value, writable: true, configurable: true });
  return undefined;
}

const TLSSocket = construct as unknown as TlsSocketConstructor;
Object.defineProperty(TLSSocket, 'name', { value: 'TLSSocket', configurable: true });
Object.setPrototypeOf(TLSSocket.prototype, Socket.prototype);
Object.setPrototypeOf(TLSSocket, Socket);

function connect(...args: readonly unknown[]): TlsSocket {
  const socket = new TLSSocket();
  const listener = args.findLast((one) => typeof one === 'function');
  if (listener !== undefined) socket.once('secureConnect', listener as () => void);
  return socket;
}

/** Names of protocols as one buffer, each behind its length. */
function convertALPNProtocols(protocols: unknown, out: Record<string, unknown>): void {
  if (Array.isArray(protocols)) {
    const parts = protocols.map((name: string, index) => {
      const bytes = Buffer.from(name, 'utf8');
      if (bytes.length > 255) {
        const text = `The byte length of the protocol at index ${index} exceeds the maximum length. It must be <= 255. Received ${bytes.length}`;
        throw nodeError(RangeError, 'ERR_OUT_OF_RANGE', text);
      }
      return Buffer.concat([Buffer.from([bytes.length]), bytes]);
    });
    out.ALPNProtocols = Buffer.concat(parts);
  } else if (protocols instanceof Uint8Array) out.ALPNProtocols = Buffer.from(protocols);
}

export const exported: Record<string, unknown> = {
  CLIENT_RENEG_LIMIT: 3,
  CLIENT_RENEG_WINDOW: 600,
  DEFAULT_CIPHERS: constants.defaultCoreCipherList,
  DEFAULT_ECDH_CURVE: 'auto',
  DEFAULT_MIN_VERSION: 'TLSv1.2',
  DEFAULT_MAX_VERSION: 'TLSv1.3',
  getCiphers: (): string[] => [],
  rootCertificates: Object.freeze([]),
  convertALPNProtocols,
  ...throwers('tls', 'checkServerIdentity createSecureContext SecureContext', PROXY),
  TLSSocket,
  ...throwers('tls', 'Server createServer', PROXY),
  connect,
  ...throwers('tls', 'createSecurePair', PROXY),
};
