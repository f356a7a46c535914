/** JSON Web Keys (RFC 7517, 7518, 8037) of key pairs. */

import { Buffer } from '../node/buffer.ts';
import { nodeError } from '../node/node-errors.ts';
import { validateObject, validateOneOf, validateString } from '../node/validators.ts';
import { areEqual, byteLength, concat, ofInteger, toInteger } from './bytes.ts';
import {
  type Curve,
  curveNamed,
  isSecret,
  type OctetCurveName,
  octetCurve,
  octetCurves,
  pointOf,
  uncompressed,
} from './curves.ts';
import { type KeyData, octetKeyOf, type RsaKey } from './key-data.ts';

type Jwk = Readonly<Record<string, unknown>>;

const CURVES = ['P-256', 'secp256k1', 'P-384', 'P-521'];
const OCTET_CURVES = ['Ed25519', 'Ed448', 'X25519', 'X448'];
const SECRETS = ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const;

export function invalidJwk(what: string): Error {
  return nodeError(TypeError, 'ERR_CRYPTO_INVALID_JWK', `Invalid JWK ${what}`);
}

/** Base64 in either alphabet. */
function member(jwk: Jwk, name: string): Uint8Array {
  return Buffer.from(jwk[name] as string, 'base64');
}

function requireText(jwk: Jwk, names: readonly string[]): void {
  for (const name of names) validateString(jwk[name], `key.${name}`);
}

/** `isPublic`: the private members are not looked at. */
export function readJwk(value: unknown, { isPublic }: { readonly isPublic: boolean }): KeyData {
  validateObject(value, 'key');
  const jwk = value as Jwk;
  validateOneOf(jwk.kty, 'key.kty', ['RSA', 'EC', 'OKP']);
  if (jwk.kty === 'OKP') return readOctetKey(jwk, isPublic);
  return jwk.kty === 'EC' ? readEc(jwk, isPublic) : readRsa(jwk, isPublic);
}

function readOctetKey(jwk: Jwk, isPublic: boolean): KeyData {
  validateString(jwk.crv, 'key.crv');
  validateOneOf(jwk.crv, 'key.crv', OCTET_CURVES);
  validateString(jwk.x, 'key.x');
  if (!isPublic) validateString(jwk.d, 'key.d');
  const name = jwk.crv.toLowerCase() as OctetCurveName;
  const bytes = member(jwk, isPublic ? 'x' : 'd');
  if (bytes.length !== octetCurve(name).size) throw invalidJwk('data');
  return isPublic ? { type: name, key: bytes.slice() } : octetKeyOf(name, bytes.slice());
}

function readEc(jwk: Jwk, isPublic: boolean): KeyData {
  validateString(jwk.crv, 'key.crv');
  validateOneOf(jwk.crv, 'key.crv', CURVES);
  requireText(jwk, isPublic ? ['x', 'y'] : ['x', 'y', 'd']);
  const curve = curveNamed(jwk.crv) as Curve;
  const refusal = invalidJwk('EC key');
  const coordinates = [toInteger(member(jwk, 'x')), toInteger(member(jwk, 'y'))];
  if (coordinates.some((value) => byteLength(value) > curve.size)) throw refusal;
  const [x, y] = coordinates.map((value) => ofInteger(value, curve.size)) as [
    Uint8Array,
    Uint8Array,
  ];
  const point = uncompressed(curve, concat(Uint8Array.of(4), x, y));
  if (point === undefined) throw refusal;
  if (isPublic) return { type: 'ec', curve, point };
  const given = member(jwk, 'd');
  if (!isSecret(curve, given)) throw refusal;
  const secret = ofInteger(toInteger(given), curve.size);
  if (!areEqual(pointOf(curve, secret), point)) throw refusal;
  return { type: 'ec', curve, point, secret };
}

function readRsa(jwk: Jwk, isPublic: boolean): RsaKey {
  requireText(jwk, ['n', 'e']);
  if (!isPublic) requireText(jwk, SECRETS);
  const [n, e] = [toInteger(member(jwk, 'n')), toInteger(member(jwk, 'e'))];
  if (n === 0n || e === 0n) throw invalidJwk('RSA key');
  if (isPublic) return { type: 'rsa', n, e };
  const [d, p, q, dp, dq, qi] = SECRETS.map((name) => toInteger(member(jwk, name))) as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  return { type: 'rsa', n, e, secret: { d, p, q, dp, dq, qi } };
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
const numberText = (value: bigint): string => text(ofInteger(value));

export function writeJwk(key: KeyData): Record<string, string> {
  switch (key.type) {
    case 'rsa': {
      const { n, e, secret } = key;
      const jwk: Record<string, string> = { kty: 'RSA', n: numberText(n), e: numberText(e) };
      if (secret) for (const name of SECRETS) jwk[name] = numberText(secret[name]);
      return jwk;
    }
    case 'ec': {
      const { curve, point, secret } = key;
      if (curve.jwk === undefined) {
        const refusal = `Unsupported JWK EC curve: ${curve.name}.`;
        throw nodeError(Error, 'ERR_CRYPTO_JWK_UNSUPPORTED_CURVE', refusal);
      }
      const x = text(point.subarray(1, 1 + curve.size));
      const y = text(point.subarray(1 + curve.size));
      return { kty: 'EC', x, y, crv: curve.jwk, ...(secret && { d: text(secret) }) };
    }
    case 'rsa-pss':
    case 'dh':
      throw nodeError(Error, 'ERR_CRYPTO_JWK_UNSUPPORTED_KEY_TYPE', 'Unsupported JWK Key Type.');
    default: {
      const { jwk } = octetCurves[key.type];
      const d = key.secret && { d: text(key.secret) };
      return { crv: jwk, ...d, x: text(key.key), kty: 'OKP' };
    }
  }
}
