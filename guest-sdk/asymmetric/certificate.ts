/** Certificates (X.509, RFC 5280) taken apart. */

import { Buffer } from '../node/buffer.ts';
import { toInteger, toText } from './bytes.ts';
import { DerError, DerReader, type Element, oidText, TAG } from './der.ts';
import type { KeyData } from './key-data.ts';
import { readSpki } from './key-forms.ts';

export interface NamePart {
  /** Short name of OpenSSL, or the identifier. */
  readonly type: string;
  readonly value: string;
}

/** One of a subject's alternative names. */
export interface AltName {
  readonly kind: 'DNS' | 'IP Address' | 'email' | 'URI' | 'DirName' | 'Registered ID' | 'othername';
  readonly bytes: Uint8Array;
}

export interface Certificate {
  readonly raw: Uint8Array;
  /** What is signed. */
  readonly body: Uint8Array;
  readonly serial: bigint;
  /** Relative names, each of one part or of several that go together. */
  readonly issuer: readonly (readonly NamePart[])[];
  readonly subject: readonly (readonly NamePart[])[];
  readonly issuerBytes: Uint8Array;
  readonly subjectBytes: Uint8Array;
  readonly validFrom: string;
  readonly validTo: string;
  readonly key: KeyData;
  readonly keyBytes: Uint8Array;
  /** Of the signature: an AlgorithmIdentifier without its tag. */
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
  readonly altNames: readonly AltName[] | undefined;
  /** Method and kind of each place, and the place. */
  readonly infoAccess: readonly (readonly [string, string])[] | undefined;
  readonly extendedUsage: readonly string[] | undefined;
  readonly isAuthority: boolean;
  /** Bits of KeyUsage, most significant first, if it is there. */
  readonly usage: number | undefined;
  readonly ownKeyId: Uint8Array | undefined;
  readonly issuerKeyId: Uint8Array | undefined;
}

const SHORT_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.13': 'description',
  '2.5.4.15': 'businessCategory',
  '2.5.4.17': 'postalCode',
  '2.5.4.42': 'GN',
  '2.5.4.43': 'initials',
  '2.5.4.46': 'dnQualifier',
  '2.5.4.97': 'organizationIdentifier',
  '1.2.840.113549.1.9.1': 'emailAddress',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.3.6.1.4.1.311.60.2.1.1': 'jurisdictionL',
  '1.3.6.1.4.1.311.60.2.1.2': 'jurisdictionST',
  '1.3.6.1.4.1.311.60.2.1.3': 'jurisdictionC',
};

function textOf({ tag, body }: Element): string {
  if (tag === TAG.utf8) return Buffer.from(body).toString('utf8');
  if (tag === 0x1e) return Buffer.from(body).swap16().toString('utf16le');
  if (tag !== 0x1c) return toText(body);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let text = '';
  for (let at = 0; at + 4 <= body.length; at += 4) text += String.fromCodePoint(view.getUint32(at));
  return text;
}

