/**
 * Blobs (firmware, image, source map) between memory and log: compressed on the way in, verified on
 * the way out. Here and not in log-format, because a compressor's bytes depend on its version. That
 * does no harm: a blob is packed once and its packed bytes are copied from replica to replica, and
 * any version of Brotli unpacks them.
 */

import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import {
  announcedHash,
  type Blob,
  blobNames,
  encodeBlob,
  FormatError,
  type LogHeader,
  type PackedBlob,
  sha256Hex,
} from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { FRAME_BYTES_MAX } from '../base/limits.ts';

/** Quality 1 takes a tenth of the time of quality 4 and makes text about a tenth longer; packing is
 * part of the guest's start. */
const BROTLI_QUALITY = 1;
/** Below this, packing saves less than a disk block. */
const PACK_BYTES_MIN = 1024;
/** Longest blob after unpacking: a small frame must not unpack to more memory than hv has. */
const UNPACKED_BYTES_MAX: number = 4 * FRAME_BYTES_MAX;

export function packBlob(blob: Blob): PackedBlob {
  assert(blob.bytes.length <= UNPACKED_BYTES_MAX, 'a blob is below the limit');
  const { name, hash } = blob;
  if (blob.bytes.length >= PACK_BYTES_MIN) {
    const bytes = brotliCompressSync(blob.bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: blob.bytes.length,
      },
    });
    if (bytes.length < blob.bytes.length) return { name, hash, encoding: 'brotli', bytes };
  }
  return { name, hash, encoding: 'identity', bytes: blob.bytes };
}

/** Throws a FormatError when the bytes do not unpack or are not what their hash says. */
export function unpackBlob(packed: PackedBlob): Blob {
  const bytes = packed.encoding === 'identity' ? packed.bytes : inflate(packed.bytes);
  if (sha256Hex(bytes) !== packed.hash) throw new FormatError('blob does not match its hash');
  return { name: packed.name, hash: packed.hash, bytes };
}

function inflate(bytes: Uint8Array): Uint8Array {
  try {
    const unpacked = brotliDecompressSync(bytes, { maxOutputLength: UNPACKED_BYTES_MAX });
    return new Uint8Array(unpacked.buffer, unpacked.byteOffset, unpacked.byteLength);
  } catch (error) {
    throw new FormatError('blob cannot be unpacked', { cause: error });
  }
}

/**
 * Checks that `blob` is the one that comes as number `index` (from 0) behind `header`. Throws a
 * FormatError if not.
 */
export function checkBlobPlace(header: LogHeader, blob: PackedBlob, index: number): void {
  if (blob.name !== blobNames()[index]) throw new FormatError('blob in a wrong place');
  if (blob.hash !== announcedHash(header, blob.name)) {
    throw new FormatError('blob is not the one the header names');
  }
}

/** All blobs of a log as frames, as a state transfer sends them. */
export function framedBlobs(
  header: LogHeader,
  blobs: Readonly<Record<Blob['name'], Uint8Array>>,
): readonly Uint8Array[] {
  return blobNames().map((name) =>
    encodeBlob(packBlob({ name, hash: announcedHash(header, name), bytes: blobs[name] })),
  );
}

/** Number of blobs behind a header. */
export const BLOB_COUNT: number = blobNames().length;
