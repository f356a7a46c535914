/**
 * Certificates for replicas: an authority and leaves issued by it (X.509 version 3, RFC 5280). Only the
 * three forms hv needs; Node makes keys and signatures, but cannot write a certificate.
 */

import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { defined } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import { AUTHORITY_DAYS, CERTIFICATE_DAYS } from '../base/limits.ts';
import { addressBytes } from '../timeline/export/ip-address.ts';
import { bits, integer, octets, oid, sequence, set, tagged, text, time, yes } from './der.ts';

/** PEM. The key is secret. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;
/** Clocks of two hosts differ; a certificate made on one must be valid on the other at once. */
const CLOCK_SLACK_MS = 3_600_000;
const SERIAL_BYTES = 16;
/** ub-common-name of RFC 5280, appendix A. Readers look at the alternative names. */
const COMMON_NAME_MAX = 64;
const CURVE = 'prime256v1';

const OID = {
  commonName: '2.5.4.3',
  ecdsaSha256: '1.2.840.10045.4.3.2',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectKey: '2.5.29.14',
  authorityKey: '2.5.29.35',
  alternativeNames: '2.5.29.17',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

/** Context tags of RFC 5280's structures. */
const VERSION_TAG = 0xa0;
const EXTENSIONS_TAG = 0xa3;
const DNS_TAG = 0x82;
const IP_TAG = 0x87;
const KEY_ID_TAG = 0x80;

const DIGITAL_SIGNATURE = bits(Uint8Array.of(0x80), 7);
/** keyCertSign and cRLSign. */
const SIGNS_CERTIFICATES = bits(Uint8Array.of(0x06), 1);

const HOST_NAME =
  /^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*$/;

/** A new authority, valid for ten years; it issues leaves and no further authorities. */
export function issueAuthority(name: string): Issued {
  const keys = generateKeyPairSync('ec', { namedCurve: CURVE });
  const subject = nameOf(name);
  return issue({
    subject,
    issuer: subject,
    keys,
    signer: keys.privateKey,
    days: AUTHORITY_DAYS,
    extensions: [
      extension(OID.basicConstraints, sequence(yes(), integer(Uint8Array.of(0))), 'critical'),
      extension(OID.keyUsage, SIGNS_CERTIFICATES, 'critical'),
      extension(OID.subjectKey, octets(keyId(keys.publicKey))),
    ],
  });
}

/**
 * A certificate for one replica, as server and as client. `hosts`: the names and addresses under which
 * others reach it, at least one; throws HV_E_USAGE when one is neither.
 */
export function issueLeaf(authority: Issued, hosts: readonly string[]): Issued {
  const keys = generateKeyPairSync('ec', { namedCurve: CURVE });
  const own = new X509Certificate(authority.cert);
  return issue({
    subject: nameOf(defined(hosts[0], 'a leaf has a host')),
    issuer: nameOf(commonName(own)),
    keys,
    signer: createPrivateKey(authority.key),
    days: CERTIFICATE_DAYS,
    notAfter: new Date(own.validTo),
    extensions: [
      extension(OID.basicConstraints, sequence(), 'critical'),
      extension(OID.keyUsage, DIGITAL_SIGNATURE, 'critical'),
      extension(OID.extendedKeyUsage, sequence(oid(OID.serverAuth), oid(OID.clientAuth))),
      extension(OID.alternativeNames, sequence(...hosts.map(alternativeName))),
      extension(OID.subjectKey, octets(keyId(keys.publicKey))),
      extension(OID.authorityKey, sequence(tagged(KEY_ID_TAG, keyId(own.publicKey)))),
    ],
  });
}

interface Order {
  readonly subject: Uint8Array;
  readonly issuer: Uint8Array;
  readonly keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly signer: KeyObject;
  readonly days: number;
  /** Never later than this. */
  readonly notAfter?: Date;
  readonly extensions: readonly Uint8Array[];
}

function issue({ subject, issuer, keys, signer, days, notAfter, extensions }: Order): Issued {
  const now = Date.now();
  const wanted = new Date(now + days * DAY_MS);
  const end = notAfter !== undefined && notAfter < wanted ? notAfter : wanted;
  const algorithm = sequence(oid(OID.ecdsaSha256));
  const body = sequence(
    tagged(VERSION_TAG, integer(Uint8Array.of(2))),
    integer(randomBytes(SERIAL_BYTES)),
    algorithm,
    issuer,
    sequence(time(new Date(now - CLOCK_SLACK_MS)), time(end)),
    subject,
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    tagged(EXTENSIONS_TAG, sequence(...extensions)),
  );
  const der = sequence(body, algorithm, bits(sign('sha256', body, signer)));
  return {
    cert: pem(der),
    key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function extension(id: string, value: Uint8Array, critical?: 'critical'): Uint8Array {
  const mark = critical === undefined ? [] : [yes()];
  return sequence(oid(id), ...mark, octets(value));
}

function nameOf(common: string): Uint8Array {
  return sequence(set(sequence(oid(OID.commonName), text(common.slice(0, COMMON_NAME_MAX)))));
}

function commonName({ subject }: X509Certificate): string {
  return defined(/^CN=(.*)$/m.exec(subject)?.[1], 'the authority of hv cert new has a common name');
}

/** RFC 5280, 4.2.1.2 leaves the method open; every reader only compares. */
function keyId(key: KeyObject): Uint8Array {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);
}

function alternativeName(host: string): Uint8Array {
  const address = addressBytes(host);
  if (address !== undefined) return tagged(IP_TAG, address);
  if (HOST_NAME.test(host)) return tagged(DNS_TAG, Buffer.from(host));
  throw new HvError('HV_E_USAGE', `'${host}' is neither a host name nor an IP address`);
}

function pem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
