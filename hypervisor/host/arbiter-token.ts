/** The shared secret of an arbiter and its clients, in a file, never on a command line or in a URL. */

import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { HvError } from '../base/errors.ts';
import { ARBITER_NAME_CHARS_MAX, ARBITER_TOKEN_CHARS_MIN } from '../base/limits.ts';

/** Visible ASCII: what a header can carry as it is. */
const TOKEN = /^[\x21-\x7e]+$/;

/** Reads a token: the file's only word. Throws HV_E_USAGE. */
export function readTokenFile(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new HvError('HV_E_USAGE', `the token file ${path} cannot be read: ${String(error)}`, {
      details: { path },
      cause: error,
    });
  }
  const fits = text.length >= ARBITER_TOKEN_CHARS_MIN && text.length <= ARBITER_NAME_CHARS_MAX;
  if (fits && TOKEN.test(text)) return text;
  throw new HvError(
    'HV_E_USAGE',
    `the token file ${path} does not hold one word of ${ARBITER_TOKEN_CHARS_MIN} to ${ARBITER_NAME_CHARS_MAX} characters (hv token new makes one)`,
    { details: { path } },
  );
}

/** Whether an Authorization header carries the token. Takes as long for a near miss as for any other. */
export function bearsToken(header: string | undefined, token: string): boolean {
  const given = /^Bearer ([\x21-\x7e]+)$/i.exec(header ?? '')?.[1] ?? '';
  // Of equal length, whatever was sent.
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
