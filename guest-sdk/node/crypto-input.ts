/** Bytes out of the arguments of `node:crypto`, digests in the encoding asked for, its errors. */

import { Buffer } from './buffer.ts';
import { invalidArgType, invalidArgValue, nodeError } from './node-errors.ts';
import { isAnyArrayBuffer } from './util-types.ts';
import { validateString } from './validators.ts';

/** The bytes a view looks at, not copied. */
export function viewBytes(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** An encoding as Node's native half reads it: what it does not know is UTF-8. */
function encodingOf(encoding: unknown): string {
  return typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8';
}

/** ERR_INVALID_ARG_VALUE for text that cannot be hexadecimal. */
function requireWholeHex(text: string, encoding: unknown): void {
  if (typeof encoding === 'string' && encoding.toLowerCase() === 'hex' && text.length % 2 !== 0) {
    throw invalidArgValue('encoding', encoding, `is invalid for data of length ${text.length}`);
  }
}

/** Text or a view, as the `update` methods take them. */
export function dataBytes(data: unknown, encoding: unknown, name = 'data'): Uint8Array {
  if (typeof data === 'string') {
    requireWholeHex(data, encoding);
    return Buffer.from(data, encodingOf(encoding));
  }
  if (ArrayBuffer.isView(data)) return viewBytes(data);
  throw invalidArgType(name, ['string', 'Buffer', 'TypedArray', 'DataView'], data);
}

export const BINARY: readonly string[] = ['ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'];

/** Text, a view or a whole buffer. */
export function anyBytes(
  value: unknown,
  name: string,
  encoding?: unknown,
  expected: readonly string[] = ['string', ...BINARY],
): Uint8Array {
  if (typeof value === 'string') {
    return Buffer.from(value, encoding === 'buffer' ? 'utf8' : (encoding as string));
  }
  if (ArrayBuffer.isView(value)) return viewBytes(value);
  if (isAnyArrayBuffer(value)) return new Uint8Array(value as ArrayBuffer);
  throw invalidArgType(name, expected, value);
}

/** `bytes` as a Buffer over the same memory, or as text if an encoding is named. */
export function encoded(bytes: Uint8Array, encoding: unknown): Buffer | string {
  const buffer = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  const isText = typeof encoding === 'string' && Buffer.isEncoding(encoding);
  return isText ? buffer.toString(encoding) : buffer;
}

/** A member of an options object that is text if it is there. */
export function stringOption(options: unknown, name: string): string | undefined {
  const value =
    typeof options === 'object' && options !== null
      ? (options as Readonly<Record<string, unknown>>)[name]
      : undefined;
  if (value == null) return undefined;
  validateString(value, `options.${name}`);
  return value;
}

/** An error of OpenSSL: `number` as it prints it, in hexadecimal. */
export function opensslError(number: string, library: string, reason: string): Error {
  const error = new Error(`error:${number}:${library}::${reason}`);
  const words = reason.toUpperCase().replaceAll(' ', '_');
  const prefix = SHORT_NAMES[library] ?? '';
  return Object.assign(error, { library, reason, code: `ERR_OSSL_${prefix}${words}` });
}

const SHORT_NAMES: Readonly<Record<string, string>> = {
  'digital envelope routines': 'EVP_',
  'rsa routines': 'RSA_',
  'asn1 encoding routines': 'ASN1_',
  'common libcrypto routines': 'CRYPTO_',
  'PEM routines': 'PEM_',
  'Diffie-Hellman routines': 'DH_',
};

export function invalidDigest(name: string): Error {
  return nodeError(TypeError, 'ERR_CRYPTO_INVALID_DIGEST', `Invalid digest: ${name}`);
}

/** ERR_CRYPTO_INVALID_STATE; `operation` is named where Node names it. */
export function invalidState(operation?: string): Error {
  const text = operation === undefined ? '' : ` for operation ${operation}`;
  return nodeError(Error, 'ERR_CRYPTO_INVALID_STATE', `Invalid state${text}`);
}
