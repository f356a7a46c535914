/** Who signed a certificate. */

import type { Certificate } from './certificate.ts';
import { octetCurve } from './curves.ts';
import { DerError, DerReader } from './der.ts';
import { isOctetKey, isRsa, type KeyData } from './key-data.ts';
import { readLimits } from './key-forms.ts';
import { PADDING, verifyMessage } from './signatures.ts';

const PSS = '1.2.840.113549.1.1.10';
/** Signature algorithms of a hash and a kind of key. */
const ALGORITHMS: Readonly<Record<string, readonly [hash: string, kind: 'rsa' | 'ec']>> = {
  '1.2.840.113549.1.1.4': ['md5', 'rsa'],
  '1.2.840.113549.1.1.5': ['sha1', 'rsa'],
  '1.2.840.113549.1.1.14': ['sha224', 'rsa'],
  '1.2.840.113549.1.1.11': ['sha256', 'rsa'],
  '1.2.840.113549.1.1.12': ['sha384', 'rsa'],
  '1.2.840.113549.1.1.13': ['sha512', 'rsa'],
  '1.2.840.10045.4.1': ['sha1', 'ec'],
  '1.2.840.10045.4.3.1': ['sha224', 'ec'],
  '1.2.840.10045.4.3.2': ['sha256', 'ec'],
  '1.2.840.10045.4.3.3': ['sha384', 'ec'],
  '1.2.840.10045.4.3.4': ['sha512', 'ec'],
};

export function verifyCertificate(certificate: Certificate, key: KeyData): boolean {
  const { body, signature } = certificate;
  const algorithm = new DerReader(certificate.algorithm);
  const name = algorithm.oid();
  if (isOctetKey(key)) {
    if (octetCurve(key.type).oid !== name) return false;
    return verifyMessage(key, undefined, body, signature, { dsaEncoding: 'der' });
  }
  if (name === PSS) return verifyByPss(certificate, algorithm, key);
  const [hash, kind] = ALGORITHMS[name] ?? [];
  if (hash === undefined || kind !== key.type) return false;
  return verifyMessage(key, hash, body, signature, { dsaEncoding: 'der' });
}

function verifyByPss(
  { body, signature }: Certificate,
  parameters: DerReader,
  key: KeyData,
): boolean {
  if (!isRsa(key)) return false;
  try {
    const limits = readLimits(parameters);
    if (limits === undefined) return false;
    const own = { ...key, type: 'rsa-pss', limits } as const;
    const { hash, saltLength } = limits;
    const options = { padding: PADDING.pss, saltLength, dsaEncoding: 'der' } as const;
    return verifyMessage(own, hash, body, signature, options);
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}
