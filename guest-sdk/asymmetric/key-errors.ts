/** Errors of keys in Node's and OpenSSL's words. */

import { opensslError } from '../node/crypto-input.ts';
import { nodeError } from '../node/node-errors.ts';

export function unsupportedKey(): Error {
  return opensslError('1E08010C', 'DECODER routines', 'unsupported');
}

export function wrongTag(): Error {
  return opensslError('068000A8', 'asn1 encoding routines', 'wrong tag');
}

/** `isText`: of PEM, where OpenSSL asks a person for it; of bytes Node says what is missing. */
export function missingPassphrase({ isText }: { readonly isText: boolean }): Error {
  if (!isText) {
    const text = 'Passphrase required for encrypted key';
    return Object.assign(new TypeError(text), { code: 'ERR_MISSING_PASSPHRASE' });
  }
  return opensslError('07880109', 'common libcrypto routines', 'interrupted or cancelled');
}

export function incompatible(encoding: string, why: string): Error {
  const text = `The selected key encoding ${encoding} ${why}.`;
  return nodeError(Error, 'ERR_CRYPTO_INCOMPATIBLE_KEY_OPTIONS', text);
}

export function invalidKeyObjectType(type: string, expected: string): Error {
  const text = `Invalid key object type ${type}, expected ${expected}.`;
  return nodeError(TypeError, 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE', text);
}

/** What the provider says of an operation this type of key does not know. */
export function notForKeyType(): Error {
  return opensslError(
    '03000096',
    'digital envelope routines',
    'operation not supported for this keytype',
  );
}
