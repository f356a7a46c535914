/**
 * The server below a link listener: plain HTTP, or HTTPS with what tls.ts says, every socket watched by
 * an Admission. What strangers do to it becomes a counted reason and never an exception.
 */

import { createServer, type Server as HttpServer } from 'node:http';
import { createServer as createSecureServer, type Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { HANDSHAKES_MAX, LINK_REQUEST_BYTES_MAX } from '../base/limits.ts';
import type { Admission, PeerSocket, Refusal } from './admission.ts';
import type { LinkSecurity } from './tls.ts';

export type LinkServer = HttpServer | HttpsServer;

export interface LinkServerOptions {
  readonly security: LinkSecurity;
  readonly admission: Admission;
  readonly linksMax: number;
  /** From accept to link. */
  readonly deadlineMs: number;
  /** A socket was closed before anything could be known of it. */
  onDropped(): void;
}

/** A server that does not listen yet. Its owner answers 'request' and 'upgrade'. */
export function createLinkServer(options: LinkServerOptions): LinkServer {
  const { security, admission, deadlineMs, linksMax } = options;
  const http = {
    headersTimeout: deadlineMs,
    requestTimeout: deadlineMs,
    connectionsCheckingInterval: Math.min(deadlineMs, 1_000),
    maxHeaderSize: LINK_REQUEST_BYTES_MAX,
  };
  const strangers = new WeakSet<object>();
  const tls = security.serverOptions((socket) => strangers.add(socket));
  const server =
    tls === undefined
      ? createServer(http)
      : createSecureServer({ ...http, ...tls, handshakeTimeout: deadlineMs });
  // The admission acts far earlier; this is for sockets that are on their way out.
  server.maxConnections = 2 * (linksMax + HANDSHAKES_MAX);
  server.on('drop', () => options.onDropped());
  server.on('connection', (socket: Socket) => {
    admission.admit(socket);
    if (!security.allows(socket.remoteAddress ?? '')) admission.refuse(socket, 'plain');
  });
  // Of HTTP and, because https passes them on, of TLS handshakes.
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex & PeerSocket) => {
    admission.refuse(socket, strangers.has(socket) ? 'badToken' : refusalOf(error.code ?? ''));
    socket.destroy();
  });
  return server;
}

/** New handshakes use what the security has now; links that are open stay. */
export function renewServer(server: LinkServer, security: LinkSecurity): void {
  // Tokens are asked for at every handshake; only certificates are kept by the server.
  if (security.mode !== 'certificates' || !('setSecureContext' in server)) return;
  server.setSecureContext(security.serverOptions() ?? {});
}

function refusalOf(code: string): Refusal {
  if (code.startsWith('HPE_') && code !== 'HPE_HEADER_OVERFLOW') return 'malformed';
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return 'oversized';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
    case 'ERR_TLS_HANDSHAKE_TIMEOUT':
      return 'slow';
    case 'ECONNRESET':
      return 'vanished';
    case 'ERR_SSL_HTTP_REQUEST':
      return 'plain';
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'ERR_SSL_UNEXPECTED_MESSAGE':
      return 'malformed';
    // The identity is ours and the key is not.
    case 'ERR_SSL_BINDER_DOES_NOT_VERIFY':
    // The client knows no token, or has no certificate, at all.
    case 'ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM':
    case 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'CERT_HAS_EXPIRED':
      return 'badToken';
    default:
      return 'tlsHandshake';
  }
}
