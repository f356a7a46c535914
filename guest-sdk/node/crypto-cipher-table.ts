/** The ciphers of this guest: names, sizes, and what OpenSSL says of them. */

import { type Authenticated, aesCtr, aesGcm, Blocks, chachaPoly } from './crypto-ciphers.ts';
import { invalidArgType } from './node-errors.ts';
import { validateInteger, validateObject } from './validators.ts';

export interface CipherKind {
  readonly mode: string;
  /** OpenSSL's, with its capitals. */
  readonly name: string;
  readonly nid: number;
  /** Bytes. Not there for what Node calls a stream. */
  readonly blockSize?: number;
  readonly ivLength?: number;
  readonly keyLength: number;
}

/** Numbers of OpenSSL, by mode, for keys of 128, 192 and 256 bits. */
const NIDS: Readonly<Record<string, readonly [number, number, number]>> = {
  cbc: [419, 423, 427],
  ctr: [904, 905, 906],
  ecb: [418, 422, 426],
  gcm: [895, 898, 901],
};
const SIZES = [128, 192, 256] as const;

let kinds: Map<string, CipherKind> | undefined;

function aesKind(mode: string, bits: number, nid: number): CipherKind {
  const name = mode === 'gcm' ? `id-aes${bits}-GCM` : `aes-${bits}-${mode}`;
  const blockSize = mode === 'cbc' || mode === 'ecb' ? 16 : 1;
  const keyLength = bits / 8;
  if (mode === 'ecb') return { mode, name, nid, blockSize, keyLength };
  return { mode, name, nid, blockSize, ivLength: mode === 'gcm' ? 12 : 16, keyLength };
}

function allKinds(): Map<string, CipherKind> {
  const all = new Map<string, CipherKind>();
  for (const [mode, nids] of Object.entries(NIDS)) {
    for (const [at, bits] of SIZES.entries()) {
      const kind = aesKind(mode, bits, nids[at] as number);
      all.set(`aes-${bits}-${mode}`, kind);
      if (mode === 'cbc') all.set(`aes${bits}`, kind);
      if (mode === 'gcm') all.set(`id-aes${bits}-gcm`, kind);
    }
  }
  const name = 'chacha20-poly1305';
  all.set(name, { mode: 'stream', name, nid: 1018, ivLength: 12, keyLength: 32 });
  return all;
}

export function cipherKind(name: string): CipherKind | undefined {
  kinds ??= allKinds();
  return kinds.get(name.toLowerCase());
}

export function isAuthenticated(kind: CipherKind): boolean {
  return kind.mode === 'gcm' || kind.mode === 'stream';
}

/** `iv` is empty for ECB. Lengths have been checked. */
export function newTransformation(
  kind: CipherKind,
  key: Uint8Array,
  iv: Uint8Array,
  decrypts: boolean,
): Blocks | Authenticated | ReturnType<typeof aesCtr> {
  if (kind.mode === 'gcm') return aesGcm(key, iv, decrypts);
  if (kind.mode === 'stream') return chachaPoly(key, iv, decrypts);
  if (kind.mode === 'ctr') return aesCtr(key, iv);
  return new Blocks({ key, iv: kind.mode === 'cbc' ? iv : undefined, decrypts });
}

/** Node's list and spelling, of those that are here. */
export function getCiphers(): string[] {
  kinds ??= allKinds();
  return [...kinds.keys()].sort().map((name) => name.replace(/^(id-.*)-gcm$/, '$1-GCM'));
}

const INT_MAX = 2 ** 31 - 1;

interface InfoOptions {
  readonly keyLength?: unknown;
  readonly ivLength?: unknown;
}

export function getCipherInfo(
  nameOrNid: unknown,
  options?: InfoOptions,
): Record<string, unknown> | undefined {
  if (typeof nameOrNid !== 'string' && typeof nameOrNid !== 'number') {
    throw invalidArgType('nameOrNid', ['string', 'number'], nameOrNid);
  }
  if (typeof nameOrNid === 'number') validateInteger(nameOrNid, 'nameOrNid', -INT_MAX - 1, INT_MAX);
  let keyLength: unknown;
  let ivLength: unknown;
  if (options !== undefined) {
    validateObject(options, 'options');
    ({ keyLength, ivLength } = options as InfoOptions);
    for (const [name, value] of Object.entries({ keyLength, ivLength })) {
      if (value !== undefined) validateInteger(value, `options.${name}`, -INT_MAX - 1, INT_MAX);
    }
  }
  kinds ??= allKinds();
  const kind =
    typeof nameOrNid === 'string'
      ? cipherKind(nameOrNid)
      : [...kinds.values()].find(({ nid }) => nid === nameOrNid);
  if (kind === undefined) return undefined;
  if (keyLength !== undefined && keyLength !== kind.keyLength) return undefined;
  const info: Record<string, unknown> = { ...kind, name: kind.name.toLowerCase() };
  if (ivLength === undefined || ivLength === (kind.ivLength ?? 0)) return info;
  if (kind.mode !== 'gcm' || (ivLength as number) <= 0) return undefined;
  return { ...info, ivLength };
}
