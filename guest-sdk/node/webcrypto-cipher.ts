/** AES as WebCrypto has it: whole messages, the tag behind them, a counter of any width. */

import { aesCtr, aesGcm, Blocks, wrapKeyBytes } from './crypto-ciphers.ts';
import type { Algorithm } from './webcrypto-algorithms.ts';
import { operationError } from './webcrypto-key.ts';

const BLOCK = 16;
const TAG_BITS = [32, 64, 96, 104, 112, 120, 128];

function concatenated(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function requireBlock(bytes: Uint8Array | undefined, name: string): Uint8Array {
  if (bytes?.length === BLOCK) return bytes;
  throw operationError(`algorithm.${name} must contain exactly 16 bytes`);
}

function runCbc(iv: Uint8Array, key: Uint8Array, data: Uint8Array, decrypts: boolean): Uint8Array {
  const cipher = new Blocks({ key, iv, decrypts });
  try {
    return concatenated(cipher.update(data), cipher.final());
  } catch {
    throw operationError();
  }
}

/** Only the last `bits` of the counter count: where they wrap, the part in front of them stays. */
function runCtr(algorithm: Algorithm, key: Uint8Array, data: Uint8Array): Uint8Array {
  const counter = requireBlock(algorithm.counter, 'counter');
  const bits = algorithm.length ?? 0;
  if (bits < 1 || bits > 128) {
    throw operationError('AES-CTR algorithm.length must be between 1 and 128');
  }
  const blocks = BigInt(Math.ceil(data.length / BLOCK));
  const range = 1n << BigInt(bits);
  if (blocks > range) throw operationError();
  const start = counter.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  const left = range - (start % range);
  if (blocks <= left) return aesCtr(key, counter).update(data);
  const cut = Number(left) * BLOCK;
  const wrapped = new Uint8Array(BLOCK);
  let rest = start - (start % range);
  for (let at = BLOCK - 1; at >= 0; at--) {
    wrapped[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  const head = aesCtr(key, counter).update(data.subarray(0, cut));
  return concatenated(head, aesCtr(key, wrapped).update(data.subarray(cut)));
}

function runGcm(
  algorithm: Algorithm,
  key: Uint8Array,
  data: Uint8Array,
  decrypts: boolean,
): Uint8Array {
  const { iv = new Uint8Array(), additionalData, tagLength = 128 } = algorithm;
  if (!TAG_BITS.includes(tagLength)) {
    throw operationError(`${tagLength} is not a valid AES-GCM tag length`);
  }
  const tagBytes = tagLength / 8;
  if (decrypts && data.length < tagBytes) throw operationError('The provided data is too small.');
  if (iv.length === 0) throw operationError();
  const cipher = aesGcm(key, iv, decrypts);
  if (additionalData !== undefined) cipher.associate(additionalData);
  const end = decrypts ? data.length - tagBytes : data.length;
  const result = cipher.update(data.subarray(0, end));
  cipher.final();
  const tag = cipher.tag().subarray(0, tagBytes);
  if (!decrypts) return concatenated(result, tag);
  let difference = 0;
  tag.forEach((byte, at) => {
    difference |= byte ^ (data[end + at] as number);
  });
  if (difference !== 0) throw operationError();
  return result;
}

function runWrap(key: Uint8Array, data: Uint8Array, decrypts: boolean): Uint8Array {
  try {
    return wrapKeyBytes(key, data, decrypts);
  } catch {
    throw operationError();
  }
}

export function runCipher(
  algorithm: Algorithm,
  key: Uint8Array,
  data: Uint8Array,
  decrypts: boolean,
): Uint8Array {
  if (algorithm.name === 'AES-GCM') return runGcm(algorithm, key, data, decrypts);
  if (algorithm.name === 'AES-KW') return runWrap(key, data, decrypts);
  if (algorithm.name === 'AES-CTR') return runCtr(algorithm, key, data);
  return runCbc(requireBlock(algorithm.iv, 'iv'), key, data, decrypts);
}
