/** The curves of this guest, as the @noble/curves package computes them. */

import { ed448, x448 } from '@noble/curves/ed448.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { brainpoolP256r1, brainpoolP384r1, brainpoolP512r1 } from '@noble/curves/misc.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { concat, ofInteger, toInteger } from './bytes.ts';

type Bytes = Uint8Array<ArrayBufferLike>;

/** The package's, as far as it is used: a point of a curve of Weierstrass's form. */
interface Point {
  toBytes(isCompressed: boolean): Bytes;
  readonly y: bigint;
}
interface Weierstrass {
  readonly Point: {
    fromBytes(bytes: Bytes): Point;
    Fn: { readonly ORDER: bigint };
  };
  readonly lengths: { readonly secretKey?: number };
  getPublicKey(secret: Bytes, isCompressed: boolean): Bytes;
  getSharedSecret(secret: Bytes, point: Bytes, isCompressed: boolean): Bytes;
  sign(hash: Bytes, secret: Bytes, options: object): Bytes;
  verify(signature: Bytes, hash: Bytes, point: Bytes, options: object): boolean;
}

export interface Curve {
  /** OpenSSL's name. */
  readonly name: string;
  readonly oid: string;
  /** What JSON Web Keys and WebCrypto call it. */
  readonly jwk: string | undefined;
  /** Bytes of a coordinate, and of a secret. */
  readonly size: number;
  readonly order: bigint;
  readonly maths: Weierstrass;
}

type Row = readonly [name: string, oid: string, jwk: string | undefined, maths: unknown];
const ROWS: readonly Row[] = [
  ['prime256v1', '1.2.840.10045.3.1.7', 'P-256', p256],
  ['secp384r1', '1.3.132.0.34', 'P-384', p384],
  ['secp521r1', '1.3.132.0.35', 'P-521', p521],
  ['secp256k1', '1.3.132.0.10', 'secp256k1', secp256k1],
  ['brainpoolP256r1', '1.3.36.3.3.2.8.1.1.7', undefined, brainpoolP256r1],
  ['brainpoolP384r1', '1.3.36.3.3.2.8.1.1.11', undefined, brainpoolP384r1],
  ['brainpoolP512r1', '1.3.36.3.3.2.8.1.1.13', undefined, brainpoolP512r1],
];

const curves: readonly Curve[] = ROWS.map(([name, oid, jwk, given]) => {
  const maths = given as Weierstrass;
  const size = maths.lengths.secretKey ?? 0;
  return { name, oid, jwk, size, order: maths.Point.Fn.ORDER, maths };
});
const byName = new Map<string, Curve>();
for (const curve of curves) {
  for (const key of [curve.name, curve.oid, curve.jwk]) if (key) byName.set(key, curve);
}

/** By OpenSSL's name, NIST's, or the identifier. */
export function curveNamed(name: string): Curve | undefined {
  return byName.get(name);
}

export function getCurves(): string[] {
  return curves.map(({ name }) => name).sort();
}

/** A point in its uncompressed form out of any form, or undefined if it is on no such place of the curve. */
export function uncompressed(curve: Curve, point: Uint8Array): Uint8Array | undefined {
  // The hybrid form tells the parity of y in its first byte, too.
  const [first] = point;
  const isHybrid = first === 6 || first === 7;
  const plain = isHybrid ? concat(Uint8Array.of(4), point.subarray(1)) : point;
  try {
    const found = curve.maths.Point.fromBytes(plain);
    const isHonest = !isHybrid || (found.y & 1n) === BigInt((first as number) & 1);
    return isHonest ? found.toBytes(false) : undefined;
  } catch {
    return undefined;
  }
}

export type PointForm = 'uncompressed' | 'compressed' | 'hybrid';

/** `point` is uncompressed. */
export function inForm(point: Uint8Array, form: PointForm): Uint8Array {
  if (form === 'uncompressed') return point.slice();
  const parity = (point.at(-1) as number) & 1;
  if (form === 'hybrid') return concat(Uint8Array.of(6 | parity), point.subarray(1));
  return concat(Uint8Array.of(2 | parity), point.subarray(1, (point.length + 1) / 2));
}

