/**
 * AES and ChaCha20-Poly1305 piece by piece, over the block functions of the @noble/ciphers package,
 * whose own modes take whole messages. Its tables are made when the first cipher is.
 */

import { opensslError } from './crypto-input.ts';

/** A cipher under way. */
export interface Transformation {
  /** What is complete by now. */
  update(bytes: Uint8Array): Uint8Array;
  /** The rest. Throws for input that is no whole number of blocks and for padding that is none. */
  final(): Uint8Array;
}

/** One that vouches for what it has carried: `tag` is called behind `final`, once. */
export interface Authenticated extends Transformation {
  /** Bytes to vouch for besides, before the first `update`. */
  associate(bytes: Uint8Array): void;
  tag(): Uint8Array;
}

interface Mac {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

interface Aes {
  aeskw(key: Uint8Array): {
    encrypt(data: Uint8Array): Uint8Array;
    decrypt(data: Uint8Array): Uint8Array;
  };
  readonly unsafe: {
    expandKeyLE(key: Uint8Array): Uint32Array;
    expandKeyDecLE(key: Uint8Array): Uint32Array;
    /** In place. */
    encryptBlock(key: Uint32Array, block: Uint8Array): Uint8Array;
    decryptBlock(key: Uint32Array, block: Uint8Array): Uint8Array;
  };
}
interface Chacha {
  chacha20(
    key: Uint8Array,
    nonce: Uint8Array,
    data: Uint8Array,
    output: undefined,
    counter: number,
  ): Uint8Array;
}

/** The bundler's, which evaluates a package where it is called. */
declare function require(name: '@noble/ciphers/aes.js'): Aes;
declare function require(name: '@noble/ciphers/chacha.js'): Chacha;
declare function require(name: '@noble/ciphers/_polyval.js'): {
  readonly GHASH: new (key: Uint8Array) => Mac;
};
declare function require(name: '@noble/ciphers/_poly1305.js'): {
  readonly Poly1305: new (key: Uint8Array) => Mac;
};

const BLOCK = 16;

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** AES key wrap (RFC 3394). Throws for what is no wrapped key, and for a length that none can have. */
export function wrapKeyBytes(key: Uint8Array, data: Uint8Array, unwraps: boolean): Uint8Array {
  const cipher = require('@noble/ciphers/aes.js').aeskw(key);
  return unwraps ? cipher.decrypt(data) : cipher.encrypt(data);
}

export interface BlockOptions {
  readonly key: Uint8Array;
  /** Chained blocks begin with it; without one each block stands alone. */
  readonly iv: Uint8Array | undefined;
  readonly decrypts: boolean;
}

/** ECB and CBC. */
export class Blocks implements Transformation {
  /** Of PKCS #7. */
  padding = true;
  readonly #decrypts: boolean;
  readonly #transform: (block: Uint8Array) => void;
  #held: Uint8Array = new Uint8Array();

