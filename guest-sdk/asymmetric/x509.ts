/** `X509Certificate` of `node:crypto`. */

import { Buffer } from '../node/buffer.ts';
import { hashFunction } from '../node/crypto-digests.ts';
import { opensslError, viewBytes } from '../node/crypto-input.ts';
import { dataOfKey, isKeyObject } from '../node/crypto-keys.ts';
import { inspectHook } from '../node/inspect-hook.ts';
import { invalidArgType, invalidArgValue, nodeError } from '../node/node-errors.ts';
import { validateBoolean, validateObject, validateString } from '../node/validators.ts';
import { areEqual, bitLength, ofInteger, toText } from './bytes.ts';
import {
  type AltName,
  altNameText,
  type Certificate,
  type NamePart,
  readCertificate,
} from './certificate.ts';
import {
  addressBytes,
  hasAddress,
  hasMail,
  hostOf,
  type NameOptions,
} from './certificate-names.ts';
import { verifyCertificate } from './certificate-signature.ts';
import { DerError } from './der.ts';
import { isRsa, type KeyData } from './key-data.ts';
import { writePkcs1Public, writeSpki } from './key-forms.ts';
import { publicKeyObject } from './key-objects.ts';
import { pemBlocks, toPem } from './pem.ts';

function noStartLine(): Error {
  return opensslError('0480006C', 'PEM routines', 'no start line');
}

function parse(buffer: unknown): Certificate {
  const isText = typeof buffer === 'string';
  if (!isText && !ArrayBuffer.isView(buffer)) {
    throw invalidArgType('buffer', ['string', 'Buffer', 'TypedArray', 'DataView'], buffer);
  }
  const bytes = isText ? Buffer.from(buffer) : viewBytes(buffer);
  const block = pemBlocks(toText(bytes)).find(({ label }) =>
    /^(?:X509 |TRUSTED )?CERTIFICATE$/.test(label),
  );
  try {
    return readCertificate((block?.bytes ?? bytes).slice());
  } catch (error) {
    if (error instanceof DerError) throw noStartLine();
    throw error;
  }
}

