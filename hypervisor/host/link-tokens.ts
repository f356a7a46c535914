/**
 * Links outlive the tokens they were opened with. When tokens are read again each end of an open link
 * shows the other that it has one of now, and an end whose peer has shown none of ours ends the link: a
 * withdrawn token is worth nothing soon after, and a pair that changes its token loses no link.
 *
 * What is shown is a message authentication code of the connection's own exported secret (RFC 8446, 7.5)
 * under the key of the token. It is worth nothing on another connection, nor to the end it came from.
 * It travels in WebSocket pings, below the protocol of replicas.
 */

import { createHmac, timingSafeEqual } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { TOKEN_WITHDRAWN_MS } from '../base/limits.ts';
import type { LinkSecurity } from './tls.ts';
import type { PskKey } from './token-file.ts';

/** Which end of the connection: they show different codes, so that none can be sent back. */
export type LinkEnd = 'dialled' | 'accepted';

export interface TokenLink {
  /** A few bytes beside the messages; lost when the link is closing. */
  sendAside(bytes: Uint8Array): void;
  /** What the peer sends beside its messages. */
  onAside(taker: (bytes: Uint8Array) => void): void;
  terminate(reason: string): void;
}

const LABEL = 'EXPORTER-hv-link-token-v1';
const SECRET_BYTES = 32;
const CODE_BYTES = 32;
const OTHER_END = { dialled: 'accepted', accepted: 'dialled' } as const;

/** From now on until the socket closes. Does nothing to a link that was opened without a token. */
export function keepTokenFresh(
  link: TokenLink,
  given: { readonly socket: object; readonly end: LinkEnd; readonly security: LinkSecurity },
): void {
  const { socket, end, security } = given;
  const openedWith = security.tokenOf(socket);
  if (openedWith === undefined || !(socket instanceof TLSSocket)) return;
  const secret = socket.exportKeyingMaterial(SECRET_BYTES, LABEL, Buffer.alloc(0));
  const watch = new TokenWatch({ link, end, security, secret, openedWith });
  socket.once('close', () => watch.stop());
}

class TokenWatch {
  readonly #link: TokenLink;
  readonly #end: LinkEnd;
  readonly #security: LinkSecurity;
  readonly #secret: Uint8Array;
  readonly #unwatch: () => void;
  /** The peer has it, or had it when it was shown. */
  #identity: string;
  /** The last thing the peer has shown: it may have read its file before we have read ours. */
  #shown: Uint8Array = new Uint8Array(0);
  #timer: NodeJS.Timeout | undefined;

  constructor(given: {
    readonly link: TokenLink;
    readonly end: LinkEnd;
    readonly security: LinkSecurity;
    readonly secret: Uint8Array;
    readonly openedWith: string;
  }) {
    const { link, end, security, secret, openedWith } = given;
    this.#link = link;
    this.#end = end;
    this.#security = security;
    this.#secret = secret;
    this.#identity = openedWith;
    link.onAside((bytes) => {
      this.#shown = bytes;
      this.#judge();
    });
    this.#unwatch = security.watch(() => {
      this.#show();
      this.#judge();
    });
    // Files may have been read again while the handshake was under way.
    if (security.tokens[0]?.identity !== openedWith) this.#show();
    this.#judge();
  }

  stop(): void {
    this.#unwatch();
    clearTimeout(this.#timer);
  }

  #show(): void {
    const [own] = this.#security.tokens;
    if (own === undefined) return;
    const identity = Buffer.from(own.identity);
    this.#link.sendAside(Buffer.concat([this.#code(own, this.#end), identity]));
  }

  #judge(): void {
    const { tokens } = this.#security;
    const identity = Buffer.from(this.#shown.subarray(CODE_BYTES)).toString('latin1');
    const token = tokens.find((one) => one.identity === identity);
    if (token !== undefined) {
      const code = this.#code(token, OTHER_END[this.#end]);
      if (timingSafeEqual(this.#shown.subarray(0, CODE_BYTES), code)) this.#identity = identity;
    }
    if (tokens.some((one) => one.identity === this.#identity)) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      return;
    }
    this.#timer ??= setTimeout(
      () => this.#link.terminate('its token was withdrawn'),
      TOKEN_WITHDRAWN_MS,
    );
  }

  #code({ key }: PskKey, end: LinkEnd): Uint8Array {
    return createHmac('sha256', key).update(end).update(this.#secret).digest();
  }
}
