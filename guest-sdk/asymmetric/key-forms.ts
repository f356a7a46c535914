/** Keys in DER: SubjectPublicKeyInfo, PKCS #8, PKCS #1 and SEC 1. */

import { digestName } from '../node/crypto-digests.ts';
import { concat, ofInteger, toInteger } from './bytes.ts';
import {
  type Curve,
  curveNamed,
  isSecret,
  type OctetCurveName,
  octetCurve,
  octetCurves,
  paddedSecret,
  uncompressed,
} from './curves.ts';
import {
  bits,
  context,
  DerError,
  DerReader,
  integer,
  nothing,
  octets,
  oid,
  sequence,
  TAG,
} from './der.ts';
import {
  ecKeyOf,
  isOctetKey,
  type KeyData,
  octetKeyOf,
  type PssLimits,
  type RsaKey,
} from './key-data.ts';
import { power } from './modular.ts';
import { HASH_OIDS } from './rsa.ts';

const RSA = '1.2.840.113549.1.1.1';
const RSA_PSS = '1.2.840.113549.1.1.10';
const MGF1 = '1.2.840.113549.1.1.8';
const EC = '1.2.840.10045.2.1';
const DH = '1.2.840.113549.1.3.1';

function hashOf(identifier: string): string {
  const found = Object.entries(HASH_OIDS).find(([, its]) => its === identifier);
  if (found === undefined) throw new DerError('hash');
  return found[0];
}

/** RSASSA-PSS-params (RFC 4055): what is not there is SHA-1, and a salt of its length. */
export function readLimits(algorithm: DerReader): PssLimits | undefined {
  if (algorithm.isAtEnd) return undefined;
  const given = algorithm.sequence();
  const part = (number: number): DerReader | undefined => {
    const found = given.optional(0xa0 | number);
    return found && new DerReader(found.body);
  };
  const hash = part(0)?.sequence().oid();
  const generator = part(1)?.sequence();
  generator?.oid();
  const mgf1Hash = generator?.sequence().oid();
  const saltLength = part(2)?.integer();
  return {
    hash: hash === undefined ? 'sha1' : hashOf(hash),
    mgf1Hash: mgf1Hash === undefined ? 'sha1' : hashOf(mgf1Hash),
    saltLength: Number(saltLength ?? 20n),
  };
}

function writeLimits({ hash, mgf1Hash, saltLength }: PssLimits): Uint8Array {
  const named = (name: string): Uint8Array =>
    sequence(oid(HASH_OIDS[digestName(name) ?? ''] ?? ''), nothing());
  const parts: Uint8Array[] = [];
  if (hash !== 'sha1') parts.push(context(0, named(hash)));
  if (mgf1Hash !== 'sha1') parts.push(context(1, sequence(oid(MGF1), named(mgf1Hash))));
  if (saltLength !== 20) parts.push(context(2, integer(saltLength)));
  return sequence(...parts);
}

function curveOf(reader: DerReader): Curve {
  const curve = curveNamed(reader.oid());
  if (curve === undefined) throw new DerError('curve');
  return curve;
}

function pointOn(curve: Curve, bytes: Uint8Array): Uint8Array {
  const point = uncompressed(curve, bytes);
  if (point === undefined) throw new DerError('point');
  return point;
}

function octetCurveOf(identifier: string): OctetCurveName {
  const names = Object.keys(octetCurves) as OctetCurveName[];
  const name = names.find((one) => octetCurve(one).oid === identifier);
  if (name === undefined) throw new DerError('algorithm');
  return name;
}

export function readPkcs1Public(reader: DerReader): RsaKey {
  const inner = reader.sequence();
  return { type: 'rsa', n: inner.integer(), e: inner.integer() };
}

export function readSpki(reader: DerReader): KeyData {
  const outer = reader.sequence();
  const algorithm = outer.sequence();
  const name = algorithm.oid();
  if (name === RSA || name === RSA_PSS) {
    const key = readPkcs1Public(new DerReader(outer.bits()));
    return name === RSA ? key : { ...key, type: 'rsa-pss', limits: readLimits(algorithm) };
  }
  if (name === EC) {
    const curve = curveOf(algorithm);
    return { type: 'ec', curve, point: pointOn(curve, outer.bits()) };
  }
  if (name === DH) {
    const group = algorithm.sequence();
    const key = new DerReader(outer.bits()).integer();
    return { type: 'dh', prime: group.integer(), generator: group.integer(), key };
  }
  const type = octetCurveOf(name);
  const key = outer.bits();
  if (key.length !== octetCurve(type).size) throw new DerError('length');
  return { type, key };
}