function readName(reader: DerReader): NamePart[][] {
  const names: NamePart[][] = [];
  while (!reader.isAtEnd) {
    const set = new DerReader(reader.next(TAG.set).body);
    const parts: NamePart[] = [];
    while (!set.isAtEnd) {
      const pair = set.sequence();
      const identifier = pair.oid();
      parts.push({ type: SHORT_NAMES[identifier] ?? identifier, value: textOf(pair.next()) });
    }
    names.push(parts);
  }
  return names;
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const UTC_TIME = 0x17;

/** "Nov  3 22:23:57 2126 GMT". */
function readTime({ tag, body }: Element): string {
  const [, year = '', month, day, hour, minute, second] =
    /^(\d{4}|\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(toText(body)) ?? [];
  if (month === undefined) throw new DerError('time');
  const century = tag === UTC_TIME ? (Number(year) < 50 ? '20' : '19') : '';
  const name = MONTHS[Number(month) - 1];
  return `${name} ${String(Number(day)).padStart(2)} ${hour}:${minute}:${second} ${century}${year} GMT`;
}

const KINDS: Readonly<Record<number, AltName['kind']>> = {
  160: 'othername',
  129: 'email',
  130: 'DNS',
  164: 'DirName',
  134: 'URI',
  135: 'IP Address',
  136: 'Registered ID',
};

function readAltName({ tag, body }: Element): AltName {
  const kind = KINDS[tag];
  if (kind === undefined) throw new DerError('name');
  return { kind, bytes: body };
}

function list<Item>(reader: DerReader, read: (reader: DerReader) => Item): Item[] {
  const items: Item[] = [];
  while (!reader.isAtEnd) items.push(read(reader));
  return items;
}

const METHODS: Readonly<Record<string, string>> = {
  '1.3.6.1.5.5.7.48.1': 'OCSP',
  '1.3.6.1.5.5.7.48.2': 'CA Issuers',
};

function readAccess(reader: DerReader): [string, string] {
  const inner = reader.sequence();
  const method = inner.oid();
  const { kind, bytes } = readAltName(inner.next());
  return [`${METHODS[method] ?? method} - ${kind}`, altNameText({ kind, bytes })];
}

/** A name in OpenSSL's form. */
export function altNameText({ kind, bytes }: AltName): string {
  if (kind === 'IP Address') return addressText(bytes);
  if (kind === 'Registered ID') return oidText(bytes);
  if (kind === 'othername') return '<unsupported>';
  if (kind !== 'DirName') return toText(bytes);
  const names = readName(new DerReader(bytes).sequence());
  return names
    .map((parts) => parts.map(({ type, value }) => `${type} = ${value}`).join(' + '))
    .join(', ');
}

function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '<invalid length>';
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  return Array.from({ length: 8 }, (_, at) =>
    view
      .getUint16(at * 2)
      .toString(16)
      .toUpperCase(),
  ).join(':');
}

type Extensions = ReadonlyMap<string, DerReader>;

function readExtensions(body: DerReader): Extensions {
  const found = new Map<string, DerReader>();
  body.optional(0x81);
  body.optional(0x82);
  const outer = body.optional(0xa3);
  if (outer === undefined) return found;
  for (const inner of list(new DerReader(outer.body).sequence(), (reader) => reader.sequence())) {
    const identifier = inner.oid();
    inner.optional(TAG.boolean);
    found.set(identifier, new DerReader(inner.octets()));
  }
  return found;
}

type Extended = Pick<
  Certificate,
  'altNames' | 'infoAccess' | 'extendedUsage' | 'isAuthority' | 'usage' | 'ownKeyId' | 'issuerKeyId'
>;

function readExtended(extensions: Extensions): Extended {
  const altNames = extensions.get('2.5.29.17')?.sequence();
  const access = extensions.get('1.3.6.1.5.5.7.1.1')?.sequence();
  const extendedUsage = extensions.get('2.5.29.37')?.sequence();
  const constraints = extensions.get('2.5.29.19')?.sequence();
  const usage = extensions.get('2.5.29.15')?.next(TAG.bits).body[1];
  return {
    altNames: altNames && list(altNames, (reader) => readAltName(reader.next())),
    infoAccess: access && list(access, readAccess),
    extendedUsage: extendedUsage && list(extendedUsage, (reader) => reader.oid()),
    isAuthority: (constraints?.optional(TAG.boolean)?.body[0] ?? 0) !== 0,
    usage,
    ownKeyId: extensions.get('2.5.29.14')?.octets(),
    issuerKeyId: extensions.get('2.5.29.35')?.sequence().optional(0x80)?.body,
  };
}

/** Throws DerError for what is no certificate. */
export function readCertificate(bytes: Uint8Array): Certificate {
  const whole = new DerReader(bytes).next(TAG.sequence);
  const outer = new DerReader(whole.body);
  const bodyElement = outer.next(TAG.sequence);
  const body = new DerReader(bodyElement.body);
  body.optional(0xa0);
  const serial = toInteger(body.next(TAG.integer).body);
  body.sequence();
  const issuer = body.next(TAG.sequence);
  const validity = body.sequence();
  const [validFrom, validTo] = [readTime(validity.next()), readTime(validity.next())];
  const subject = body.next(TAG.sequence);
  const key = body.next(TAG.sequence);
  const algorithm = outer.next(TAG.sequence);
  return {
    raw: whole.whole,
    body: bodyElement.whole,
    serial,
    issuer: readName(new DerReader(issuer.body)),
    subject: readName(new DerReader(subject.body)),
    issuerBytes: issuer.whole,
    subjectBytes: subject.whole,
    validFrom,
    validTo,
    key: readSpki(new DerReader(key.whole)),
    keyBytes: key.whole,
    algorithm: algorithm.body,
    signature: outer.bits(),
    ...readExtended(readExtensions(body)),
  };
}
