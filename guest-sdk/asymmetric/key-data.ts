/** What a key is, whatever form it came in. */

import { ofInteger } from './bytes.ts';
import { type Curve, type OctetCurveName, octetCurve, octetCurves, pointOf } from './curves.ts';

/** The private half of an RSA key. */
export interface RsaSecret {
  readonly d: bigint;
  readonly p: bigint;
  readonly q: bigint;
  readonly dp: bigint;
  readonly dq: bigint;
  readonly qi: bigint;
}

/** What signatures by an RSA-PSS key must be like. Hashes by our own names. */
export interface PssLimits {
  readonly hash: string;
  readonly mgf1Hash: string;
  readonly saltLength: number;
}

export interface RsaKey {
  readonly type: 'rsa' | 'rsa-pss';
  readonly n: bigint;
  readonly e: bigint;
  readonly secret?: RsaSecret | undefined;
  readonly limits?: PssLimits | undefined;
}

export interface EcKey {
  readonly type: 'ec';
  readonly curve: Curve;
  /** Uncompressed. */
  readonly point: Uint8Array;
  readonly secret?: Uint8Array | undefined;
}

export interface OctetKey {
  readonly type: OctetCurveName;
  readonly key: Uint8Array;
  readonly secret?: Uint8Array | undefined;
}

export interface DhKey {
  readonly type: 'dh';
  readonly prime: bigint;
  readonly generator: bigint;
  readonly key: bigint;
  readonly secret?: bigint | undefined;
}

export type KeyData = RsaKey | EcKey | OctetKey | DhKey;

export function isRsa(key: KeyData): key is RsaKey {
  return key.type === 'rsa' || key.type === 'rsa-pss';
}

export function isOctetKey(key: KeyData): key is OctetKey {
  return Object.hasOwn(octetCurves, key.type);
}

export function publicHalf(key: KeyData): KeyData {
  return { ...key, secret: undefined };
}

export function ecKeyOf(curve: Curve, secret: Uint8Array): EcKey {
  return { type: 'ec', curve, secret, point: pointOf(curve, secret) };
}

export function octetKeyOf(type: OctetCurveName, secret: Uint8Array): OctetKey {
  return { type, secret, key: octetCurve(type).publicOf(secret) };
}

/** Of a key for RSA: bytes of the modulus, which are those of a signature. */
export function modulusBytes({ n }: RsaKey): number {
  return ofInteger(n).length;
}
