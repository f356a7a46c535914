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

function construct(this: TlsSocket | undefined): TlsSocket | undefined {
  if (!(this instanceof TLSSocket)) return new TLSSocket();
  (Socket as unknown as (this: object) => void).call(this);
  this.authorized = false;
  this.authorizationError = null;
  this.encrypted = true;
  const error = refusal('tls', 'connect', PROXY);
  kernel().nextTick((() => this.destroy(error)) as never);
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
