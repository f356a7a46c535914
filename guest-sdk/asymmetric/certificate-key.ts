/** The public key inside a certificate (RFC 5280, 4.1). */

import { DerReader } from './der.ts';
import type { KeyData } from './key-data.ts';
import { readSpki } from './key-forms.ts';

/** Throws DerError for what is no certificate, or one with a key this guest does not know. */
export function certificateKey(bytes: Uint8Array): KeyData {
  const body = new DerReader(bytes).sequence().sequence();
  body.optional(0xa0);
  body.integer();
  // Signature, issuer, validity, subject.
  for (let i = 0; i < 4; i++) body.sequence();
  return readSpki(body);
}
