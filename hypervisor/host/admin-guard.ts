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

/** SHA-256 of the token: comparing digests takes the same time for every guess. */
export type TokenDigest = Uint8Array;

/** The token in `path`, surrounding space removed. Throws HV_E_USAGE. */
export function readToken(path: string): TokenDigest {
  try {
    if (statSync(path).size > ADMIN_TOKEN_BYTES_MAX)
      throw usage(path, `has more than ${ADMIN_TOKEN_BYTES_MAX} bytes`);
    const token = readFileSync(path, 'utf8').trim();
    if (Buffer.byteLength(token) < ADMIN_TOKEN_BYTES_MIN)
      throw usage(path, `has a token of fewer than ${ADMIN_TOKEN_BYTES_MIN} bytes`);
    return digest(token);
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
export function refusalFor(asked: Asked, token: TokenDigest | undefined): Refusal | undefined {
  const { request, owner, remoteAddress, acts } = asked;
  if (owner) return undefined;
  if (token !== undefined) {
    const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (given !== undefined && timingSafeEqual(digest(given), token)) return undefined;
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
