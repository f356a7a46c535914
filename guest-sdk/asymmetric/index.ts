/**
 * Keys in pairs for `node:crypto` and WebCrypto. Compiled when a guest first needs it; entered through
 * guest-sdk/node/crypto-asymmetric.ts alone.
 */

import { DiffieHellman, DiffieHellmanGroup } from './diffie-hellman.ts';
import { ECDH } from './ecdh.ts';
import { guardClass } from './guard.ts';
import { PrivateKeyObject, PublicKeyObject } from './key-objects.ts';
import { Sign, Verify } from './sign-objects.ts';
import { X509Certificate } from './x509.ts';

export { getCurves } from './curves.ts';
export { createDiffieHellman, createDiffieHellmanGroup } from './diffie-hellman.ts';
export { createECDH, diffieHellman } from './ecdh.ts';
export { createPrivateKey, createPublicKey, newKeyObject } from './key-objects.ts';
export { generateKeyPair, generateKeyPairSync } from './key-pairs.ts';
export { checkPrime, checkPrimeSync, generatePrime, generatePrimeSync } from './primes.ts';
export { privateDecrypt, privateEncrypt, publicDecrypt, publicEncrypt } from './public-cipher.ts';
export { createSign, createVerify, sign, verify } from './sign-objects.ts';
export * as pairs from './web-pairs.ts';

/** Classes a guest can get at by name. */
export const classes: Readonly<Record<string, unknown>> = {
  Sign,
  Verify,
  ECDH,
  DiffieHellman,
  DiffieHellmanGroup,
  X509Certificate,
};
for (const [name, made] of Object.entries(classes)) guardClass(made as object, name);
guardClass(Object.getPrototypeOf(PublicKeyObject) as object, 'AsymmetricKeyObject');
guardClass(PublicKeyObject, 'PublicKeyObject');
guardClass(PrivateKeyObject, 'PrivateKeyObject');