  constructor({ key, iv, decrypts }: BlockOptions) {
    const { unsafe } = require('@noble/ciphers/aes.js');
    const expanded = decrypts ? unsafe.expandKeyDecLE(key) : unsafe.expandKeyLE(key);
    this.#decrypts = decrypts;
    let previous = Uint8Array.from(iv ?? new Uint8Array(BLOCK));
    const chain = (block: Uint8Array): void => {
      for (let i = 0; i < BLOCK; i++) (block[i] as number) ^= previous[i] as number;
    };
    if (decrypts) {
      this.#transform = (block) => {
        const before = block.slice();
        unsafe.decryptBlock(expanded, block);
        if (iv === undefined) return;
        chain(block);
        previous = before;
      };
    } else {
      this.#transform = (block) => {
        if (iv !== undefined) chain(block);
        unsafe.encryptBlock(expanded, block);
        if (iv !== undefined) previous.set(block);
      };
    }
  }

  /** Whole blocks, in an array of their own. */
  #run(bytes: Uint8Array): Uint8Array {
    const result = Uint8Array.from(bytes);
    for (let at = 0; at < result.length; at += BLOCK) {
      this.#transform(result.subarray(at, at + BLOCK));
    }
    return result;
  }

  update(bytes: Uint8Array): Uint8Array {
    const all = joined(this.#held, bytes);
    let left = all.length % BLOCK;
    // The last block has the padding.
    if (left === 0 && this.#decrypts && this.padding) left = Math.min(BLOCK, all.length);
    const end = all.length - left;
    this.#held = all.slice(end);
    return this.#run(all.subarray(0, end));
  }

  final(): Uint8Array {
    const held = this.#held;
    const wanted = this.padding && this.#decrypts ? BLOCK : 0;
    if ((!this.padding || this.#decrypts) && held.length !== wanted) {
      throw opensslError('1C80006B', 'Provider routines', 'wrong final block length');
    }
    if (!this.padding) return held;
    if (this.#decrypts) return unpadded(this.#run(held));
    const padded = new Uint8Array(BLOCK).fill(BLOCK - held.length);
    padded.set(held);
    return this.#run(padded);
  }
}

function unpadded(block: Uint8Array): Uint8Array {
  const count = block[BLOCK - 1] as number;
  const isPadding = count >= 1 && count <= BLOCK;
  if (!isPadding || block.subarray(BLOCK - count).some((byte) => byte !== count)) {
    throw opensslError('1C800064', 'Provider routines', 'bad decrypt');
  }
  return block.slice(0, BLOCK - count);
}

/** XOR with a stream of key bytes that `next` makes block by block. */
class KeyStream implements Transformation {
  readonly #next: () => Uint8Array;
  #block: Uint8Array = new Uint8Array();
  #used = 0;

  constructor(next: () => Uint8Array) {
    this.#next = next;
  }

  update(bytes: Uint8Array): Uint8Array {
    const result = Uint8Array.from(bytes);
    for (let at = 0; at < result.length; ) {
      if (this.#used === this.#block.length) {
        this.#block = this.#next();
        this.#used = 0;
      }
      const count = Math.min(this.#block.length - this.#used, result.length - at);
      for (let i = 0; i < count; i++) {
        (result[at + i] as number) ^= this.#block[this.#used + i] as number;
      }
      this.#used += count;
      at += count;
    }
    return result;
  }

  final(): Uint8Array {
    return new Uint8Array();
  }
}

/** Key bytes out of a counter of which the last `width` bytes count. It is counted up in place. */
function counted(
  encrypt: (block: Uint8Array) => void,
  counter: Uint8Array,
  width: number,
): KeyStream {
  return new KeyStream(() => {
    const block = counter.slice();
    encrypt(block);
    for (let at = BLOCK - 1; at >= BLOCK - width; at--) {
      const digit = ((counter[at] as number) + 1) & 0xff;
      counter[at] = digit;
      if (digit !== 0) break;
    }
    return block;
  });
}

function aesEncryption(key: Uint8Array): (block: Uint8Array) => void {
  const { unsafe } = require('@noble/ciphers/aes.js');
  const expanded = unsafe.expandKeyLE(key);
  return (block) => {
    unsafe.encryptBlock(expanded, block);
  };
}

export function aesCtr(key: Uint8Array, iv: Uint8Array): Transformation {
  return counted(aesEncryption(key), Uint8Array.from(iv), BLOCK);
}

/** Two lengths of 64 bits each, behind what they measure. */
function lengths(associated: number, carried: number, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(BLOCK);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(associated), littleEndian);
  view.setBigUint64(8, BigInt(carried), littleEndian);
  return bytes;
}

/** A stream cipher and a MAC over what is associated, padded, what is sent, padded, and both lengths. */
class Vouched implements Authenticated {
  readonly #stream: Transformation;
  readonly #mac: Mac;
  readonly #decrypts: boolean;
  readonly #end: (associated: number, carried: number, digest: () => Uint8Array) => Uint8Array;
  #associated = 0;
  #carried = 0;
  #isCarrying = false;
  /** Less than a block: the MAC of GCM pads whatever it is given. */
  #held: Uint8Array = new Uint8Array();

  constructor(options: {
    readonly stream: Transformation;
    readonly mac: Mac;
    readonly decrypts: boolean;
    /** The tag, once the MAC has been given the lengths. */
    readonly end: (associated: number, carried: number, digest: () => Uint8Array) => Uint8Array;
  }) {
    this.#stream = options.stream;
    this.#mac = options.mac;
    this.#decrypts = options.decrypts;
    this.#end = options.end;
  }

  #absorb(bytes: Uint8Array): void {
    const all = this.#held.length === 0 ? bytes : joined(this.#held, bytes);
    const end = all.length - (all.length % BLOCK);
    this.#held = all.slice(end);
    if (end > 0) this.#mac.update(all.slice(0, end));
  }

  #pad(): void {
    if (this.#held.length > 0) this.#absorb(new Uint8Array(BLOCK - this.#held.length));
  }

  associate(bytes: Uint8Array): void {
    this.#associated += bytes.length;
    this.#absorb(bytes);
  }

  update(bytes: Uint8Array): Uint8Array {
    if (!this.#isCarrying) this.#pad();
    this.#isCarrying = true;
    this.#carried += bytes.length;
    const result = this.#stream.update(bytes);
    this.#absorb(this.#decrypts ? bytes : result);
    return result;
  }

  final(): Uint8Array {
    this.#pad();
    return new Uint8Array();
  }

  tag(): Uint8Array {
    return this.#end(this.#associated, this.#carried, () => this.#mac.digest());
  }
}

export function aesGcm(key: Uint8Array, iv: Uint8Array, decrypts: boolean): Authenticated {
  const { GHASH } = require('@noble/ciphers/_polyval.js');
  const encrypt = aesEncryption(key);
  const hashKey = new Uint8Array(BLOCK);
  encrypt(hashKey);
  let counter = new Uint8Array(BLOCK);
  if (iv.length === 12) {
    counter.set(iv);
    counter[BLOCK - 1] = 1;
  } else {
    const hash = new GHASH(hashKey);
    hash.update(iv);
    hash.update(lengths(0, iv.length * 8, false));
    counter = Uint8Array.from(hash.digest());
  }
  const stream = counted(encrypt, counter, 4);
  // The first block of key bytes hides the tag.
  const mask = stream.update(new Uint8Array(BLOCK));
  const mac = new GHASH(hashKey);
  return new Vouched({
    stream,
    mac,
    decrypts,
    end(associated, carried, digest) {
      mac.update(lengths(associated * 8, carried * 8, false));
      return digest().map((byte, at) => byte ^ (mask[at] as number));
    },
  });
}

export function chachaPoly(key: Uint8Array, nonce: Uint8Array, decrypts: boolean): Authenticated {
  const { chacha20 } = require('@noble/ciphers/chacha.js');
  const { Poly1305 } = require('@noble/ciphers/_poly1305.js');
  const secret = Uint8Array.from(key);
  const iv = Uint8Array.from(nonce);
  let counter = 0;
  const next = (): Uint8Array => chacha20(secret, iv, new Uint8Array(64), undefined, counter++);
  const mac = new Poly1305(next().subarray(0, 32));
  return new Vouched({
    stream: new KeyStream(next),
    mac,
    decrypts,
    end(associated, carried, digest) {
      mac.update(lengths(associated, carried, true));
      return digest();
    },
  });
}
