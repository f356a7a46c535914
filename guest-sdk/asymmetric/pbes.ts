/** Keys under a passphrase: PBES2 of PKCS #8 (RFC 8018), and the older encryption inside PEM. */

import { cipherKind } from '../node/crypto-cipher-table.ts';
import { Blocks } from '../node/crypto-ciphers.ts';
import { type HashFunction, hashFunction, pbkdf2Of, scryptOf } from '../node/crypto-digests.ts';
import { opensslError } from '../node/crypto-input.ts';
import { concat } from './bytes.ts';
import { type DerReader, integer, nothing, octets, oid, sequence, TAG } from './der.ts';
import type { Random } from './modular.ts';

const PBES2 = '1.2.840.113549.1.5.13';
const PBKDF2 = '1.2.840.113549.1.5.12';
const SCRYPT = '1.3.6.1.4.1.11591.4.11';
const HMACS: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};
const HMAC_SHA256 = '1.2.840.113549.2.9';
const CIPHERS: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.1.2': 'aes-128-cbc',
  '2.16.840.1.101.3.4.1.22': 'aes-192-cbc',
  '2.16.840.1.101.3.4.1.42': 'aes-256-cbc',
};
/** OpenSSL's default. */
const ITERATIONS = 2048;
/** A file must not be able to keep a guest busy for hours. */
const ITERATIONS_MAX = 10_000_000;
const SCRYPT_BYTES_MAX = 64 * 1024 * 1024;

function unsupported(): Error {
  return opensslError('0308010C', 'digital envelope routines', 'unsupported');
}

function hashNamed(name: string): HashFunction {
  const found = hashFunction(name);
  if (found === undefined) throw unsupported();
  return found;
}

function decrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
  const cipher = new Blocks({ key, iv, decrypts: true });
  try {
    return concat(cipher.update(data), cipher.final());
  } catch {
    throw opensslError('1C800064', 'Provider routines', 'bad decrypt');
  }
}

function encrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
  const cipher = new Blocks({ key, iv, decrypts: false });
  return concat(cipher.update(data), cipher.final());
}

type Derive = (passphrase: Uint8Array, length: number) => Uint8Array;

function readDerivation(parameters: DerReader): Derive {
  const name = parameters.oid();
  const inner = parameters.sequence();
  const salt = inner.octets();
  if (name === SCRYPT) {
    const [N, r, p] = [inner.integer(), inner.integer(), inner.integer()].map(Number) as [
      number,
      number,
      number,
    ];
    if (128 * N * r > SCRYPT_BYTES_MAX) throw unsupported();
    return (passphrase, dkLen) =>
      scryptOf(passphrase, salt, { N, r, p, dkLen, maxmem: Number.MAX_SAFE_INTEGER });
  }
  if (name !== PBKDF2) throw unsupported();
  const c = Number(inner.integer());
  if (c > ITERATIONS_MAX) throw unsupported();
  if (inner.nextTag === TAG.integer) inner.integer();
  const hash = inner.isAtEnd ? 'sha1' : HMACS[inner.sequence().oid()];
  const maths = hashNamed(hash ?? '');
  return (passphrase, dkLen) => pbkdf2Of(maths, passphrase, salt, { c, dkLen });
}

/** The key inside an EncryptedPrivateKeyInfo. DerError for what is none. */
export function openPkcs8(info: DerReader, passphrase: Uint8Array): Uint8Array {
  const algorithm = info.sequence();
  if (algorithm.oid() !== PBES2) throw unsupported();
  const parameters = algorithm.sequence();
  const derive = readDerivation(parameters.sequence());
  const scheme = parameters.sequence();
  const kind = cipherKind(CIPHERS[scheme.oid()] ?? '');
  if (kind === undefined) throw unsupported();
  return decrypt(derive(passphrase, kind.keyLength), scheme.octets(), info.octets());
}

/** Ciphers keys can be encrypted with: CBC alone, whatever else there is. */
export function keyCipher(
  name: string,
): { readonly oid: string; readonly keyLength: number } | undefined {
  const kind = cipherKind(name);
  const found = Object.entries(CIPHERS).find(([, its]) => its === kind?.name);
  return kind && found && { oid: found[0], keyLength: kind.keyLength };
}

export interface Encryption {
  readonly cipher: string;
  readonly passphrase: Uint8Array;
  readonly random: Random;
}

export function sealPkcs8(key: Uint8Array, { cipher, passphrase, random }: Encryption): Uint8Array {
  const kind = keyCipher(cipher);
  if (kind === undefined) throw unsupported();
  const salt = random(16);
  const iv = random(16);
  const secret = pbkdf2Of(hashNamed('sha256'), passphrase, salt, {
    c: ITERATIONS,
    dkLen: kind.keyLength,
  });
  const derivation = sequence(
    oid(PBKDF2),
    sequence(octets(salt), integer(ITERATIONS), sequence(oid(HMAC_SHA256), nothing())),
  );
  const scheme = sequence(oid(kind.oid), octets(iv));
  const algorithm = sequence(oid(PBES2), sequence(derivation, scheme));
  return sequence(algorithm, octets(encrypt(secret, iv, key)));
}

/** MD5, over and over: what PEM has always had (EVP_BytesToKey). */
function pemKey(passphrase: Uint8Array, salt: Uint8Array, length: number): Uint8Array {
  const md5 = hashNamed('md5');
  let last: Uint8Array = new Uint8Array();
  let key: Uint8Array = new Uint8Array();
  while (key.length < length) {
    last = md5(concat(last, passphrase, salt));
    key = concat(key, last);
  }
  return key.subarray(0, length);
}

/** `info` is that of the PEM header: cipher and IV. */
export function openPem(bytes: Uint8Array, info: string, passphrase: Uint8Array): Uint8Array {
  const [name = '', hex = ''] = info.split(',');
  const kind = keyCipher(name);
  const iv = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  if (kind === undefined || iv.length !== 16) throw unsupported();
  return decrypt(pemKey(passphrase, iv.subarray(0, 8), kind.keyLength), iv, bytes);
}

/** The bytes, and the header that says what was done to them. */
export function sealPem(
  bytes: Uint8Array,
  { cipher, passphrase, random }: Encryption,
): { readonly bytes: Uint8Array; readonly headers: string } {
  const kind = keyCipher(cipher);
  if (kind === undefined) throw unsupported();
  const iv = random(16);
  const key = pemKey(passphrase, iv.subarray(0, 8), kind.keyLength);
  const hex = Array.from(iv, (byte) => byte.toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
  const name = (cipherKind(cipher)?.name ?? cipher).toUpperCase();
  return {
    bytes: encrypt(key, iv, bytes),
    headers: `Proc-Type: 4,ENCRYPTED\nDEK-Info: ${name},${hex}\n`,
  };
}