/** True for a secret a point can be made of. */
export function isSecret(curve: Curve, secret: Uint8Array): boolean {
  const value = toInteger(secret);
  return value > 0n && value < curve.order;
}

/** As long as the curve's secrets are, with zeros in front of it. */
export function paddedSecret(curve: Curve, secret: Uint8Array): Uint8Array {
  return ofInteger(toInteger(secret), curve.size);
}

/** An even choice: what is not below the order is drawn again. */
export function randomSecret(curve: Curve, random: (length: number) => Uint8Array): Uint8Array {
  const surplus = BigInt(curve.size * 8 - curve.order.toString(2).length);
  for (;;) {
    const secret = ofInteger(toInteger(random(curve.size)) >> surplus, curve.size);
    if (isSecret(curve, secret)) return secret;
  }
}

export function pointOf(curve: Curve, secret: Uint8Array): Uint8Array {
  return curve.maths.getPublicKey(secret, false);
}

/** The first coordinate of the shared point. */
export function sharedSecret(curve: Curve, secret: Uint8Array, point: Uint8Array): Uint8Array {
  return curve.maths.getSharedSecret(secret, point, false).slice(1, 1 + curve.size);
}

const PLAIN = { prehash: false, lowS: false, format: 'compact' };

/** Both numbers one behind the other (IEEE P1363). The nonce is derived from key and hash (RFC 6979). */
export function signHash(curve: Curve, secret: Uint8Array, hash: Uint8Array): Uint8Array {
  return curve.maths.sign(hash, secret, PLAIN);
}

export function verifyHash(
  curve: Curve,
  point: Uint8Array,
  hash: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    return curve.maths.verify(signature, hash, point, PLAIN);
  } catch {
    return false;
  }
}

export type OctetCurveName = 'ed25519' | 'ed448' | 'x25519' | 'x448';

export interface OctetCurve {
  readonly oid: string;
  /** What JSON Web Keys and WebCrypto call it. */
  readonly jwk: string;
  /** Bytes of a key, public or secret. */
  readonly size: number;
  publicOf(secret: Uint8Array): Uint8Array;
  sign?(message: Uint8Array, secret: Uint8Array): Uint8Array;
  verify?(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean;
  /** Throws for a point of small order. */
  shared?(secret: Uint8Array, key: Uint8Array): Uint8Array;
}

function edwards(maths: typeof ed25519): Omit<OctetCurve, 'oid' | 'jwk' | 'size'> {
  return {
    publicOf: (secret) => maths.getPublicKey(secret),
    sign: (message, secret) => maths.sign(message, secret),
    // RFC 8032's verification, as OpenSSL's: no points of other encodings.
    verify(signature, message, key) {
      try {
        return maths.verify(signature, message, key, { zip215: false });
      } catch {
        return false;
      }
    },
  };
}

function montgomery(maths: typeof x25519): Omit<OctetCurve, 'oid' | 'jwk' | 'size'> {
  return {
    publicOf: (secret) => maths.getPublicKey(secret),
    shared: (secret, key) => maths.getSharedSecret(secret, key),
  };
}

/** Curves whose keys are plain bytes (RFC 8410). */
export const octetCurves: Readonly<Record<OctetCurveName, OctetCurve>> = {
  ed25519: { oid: '1.3.101.112', jwk: 'Ed25519', size: 32, ...edwards(ed25519) },
  ed448: { oid: '1.3.101.113', jwk: 'Ed448', size: 57, ...edwards(ed448) },
  x25519: { oid: '1.3.101.110', jwk: 'X25519', size: 32, ...montgomery(x25519) },
  x448: { oid: '1.3.101.111', jwk: 'X448', size: 56, ...montgomery(x448) },
};

export function octetCurve(name: OctetCurveName): OctetCurve {
  return octetCurves[name];
}
