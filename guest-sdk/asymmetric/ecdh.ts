/** `ECDH` and `diffieHellman` of `node:crypto`. */

import { Buffer } from '../node/buffer.ts';
import { anyBytes, opensslError } from '../node/crypto-input.ts';
import { dataOfKey, isKeyObject } from '../node/crypto-keys.ts';
import { invalidArgValue, nodeError } from '../node/node-errors.ts';
import { validateFunction, validateObject, validateString } from '../node/validators.ts';
import { areEqual, ofInteger, toInteger } from './bytes.ts';
import {
  type Curve,
  curveNamed,
  inForm,
  isSecret,
  octetCurve,
  type PointForm,
  paddedSecret,
  pointOf,
  randomSecret,
  sharedSecret,
  uncompressed,
} from './curves.ts';
import { isOctetKey, type KeyData } from './key-data.ts';
import { invalidKeyObjectType } from './key-errors.ts';
import { random } from './key-objects.ts';
import { power } from './modular.ts';
import { answer, inEncoding } from './sign-objects.ts';

interface State {
  readonly curve: Curve;
  secret: Uint8Array | undefined;
  point: Uint8Array | undefined;
}

const states = new WeakMap<object, State>();

function stateOf(self: object): State {
  const state = states.get(self);
  if (state === undefined) throw new TypeError('Illegal invocation');
  return state;
}

/** OpenSSL's names alone: NIST's are no names here. */
function namedCurve(name: unknown): Curve {
  validateString(name, 'curve');
  const curve = curveNamed(name);
  if (curve?.name === name) return curve;
  throw nodeError(TypeError, 'ERR_CRYPTO_INVALID_CURVE', 'Invalid EC curve name');
}

function readForm(form: unknown): PointForm {
  if (!form || form === 'uncompressed') return 'uncompressed';
  if (form === 'compressed' || form === 'hybrid') return form;
  const text = `Invalid ECDH format: ${String(form)}`;
  throw nodeError(TypeError, 'ERR_CRYPTO_ECDH_INVALID_FORMAT', text);
}

function failed(text: string): Error {
  // Its code does not show in its text.
  return Object.assign(new Error(text), { code: 'ERR_CRYPTO_OPERATION_FAILED' });
}

function invalidPublicKey(): Error {
  const text = 'Public key is not valid for specified curve';
  return nodeError(Error, 'ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY', text);
}

export function ECDH(this: object, curve: unknown): unknown {
  if (!(this instanceof ECDH)) return new (ECDH as unknown as Constructor)(curve);
  states.set(this, { curve: namedCurve(curve), secret: undefined, point: undefined });
  return undefined;
}
type Constructor = new (curve: unknown) => object;

interface EcdhObject {
  getPublicKey(encoding?: unknown, form?: unknown): Buffer | string;
}

Object.assign(ECDH.prototype, {
  computeSecret(this: object, other: unknown, input?: unknown, output?: unknown) {
    const state = stateOf(this);
    const bytes = anyBytes(other, 'key', input);
    const { curve, secret, point } = state;
    const isPair = secret && point && areEqual(pointOf(curve, secret), point);
    if (!isPair) throw nodeError(RangeError, 'ERR_CRYPTO_INVALID_KEYPAIR', 'Invalid key pair');
    const their = uncompressed(curve, bytes);
    if (their === undefined) throw invalidPublicKey();
    return inEncoding(sharedSecret(curve, secret, their), output);
  },
  setPrivateKey(this: object, key: unknown, encoding?: unknown): object {
    const state = stateOf(this);
    const bytes = anyBytes(key, 'key', encoding);
    if (!isSecret(state.curve, bytes)) {
      const text = 'Private key is not valid for specified curve.';
      throw nodeError(RangeError, 'ERR_CRYPTO_INVALID_KEYTYPE', text);
    }
    state.secret = paddedSecret(state.curve, bytes);
    state.point = pointOf(state.curve, state.secret);
    return this;
  },
  setPublicKey(this: object, key: unknown, encoding?: unknown): object {
    const state = stateOf(this);
    const point = uncompressed(state.curve, anyBytes(key, 'key', encoding));
    if (point === undefined) throw failed('Failed to convert Buffer to EC_POINT');
    state.point = point;
    return this;
  },
  getPrivateKey(this: object, encoding?: unknown): Buffer | string {
    const { secret } = stateOf(this);
    if (secret === undefined) throw failed('Failed to get ECDH private key');
    return inEncoding(ofInteger(toInteger(secret)), encoding);
  },
  generateKeys(this: EcdhObject, encoding?: unknown, form?: unknown): Buffer | string {
    const state = stateOf(this);
    state.secret = randomSecret(state.curve, random);
    state.point = pointOf(state.curve, state.secret);
    return this.getPublicKey(encoding, form);
  },
  getPublicKey(this: object, encoding?: unknown, form?: unknown): Buffer | string {
    const wanted = readForm(form);
    const { point } = stateOf(this);
    if (point === undefined) throw failed('Failed to get ECDH public key');
    return inEncoding(inForm(point, wanted), encoding);
  },
});