/** What stands for itself in a name only behind a backslash (RFC 2253), and what cannot be shown. */
function escaped(value: string): string {
  const text = value
    .replace(/[,+"\\<>;]/g, '\\$&')
    .replace(/^[ #]/, '\\$&')
    .replace(/ $/, '\\ ');
  return text.replace(/./gs, (char) => {
    if (char >= ' ' && char !== '\x7f') return char;
    return `\\${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

function nameText(names: readonly (readonly NamePart[])[]): string | undefined {
  if (names.length === 0) return undefined;
  const lines = names.map((parts) =>
    parts.map(({ type, value }) => `${type}=${escaped(value)}`).join(' + '),
  );
  return lines.join('\n');
}

/** A name that could be taken for several, or for more than it is, is quoted. */
function safeAltName(name: AltName): string {
  const text = altNameText(name);
  const isSafe = name.kind === 'othername' || /^[ -~]*$/.test(text.replace(/["\\',]/g, '\0'));
  return `${name.kind}:${isSafe ? text : JSON.stringify(text)}`;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':');
}

function fingerprint(hash: string, certificate: Certificate): string {
  return hex(hashFunction(hash)?.(certificate.raw) ?? new Uint8Array());
}

function readOptions(options: unknown): NameOptions {
  if (options !== undefined) validateObject(options, 'options');
  const given = (options ?? {}) as Readonly<Record<string, unknown>>;
  const flag = (name: string, preset: boolean): boolean => {
    const value = given[name] ?? preset;
    validateBoolean(value, `options.${name}`);
    return value;
  };
  const { subject = 'default' } = given;
  validateString(subject, 'options.subject');
  if (subject !== 'default' && subject !== 'always' && subject !== 'never') {
    throw invalidArgValue('options.subject', subject);
  }
  flag('singleLabelSubdomains', false);
  return {
    subject,
    wildcards: flag('wildcards', true),
    partialWildcards: flag('partialWildcards', true),
    multiLabelWildcards: flag('multiLabelWildcards', false),
  };
}

/** Several values of one name are a list. */
function legacyName(names: readonly (readonly NamePart[])[]): Record<string, unknown> {
  const object = Object.create(null) as Record<string, unknown>;
  for (const { type, value } of names.flat()) {
    const known = object[type];
    if (known === undefined) object[type] = value;
    else object[type] = Array.isArray(known) ? [...known, value] : [known, value];
  }
  return object;
}

function legacyAccess({ infoAccess }: Certificate): Record<string, string[]> | undefined {
  if (infoAccess === undefined) return undefined;
  const object = Object.create(null) as Record<string, string[]>;
  for (const [method, place] of infoAccess) object[method] = [...(object[method] ?? []), place];
  return object;
}

function legacyKey(key: KeyData): Record<string, unknown> {
  if (isRsa(key)) {
    return {
      modulus: Buffer.from(ofInteger(key.n)).toString('hex').toUpperCase(),
      bits: bitLength(key.n),
      exponent: `0x${key.e.toString(16)}`,
      pubkey: Buffer.from(key.type === 'rsa' ? writeSpki(key) : writePkcs1Public(key)),
    };
  }
  if (key.type !== 'ec') return {};
  const { curve, point } = key;
  return {
    bits: bitLength(curve.order),
    pubkey: Buffer.from(point),
    asn1Curve: curve.name,
    nistCurve: curve.jwk?.startsWith('P-') ? curve.jwk : undefined,
  };
}

function withoutUndefined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

const SHOWN = [
  'subject',
  'subjectAltName',
  'issuer',
  'infoAccess',
  'validFrom',
  'validTo',
  'fingerprint',
  'fingerprint256',
  'fingerprint512',
  'keyUsage',
  'serialNumber',
] as const;

/** Of KeyUsage: whether the key signs certificates. */
const SIGNS_CERTIFICATES = 0x04;

function maySign({ usage }: Certificate): boolean {
  return usage === undefined || (usage & SIGNS_CERTIFICATES) !== 0;
}

export class X509Certificate {
  readonly #certificate: Certificate;

  constructor(buffer: unknown) {
    this.#certificate = parse(buffer);
  }

  get subject(): string | undefined {
    return nameText(this.#certificate.subject);
  }
  get subjectAltName(): string | undefined {
    return this.#certificate.altNames?.map(safeAltName).join(', ');
  }
  get issuer(): string | undefined {
    return nameText(this.#certificate.issuer);
  }
  get issuerCertificate(): undefined {
    return undefined;
  }
  get infoAccess(): string | undefined {
    const access = this.#certificate.infoAccess;
    return access?.map(([method, place]) => `${method}:${place}`).join('\n');
  }
  get validFrom(): string {
    return this.#certificate.validFrom;
  }
  get validTo(): string {
    return this.#certificate.validTo;
  }
  get fingerprint(): string {
    return fingerprint('sha1', this.#certificate);
  }
  get fingerprint256(): string {
    return fingerprint('sha256', this.#certificate);
  }
  get fingerprint512(): string {
    return fingerprint('sha512', this.#certificate);
  }
  get keyUsage(): string[] | undefined {
    const usage = this.#certificate.extendedUsage;
    return usage && [...usage];
  }
  get serialNumber(): string {
    return Buffer.from(ofInteger(this.#certificate.serial)).toString('hex').toUpperCase();
  }
  get raw(): Buffer {
    return Buffer.from(this.#certificate.raw);
  }
  get publicKey(): unknown {
    return publicKeyObject(this.#certificate.key);
  }

  toString(): string {
    return toPem('CERTIFICATE', this.#certificate.raw);
  }

  toJSON(): string {
    return this.toString();
  }

  get ca(): boolean {
    return this.#certificate.isAuthority && maySign(this.#certificate);
  }

  checkHost(name: unknown, options?: unknown): string | undefined {
    validateString(name, 'name');
    return hostOf(this.#certificate, name, readOptions(options));
  }

  checkEmail(email: unknown, options?: unknown): string | undefined {
    validateString(email, 'email');
    return hasMail(this.#certificate, email, readOptions(options)) ? email : undefined;
  }

  checkIP(ip: unknown, options?: unknown): string | undefined {
    validateString(ip, 'ip');
    readOptions(options);
    const address = addressBytes(ip);
    if (address === undefined) throw nodeError(TypeError, 'ERR_INVALID_ARG_VALUE', 'Invalid IP');
    return hasAddress(this.#certificate, address) ? ip : undefined;
  }

  checkIssued(otherCert: unknown): boolean {
    if (!(otherCert instanceof X509Certificate)) {
      throw invalidArgType('otherCert', 'X509Certificate', otherCert);
    }
    const [own, issuer] = [this.#certificate, otherCert.#certificate];
    if (!areEqual(own.issuerBytes, issuer.subjectBytes) || !maySign(issuer)) return false;
    const [wanted, found] = [own.issuerKeyId, issuer.ownKeyId];
    return wanted === undefined || found === undefined || areEqual(wanted, found);
  }

  checkPrivateKey(pkey: unknown): boolean {
    if (!isKeyObject(pkey)) throw invalidArgType('pkey', 'KeyObject', pkey);
    if (pkey.type !== 'private') throw invalidArgValue('pkey', pkey);
    return areEqual(writeSpki(dataOfKey(pkey) as KeyData), writeSpki(this.#certificate.key));
  }

  verify(pkey: unknown): boolean {
    if (!isKeyObject(pkey)) throw invalidArgType('pkey', 'KeyObject', pkey);
    if (pkey.type !== 'public') throw invalidArgValue('pkey', pkey);
    return verifyCertificate(this.#certificate, dataOfKey(pkey) as KeyData);
  }

  toLegacyObject(): Record<string, unknown> {
    const certificate = this.#certificate;
    return withoutUndefined({
      subject: legacyName(certificate.subject),
      issuer: legacyName(certificate.issuer),
      subjectaltname: this.subjectAltName,
      infoAccess: legacyAccess(certificate),
      ca: this.ca,
      ...legacyKey(certificate.key),
      valid_from: this.validFrom,
      valid_to: this.validTo,
      fingerprint: this.fingerprint,
      fingerprint256: this.fingerprint256,
      fingerprint512: this.fingerprint512,
      ext_key_usage: this.keyUsage,
      serialNumber: this.serialNumber,
      raw: this.raw,
    });
  }

  static {
    Object.defineProperty(X509Certificate.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value(this: X509Certificate, depth: number, options: object): unknown {
        if (depth < 0) return this;
        const shown = Object.fromEntries(SHOWN.map((name) => [name, this[name]]));
        return `X509Certificate ${inspectHook.inspect(shown, { ...options, depth: null })}`;
      },
      configurable: true,
      writable: true,
    });
  }
}