export function readPkcs1(reader: DerReader): RsaKey {
  const inner = reader.sequence();
  if (inner.integer() !== 0n) throw new DerError('version');
  const [n, e] = [inner.integer(), inner.integer()];
  const [d, p, q] = [inner.integer(), inner.integer(), inner.integer()];
  const [dp, dq, qi] = [inner.integer(), inner.integer(), inner.integer()];
  return { type: 'rsa', n, e, secret: { d, p, q, dp, dq, qi } };
}

/** `curve` is the one PKCS #8 names, if the key itself names none. */
export function readSec1(reader: DerReader, curve?: Curve): KeyData {
  const inner = reader.sequence();
  if (inner.integer() !== 1n) throw new DerError('version');
  const bytes = inner.octets();
  const named = inner.optional(0xa0);
  const its = named === undefined ? curve : curveOf(new DerReader(named.body));
  if (its === undefined || !isSecret(its, bytes)) throw new DerError('secret');
  const secret = paddedSecret(its, bytes);
  const given = inner.optional(0xa1);
  if (given === undefined) return ecKeyOf(its, secret);
  return { type: 'ec', curve: its, secret, point: pointOn(its, new DerReader(given.body).bits()) };
}

export function readPkcs8(reader: DerReader): KeyData {
  const outer = reader.sequence();
  if (outer.integer() > 1n) throw new DerError('version');
  const algorithm = outer.sequence();
  const name = algorithm.oid();
  if (name === EC) {
    const curve = curveOf(algorithm);
    return readSec1(new DerReader(outer.octets()), curve);
  }
  const inner = new DerReader(outer.octets());
  if (name === RSA) return readPkcs1(inner);
  if (name === RSA_PSS) {
    return { ...readPkcs1(inner), type: 'rsa-pss', limits: readLimits(algorithm) };
  }
  if (name === DH) {
    const group = algorithm.sequence();
    const [prime, generator, secret] = [group.integer(), group.integer(), inner.integer()];
    return { type: 'dh', prime, generator, secret, key: power(generator, secret, prime) };
  }
  const type = octetCurveOf(name);
  const secret = inner.octets();
  if (secret.length !== octetCurve(type).size) throw new DerError('length');
  return octetKeyOf(type, secret.slice());
}

function algorithmOf(key: KeyData): Uint8Array {
  switch (key.type) {
    case 'rsa':
      return sequence(oid(RSA), nothing());
    case 'rsa-pss':
      return sequence(oid(RSA_PSS), ...(key.limits ? [writeLimits(key.limits)] : []));
    case 'ec':
      return sequence(oid(EC), oid(key.curve.oid));
    case 'dh':
      return sequence(oid(DH), sequence(integer(key.prime), integer(key.generator)));
    default:
      return sequence(oid(octetCurve(key.type).oid));
  }
}

export function writePkcs1Public({ n, e }: RsaKey): Uint8Array {
  return sequence(integer(n), integer(e));
}

export function writeSpki(key: KeyData): Uint8Array {
  if (key.type === 'ec') return sequence(algorithmOf(key), bits(key.point));
  if (isOctetKey(key)) return sequence(algorithmOf(key), bits(key.key));
  const inner = key.type === 'dh' ? integer(key.key) : writePkcs1Public(key);
  return sequence(algorithmOf(key), bits(inner));
}

export function writePkcs1({ n, e, secret }: RsaKey): Uint8Array {
  if (secret === undefined) throw new DerError('secret');
  const { d, p, q, dp, dq, qi } = secret;
  return sequence(...[0n, n, e, d, p, q, dp, dq, qi].map(integer));
}

/** `namesCurve`: not inside PKCS #8, which names it already. */
export function writeSec1(
  { curve, point, secret }: Extract<KeyData, { type: 'ec' }>,
  { namesCurve }: { readonly namesCurve: boolean },
): Uint8Array {
  const bytes = ofInteger(toInteger(secret ?? new Uint8Array()), curve.size);
  const name = namesCurve ? context(0, oid(curve.oid)) : new Uint8Array();
  return sequence(integer(1), octets(bytes), concat(name, context(1, bits(point))));
}

export function writePkcs8(key: KeyData): Uint8Array {
  const inner =
    key.type === 'ec'
      ? writeSec1(key, { namesCurve: false })
      : key.type === 'dh'
        ? integer(key.secret ?? 0n)
        : isOctetKey(key)
          ? octets(key.secret ?? new Uint8Array())
          : writePkcs1(key);
  return sequence(integer(0), algorithmOf(key), octets(inner));
}

/** True for bytes that begin as PKCS #8 under a passphrase does: two sequences, not a version. */
export function isSealed(bytes: Uint8Array): boolean {
  try {
    return new DerReader(bytes).sequence().nextTag === TAG.sequence;
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}
