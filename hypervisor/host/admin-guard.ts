/**
 * Who may ask the admin port. Without a token only this machine may, and only by a name of this
 * machine: a page in a browser could otherwise point a name of its own here and read the answer (DNS
 * rebinding). With a token whoever has it may. What changes anything needs the token or the socket
 * that only its owner can open, never a mere address.
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { HvError } from '../base/errors.ts';
import { ADMIN_TOKEN_BYTES_MAX, ADMIN_TOKEN_BYTES_MIN } from '../base/limits.ts';
import { isLoopback, parseAddress } from './addresses.ts';

export type Refusal = { readonly status: 401 | 403 | 421; readonly reason: string };

/** SHA-256 of a token: comparing digests takes the same time for every guess. */
type TokenDigest = Uint8Array;

/** The tokens of a file, one a line, all of which are good; read again when the file has changed. */
export class AdminToken {
  readonly #path: string;
  #digests: readonly TokenDigest[];
  readonly #watchers: (() => void)[] = [];

  /** Throws HV_E_USAGE. */
  constructor(path: string) {
    this.#path = path;
    this.#digests = readTokens(path);
  }

  /** Compared with every one of them, whichever it is. */
  accepts(given: string): boolean {
    const one = digest(given);
    return this.#digests.filter((known) => timingSafeEqual(one, known)).length > 0;
  }

  /**
   * Reads the file, and returns what puts it in force. Throws HV_E_USAGE and changes nothing when it
   * cannot be used.
   */
  reread(): () => void {
    const digests = readTokens(this.#path);
    return () => {
      const stays = (old: TokenDigest): boolean => digests.some((one) => timingSafeEqual(one, old));
      const withdrawn = !this.#digests.every(stays);
      this.#digests = digests;
      if (withdrawn) for (const watcher of this.#watchers) watcher();
    };
  }

  /** Called when a token is none any more: what was opened with it has to end. */
  onWithdrawn(watcher: () => void): void {
    this.#watchers.push(watcher);
  }
}

/** Surrounding space, blank lines and lines that start with # do not count. Throws HV_E_USAGE. */
function readTokens(path: string): readonly TokenDigest[] {
  try {
    if (statSync(path).size > ADMIN_TOKEN_BYTES_MAX)
      throw usage(path, `has more than ${ADMIN_TOKEN_BYTES_MAX} bytes`);
    const lines = readFileSync(path, 'utf8').split('\n');
    const tokens = lines.map((line) => line.trim()).filter((line) => /^[^#]/.test(line));
    const isShort = (token: string): boolean => Buffer.byteLength(token) < ADMIN_TOKEN_BYTES_MIN;
    if (tokens.length === 0 || tokens.some(isShort))
      throw usage(path, `has a token of fewer than ${ADMIN_TOKEN_BYTES_MIN} bytes`);
    return tokens.map(digest);
  } catch (error) {
    if (error instanceof HvError) throw error;
    throw usage(path, `cannot be read: ${(error as Error).message}`);
  }
}

function usage(path: string, what: string): HvError {
  return new HvError('HV_E_USAGE', `the admin token file ${path} ${what}`, { details: { path } });
}

function digest(token: string): TokenDigest {
  return createHash('sha256').update(token).digest();
}

export interface Asked {
  readonly request: Pick<IncomingMessage, 'headers'>;
  /** Came through the socket that only its owner can open. */
  readonly owner: boolean;
  /** Of the other end; undefined: gone. */
  readonly remoteAddress: string | undefined;
  /** The request may change something. */
  readonly acts: boolean;
}

/** Why a request is not answered; undefined: it is. */
export function refusalFor(asked: Asked, token: AdminToken | undefined): Refusal | undefined {
  const { request, owner, remoteAddress, acts } = asked;
  if (owner) return undefined;
  if (token !== undefined) {
    const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (given !== undefined && token.accepts(given)) return undefined;
    return { status: 401, reason: 'a Bearer token is needed (--admin-token-file)' };
  }
  if (remoteAddress === undefined || !isLoopback(remoteAddress))
    return { status: 403, reason: 'without --admin-token-file only this machine may ask' };
  if (!isOwnName(request.headers.host))
    return { status: 421, reason: 'the Host header does not name this machine' };
  if (acts)
    return {
      status: 403,
      reason: 'what changes something needs --admin-token-file, or the socket beside the log',
    };
  return undefined;
}

function isOwnName(host: string | undefined): boolean {
  if (host === undefined) return false;
  try {
    return isLoopback(parseAddress(host, { what: 'Host', portDefault: 80 }).host);
  } catch (error) {
    if (error instanceof HvError) return false;
    throw error;
  }
}
