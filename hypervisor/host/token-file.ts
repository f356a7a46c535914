/**
 * The shared secret of token mode. A file has one token a line: the first is the one we show, all are
 * accepted, so that a token can be changed on one replica after the other. Blank lines and lines that
 * start with # are comments.
 */

import { hkdfSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { HvError } from '../base/errors.ts';
import { TOKEN_LENGTH_MAX, TOKEN_LENGTH_MIN, TOKENS_MAX } from '../base/limits.ts';
import { readSecretFile, securityFault } from './secret-file.ts';

/** A token as TLS knows it. */
export interface PskKey {
  /** Sent in the clear: says which token is meant, and nothing else about it. */
  readonly identity: string;
  readonly key: Uint8Array;
}

const KEY_INFO = 'hv-psk-v1';
const IDENTITY_INFO = 'hv-psk-identity-v1';
const KEY_BYTES = 32;
const IDENTITY_BYTES = 8;
const TOKEN_BYTES = 32;
const PRINTABLE = /^[\x21-\x7e]+$/;

/** Keys of the tokens in a file, in its order, at least one. Throws HV_E_SECURITY_FILE. */
export function readTokens(path: string): readonly PskKey[] {
  const text = readSecretFile(path, { what: 'the token file', secret: true });
  const tokens = text
    .split('\n')
    .map((line, index) => ({ token: line.trim(), line: index + 1 }))
    .filter(({ token }) => token !== '' && !token.startsWith('#'));
  if (tokens.length === 0) throw securityFault(`the token file ${path} holds no token`);
  if (tokens.length > TOKENS_MAX)
    throw securityFault(`the token file ${path} holds more than ${TOKENS_MAX} tokens`);
  for (const { token, line } of tokens) {
    const fault = tokenFault(token);
    if (fault !== undefined) throw securityFault(`line ${line} of the token file ${path} ${fault}`);
  }
  return tokens.map(({ token }) => pskOf(token));
}

/** Never quotes the token: the text ends up in logs. */
function tokenFault(token: string): string | undefined {
  if (token.length < TOKEN_LENGTH_MIN)
    return `has ${token.length} characters; a token has at least ${TOKEN_LENGTH_MIN}`;
  if (token.length > TOKEN_LENGTH_MAX) return `has more than ${TOKEN_LENGTH_MAX} characters`;
  return PRINTABLE.test(token) ? undefined : 'has a character that is not printable ASCII';
}

/** Key and identity of a token, by HKDF-SHA256 (RFC 5869), each for its own purpose. */
export function pskOf(token: string): PskKey {
  const key = new Uint8Array(hkdfSync('sha256', token, '', KEY_INFO, KEY_BYTES));
  const identity = Buffer.from(hkdfSync('sha256', token, '', IDENTITY_INFO, IDENTITY_BYTES));
  return { identity: `hv-${identity.toString('hex')}`, key };
}

/** 256 bits nobody has seen before. */
export function newToken(): string {
  return `hvt_${randomBytes(TOKEN_BYTES).toString('base64url')}`;
}

/** Writes a new token to a new file with mode 0600. Throws HV_E_USAGE when there is one already. */
export function writeNewToken(path: string): void {
  try {
    writeFileSync(path, `${newToken()}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'it exists, and replicas may be using it' : message;
    throw new HvError('HV_E_USAGE', `${path} is not written: ${why}`, { cause: error });
  }
}
