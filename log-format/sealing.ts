/**
 * Sealed files: a segment, a beginning or a snapshot, encrypted as it lies on one host's disk. What is
 * sealed are the plain bytes of the file; lsns, offsets and the hash chain are those of the plain bytes,
 * so a sealed and a plain copy of one log are the same log. Here are the frames; who computes with keys
 * is the host.
 *
 * envelope  a header frame (of a snapshot: a head frame) with the version 0x8001, then a map: vm, part
 * key       [keyId, salt, offset, tag]
 * bytes     ciphertext, then a tag of 16 bytes
 *
 * A key frame begins a *session*: all that one writer adds while it has the file open. `offset` is where
 * the session goes on in the plain bytes; what lay there and behind is void (a seal that was cut off).
 */

import { fromHex, toHex } from './checksum.ts';
import { decodeValue, encodeValue } from './codec.ts';
import { FormatError, FormatVersionError } from './faults.ts';
import { asBytes, asCount, asText, asTuple } from './fields.ts';
import { type AnyFrameType, encodeFrame, FRAME, SEALED_FRAME, SNAPSHOT_FRAME } from './frame.ts';
import { LOG_MAGIC } from './header.ts';
import { SNAPSHOT_MAGIC } from './snapshot.ts';

/** Where a plain file has its format version. The high bit is set in no version of a plain file. */
export const SEALED_VERSION = 0x8001;
const SEALED_BIT = 0x8000;

export const SEAL_TAG_BYTES = 16;
export const SEAL_SALT_BYTES = 32;
export const SEAL_KEY_ID_BYTES = 8;
export const SEAL_NONCE_BYTES = 12;
/** A guest's name and a file's, and what they are called. */
export const ENVELOPE_BYTES_MAX = 4096;

/** What a sealed file says in clear. `part` is the name of its file when it was written. */
export interface Envelope {
  readonly vm: string;
  readonly part: string;
}

/** Types of frames in a sealed file. */
export const SEALED_FILE_FRAMES: readonly AnyFrameType[] = [
  FRAME.header,
  SNAPSHOT_FRAME.head,
  ...Object.values(SEALED_FRAME),
];

/** One whole frame. `of`: what is sealed. */
export function encodeEnvelope(of: 'log' | 'snapshot', envelope: Envelope): Uint8Array {
  const magic = of === 'log' ? LOG_MAGIC : SNAPSHOT_MAGIC;
  const map = encodeValue({ vm: envelope.vm, part: envelope.part });
  const payload = new Uint8Array(magic.length + 2 + map.length);
  payload.set(magic);
  new DataView(payload.buffer).setUint16(magic.length, SEALED_VERSION);
  payload.set(map, magic.length + 2);
  return encodeFrame(of === 'log' ? FRAME.header : SNAPSHOT_FRAME.head, payload);
}

function versionIn(type: AnyFrameType, payload: Uint8Array): { version: number; rest: number } {
  const magic = type === FRAME.header ? LOG_MAGIC : SNAPSHOT_MAGIC;
  const rest = magic.length + 2;
  const known = type === FRAME.header || type === SNAPSHOT_FRAME.head;
  if (!known || payload.length < rest || magic.some((byte, at) => payload[at] !== byte))
    return { version: 0, rest };
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return { version: view.getUint16(magic.length), rest };
}

/** Whether the first frame of a file says that what follows is sealed, in whatever version. */
export function isEnvelope(type: AnyFrameType, payload: Uint8Array): boolean {
  return (versionIn(type, payload).version & SEALED_BIT) !== 0;
}

/** Throws a FormatVersionError for a seal this code does not know, else a FormatError. */
export function decodeEnvelope(type: AnyFrameType, payload: Uint8Array): Envelope {
  const { version, rest } = versionIn(type, payload);
  if ((version & SEALED_BIT) === 0) throw new FormatError('not a sealed file');
  if (version !== SEALED_VERSION) throw new FormatVersionError('sealing', version - SEALED_BIT);
  const value = decodeValue(payload.subarray(rest));
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FormatError('envelope is not a map');
  const fields = new Map<string, unknown>(Object.entries(value));
  if (fields.size !== 2) throw new FormatError('envelope with unknown fields');
  return { vm: asText(fields.get('vm')), part: asText(fields.get('part')) };
}

/** Begins a session. */
export interface KeyFrame {
  /** Hex: which of the keys a host has. */
  readonly keyId: string;
  /** Random, for this session alone. */
  readonly salt: Uint8Array;
  /** In the plain bytes: where the session goes on. */
  readonly offset: number;
  /** Proves that who began the session has the key. */
  readonly tag: Uint8Array;
}

/** One whole frame. */
export function encodeKeyFrame(frame: KeyFrame): Uint8Array {
  const fields = [fromHex(frame.keyId), frame.salt, frame.offset, frame.tag];
  return encodeFrame(SEALED_FRAME.key, encodeValue(fields));
}

export function decodeKeyFrame(payload: Uint8Array): KeyFrame {
  const fields = asTuple(decodeValue(payload), { min: 4, max: 4 });
  return {
    keyId: toHex(sized(fields[0], SEAL_KEY_ID_BYTES)),
    salt: sized(fields[1], SEAL_SALT_BYTES),
    offset: asCount(fields[2]),
    tag: sized(fields[3], SEAL_TAG_BYTES),
  };
}

function sized(value: unknown, length: number): Uint8Array {
  const bytes = asBytes(value);
  if (bytes.length !== length) throw new FormatError('a seal of a wrong length');
  return bytes;
}

/**
 * Nonce of the bytes at `offset`. Within a session offsets only grow, and no two sessions have one key:
 * so no nonce is used twice with a key.
 */
export function sealNonce(offset: number): Uint8Array {
  const nonce = new Uint8Array(SEAL_NONCE_BYTES);
  const view = new DataView(nonce.buffer);
  view.setUint32(4, Math.floor(offset / 0x1_0000_0000));
  view.setUint32(8, offset >>> 0);
  return nonce;
}

/** Nonce of a key frame's own tag: no offset leads to it. */
export function keyFrameNonce(): Uint8Array {
  return new Uint8Array(SEAL_NONCE_BYTES).fill(0xff);
}

/**
 * What a tag covers beside the bytes: the file (by the hash of its envelope: vm and part), the type of
 * the frame, the place and the length in the plain bytes.
 */
export function sealedPlace(
  envelopeHash: Uint8Array,
  type: AnyFrameType,
  place: { readonly offset: number; readonly length: number },
): Uint8Array {
  const data = new Uint8Array(envelopeHash.length + 13);
  data.set(envelopeHash);
  const view = new DataView(data.buffer, envelopeHash.length);
  view.setUint8(0, type);
  view.setUint32(1, Math.floor(place.offset / 0x1_0000_0000));
  view.setUint32(5, place.offset >>> 0);
  view.setUint32(9, place.length);
  return data;
}
