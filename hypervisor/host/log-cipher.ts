/**
 * AES-256-GCM for sealed files (log-format/sealing.ts). Every session has a key of its own, derived with
 * HKDF from the key of the host, 32 random bytes and the hash of the file's envelope. So a nonce, which is
 * the place in the file, can repeat under no key: within a session places only grow; a process that was
 * killed, a log that was cut, a copy that is continued twice all go on in new sessions.
 */

import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import {
  type AnyFrameType,
  encodeFrame,
  encodeKeyFrame,
  FormatError,
  type KeyFrame,
  keyFrameNonce,
  SEAL_SALT_BYTES,
  SEAL_TAG_BYTES,
  SEALED_FRAME,
  sealedPlace,
  sealNonce,
} from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import type { LogKey } from './log-keys.ts';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
/** The purpose: the same key may serve others some day. */
const PURPOSE: Uint8Array = new TextEncoder().encode('hv log at rest 1\0');

/** One writer's time with one file. */
export class SealSession {
  readonly #envelopeHash: Uint8Array;
  readonly #key: KeyObject;
  /** The next place that may be sealed: none twice. */
  #next: number;

  private constructor(key: LogKey, envelopeHash: Uint8Array, salt: Uint8Array, offset: number) {
    this.#envelopeHash = envelopeHash;
    this.#next = offset;
    const info = Buffer.concat([PURPOSE, envelopeHash]);
    const derived = hkdfSync('sha256', key.secret, salt, info, KEY_BYTES);
    this.#key = createSecretKey(new Uint8Array(derived));
  }

  /** Begins one that goes on at `offset`; `frame` comes first in the file. */
  static begin(
    key: LogKey,
    envelopeHash: Uint8Array,
    offset: number,
  ): { readonly session: SealSession; readonly frame: Uint8Array } {
    const salt = randomBytes(SEAL_SALT_BYTES);
    const session = new SealSession(key, envelopeHash, salt, offset);
    const { tag } = session.#encrypt(SEALED_FRAME.key, new Uint8Array(), offset);
    return { session, frame: encodeKeyFrame({ keyId: key.id, salt, offset, tag }) };
  }

  /** For reading what another one has written. Throws a FormatError when it was not begun with `key`. */
  static open(key: LogKey, envelopeHash: Uint8Array, frame: KeyFrame): SealSession {
    const { salt, offset, tag } = frame;
    const session = new SealSession(key, envelopeHash, salt, offset);
    session.#decrypt(SEALED_FRAME.key, new Uint8Array(), { offset, tag });
    return session;
  }

  /** The frame with `bytes`, which lie at `offset` of the plain file. */
  seal(bytes: Uint8Array, offset: number): Uint8Array {
    assert(offset === this.#next && bytes.length > 0, 'no place of a file is sealed twice');
    this.#next = offset + bytes.length;
    const { sealed, tag } = this.#encrypt(SEALED_FRAME.bytes, bytes, offset);
    return encodeFrame(SEALED_FRAME.bytes, sealed, tag);
  }

  /** The bytes in the payload of a frame, in memory of their own. Throws a FormatError. */
  unseal(payload: Uint8Array, offset: number): Uint8Array {
    const cut = payload.length - SEAL_TAG_BYTES;
    const sealed = payload.subarray(0, cut);
    return this.#decrypt(SEALED_FRAME.bytes, sealed, { offset, tag: payload.subarray(cut) });
  }

  #encrypt(
    type: AnyFrameType,
    bytes: Uint8Array,
    offset: number,
  ): { readonly sealed: Uint8Array; readonly tag: Uint8Array } {
    const cipher = createCipheriv(CIPHER, this.#key, nonceOf(type, offset));
    cipher.setAAD(sealedPlace(this.#envelopeHash, type, { offset, length: bytes.length }));
    const sealed = cipher.update(bytes);
    // The mode is a stream's: nothing is left over at the end.
    cipher.final();
    return { sealed, tag: cipher.getAuthTag() };
  }

  #decrypt(
    type: AnyFrameType,
    sealed: Uint8Array,
    { offset, tag }: { readonly offset: number; readonly tag: Uint8Array },
  ): Uint8Array {
    const decipher = createDecipheriv(CIPHER, this.#key, nonceOf(type, offset), {
      authTagLength: SEAL_TAG_BYTES,
    });
    decipher.setAAD(sealedPlace(this.#envelopeHash, type, { offset, length: sealed.length }));
    decipher.setAuthTag(tag);
    const bytes = decipher.update(sealed);
    try {
      decipher.final();
    } catch (error) {
      throw new FormatError('a sealed part was changed, or belongs to another place or file', {
        cause: error,
      });
    }
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

function nonceOf(type: AnyFrameType, offset: number): Uint8Array {
  return type === SEALED_FRAME.key ? keyFrameNonce() : sealNonce(offset);
}