Object.assign(ECDH, {
  convertKey(
    key: unknown,
    curve: unknown,
    input?: unknown,
    output?: unknown,
    form?: unknown,
  ): Buffer | string {
    validateString(curve, 'curve');
    const bytes = anyBytes(key, 'key', input);
    const wanted = readForm(form);
    const point = uncompressed(namedCurve(curve), bytes);
    if (point === undefined) throw failed('Failed to convert Buffer to EC_POINT');
    return inEncoding(inForm(point, wanted), output);
  },
});

export function createECDH(curve: unknown): object {
  return new (ECDH as unknown as Constructor)(curve);
}

const AGREEING = ['dh', 'ec', 'x448', 'x25519'];

function incompatibleKeys(first: string, second: string): Error {
  const text = `Incompatible key types for Diffie-Hellman: ${first} and ${second}`;
  return nodeError(Error, 'ERR_CRYPTO_INCOMPATIBLE_KEY', text);
}

function mismatch(): Error {
  return opensslError('1C8000CB', 'Provider routines', 'mismatching domain parameters');
}

/** The secret two keys share. Both are of one type. */
export function agree(own: KeyData, their: KeyData): Uint8Array {
  if (own.type === 'ec' && their.type === 'ec') {
    if (own.curve !== their.curve) throw mismatch();
    return sharedSecret(own.curve, own.secret ?? new Uint8Array(), their.point);
  }
  if (own.type === 'dh' && their.type === 'dh') {
    if (own.prime !== their.prime || own.generator !== their.generator) throw mismatch();
    return ofInteger(power(their.key, own.secret ?? 0n, own.prime), ofInteger(own.prime).length);
  }
  if (!isOctetKey(own) || !isOctetKey(their)) throw incompatibleKeys(own.type, their.type);
  try {
    return (
      octetCurve(own.type).shared?.(own.secret ?? new Uint8Array(), their.key) ?? new Uint8Array()
    );
  } catch {
    throw opensslError('1C8000A4', 'Provider routines', 'failed during derivation');
  }
}

interface AgreementOptions {
  readonly privateKey?: unknown;
  readonly publicKey?: unknown;
}

export function diffieHellman(options: unknown, callback?: unknown): Buffer | undefined {
  validateObject(options, 'options');
  if (callback !== undefined) validateFunction(callback, 'callback');
  const { privateKey, publicKey } = options as AgreementOptions;
  if (!isKeyObject(privateKey)) throw invalidArgValue('options.privateKey', privateKey);
  if (!isKeyObject(publicKey)) throw invalidArgValue('options.publicKey', publicKey);
  if (privateKey.type !== 'private') throw invalidKeyObjectType(privateKey.type, 'private');
  if (publicKey.type !== 'public' && publicKey.type !== 'private') {
    throw invalidKeyObjectType(publicKey.type, 'private or public');
  }
  const own = dataOfKey(privateKey) as KeyData;
  const their = dataOfKey(publicKey) as KeyData;
  if (own.type !== their.type || !AGREEING.includes(own.type)) {
    throw incompatibleKeys(own.type, their.type);
  }
  return answer(callback, () => Buffer.from(agree(own, their)));
}
