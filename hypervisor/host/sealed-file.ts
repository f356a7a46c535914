/**
 * Writes sealed files: what is handed over as plain bytes is encrypted on the way to the disk, once. The
 * rest of hv counts in plain bytes and knows nothing of it.
 */

import { closeSync, openSync } from 'node:fs';
import { basename } from 'node:path';
import {
  type AnyFrameType,
  decodeHeader,
  decodeSnapshotHead,
  encodeEnvelope,
  FRAME,
  FrameReader,
  SNAPSHOT_FRAME,
  sha256,
} from '../../log-format/index.ts';
import { assert, defined, InvariantError } from '../base/assert.ts';
import { FRAME_BYTES_MAX, SEALED_BYTES_MAX } from '../base/limits.ts';
import type { Disk } from './disk.ts';
import { SealSession } from './log-cipher.ts';
import { demandKeys, openLogInput } from './log-input.ts';
import { type LogKey, logKeys } from './log-keys.ts';
import type { AppendPlace, SegmentFile } from './log-segment-file.ts';
import { SealedInput } from './sealed-input.ts';

/** Segments, beginnings, snapshots; what else lies beside them holds nothing that a guest has seen. */
const HOLDS_RECORDS = /\.hv(log|snap)(\.tmp)?$/;
/** A file under its temporary name is that file already. */
const TEMPORARY = /\.tmp$/;

/**
 * A disk whose files are sealed when this process has keys: offsets and sizes are those of the plain bytes.
 * All that is changed is changed by operations of `under`. Opening and cutting throw HV_E_LOG_KEY when a
 * file is not as the keys say.
 */
export function sealing(under: Disk): Disk {
  return {
    openFile: (path, at) => openLogFile(under, path, at),
    openInput: openLogInput,
    list: (dir) => under.list(dir),
    rename: (from, to) => under.rename(from, to),
    unlink: (path) => under.unlink(path),
    cut: (path, bytesMax) => cutLogFile(under, path, bytesMax),
    syncDirectory: (dir) => under.syncDirectory(dir),
    room: (dir) => under.room(dir),
  };
}

function openLogFile(under: Disk, path: string, at: AppendPlace): SegmentFile {
  const key = logKeys()?.keys[0];
  if (at.offset === 0) {
    const file = under.openFile(path, { offset: 0 });
    return key === undefined || !HOLDS_RECORDS.test(path)
      ? file
      : new SealedFile(file, path, { key });
  }
  if (kindOf(path) === 'plain') return under.openFile(path, at);
  const { fileBytes, envelopeHash } = endOf(path, at);
  const file = under.openFile(path, { offset: fileBytes });
  return new SealedFile(file, path, {
    key: defined(key, 'who may open a sealed file has a key'),
    goesOn: { envelopeHash, fileBytes, offset: at.offset },
  });
}

function kindOf(path: string): 'sealed' | 'plain' {
  const fd = openSync(path, 'r');
  try {
    return demandKeys(fd, path);
  } finally {
    closeSync(fd);
  }
}

/** The length of the file whose plain bytes end at `offset`. */
function endOf(
  path: string,
  { offset, fileBytes }: AppendPlace,
): { readonly fileBytes: number; readonly envelopeHash: Uint8Array } {
  const input = openLogInput(path);
  assert(input instanceof SealedInput, 'a sealed file is opened as one');
  try {
    const { envelopeHash } = input;
    // Who closed it says how long it was: finding out takes a pass over the file, and a takeover waits.
    if (fileBytes === input.fileBytes) return { fileBytes, envelopeHash };
    if (input.size !== offset || input.tornBytes > 0)
      throw new Error(
        `${path} holds ${input.size} bytes and not the ${offset} that were handed over`,
      );
    return { fileBytes: input.wholeBytes, envelopeHash };
  } finally {
    input.close();
  }
}

interface SealedFileOptions {
  readonly key: LogKey;
  /** Undefined: the file is new. */
  readonly goesOn?: {
    readonly envelopeHash: Uint8Array;
    readonly fileBytes: number;
    readonly offset: number;
  };
}

class SealedFile implements SegmentFile {
  readonly #file: SegmentFile;
  readonly #path: string;
  readonly #key: LogKey;
  #envelopeHash: Uint8Array | undefined;
  #session: SealSession | undefined;
  /** Next one in the plain bytes. */
  #offset: number;
  #fileBytes: number;

  constructor(file: SegmentFile, path: string, { key, goesOn }: SealedFileOptions) {
    this.#file = file;
    this.#path = path;
    this.#key = key;
    this.#envelopeHash = goesOn?.envelopeHash;
    this.#offset = goesOn?.offset ?? 0;
    this.#fileBytes = goesOn?.fileBytes ?? 0;
  }

  get fileBytes(): number {
    return this.#fileBytes;
  }

  write(buffers: readonly Uint8Array[]): Promise<void> {
    return this.#file.write(this.#seal(buffers));
  }

  writeSync(buffers: readonly Uint8Array[]): void {
    this.#file.writeSync(this.#seal(buffers));
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #seal(buffers: readonly Uint8Array[]): Uint8Array[] {
    const plain = joined(buffers);
    if (plain.length === 0) return [];
    const frames: Uint8Array[] = [];
    if (this.#envelopeHash === undefined) {
      const envelope = envelopeOf(plain, basename(this.#path).replace(TEMPORARY, ''));
      this.#envelopeHash = sha256(envelope);
      frames.push(envelope);
    }
    if (this.#session === undefined) {
      const begun = SealSession.begin(this.#key, this.#envelopeHash, this.#offset);
      this.#session = begun.session;
      frames.push(begun.frame);
    }
    for (let at = 0; at < plain.length; at += SEALED_BYTES_MAX)
      frames.push(this.#session.seal(plain.subarray(at, at + SEALED_BYTES_MAX), this.#offset + at));
    this.#offset += plain.length;
    for (const frame of frames) this.#fileBytes += frame.length;
    return frames;
  }
}

function joined(buffers: readonly Uint8Array[]): Uint8Array {
  const [only] = buffers;
  return buffers.length === 1 && only !== undefined ? only : Buffer.concat(buffers);
}

/** By the first frame that is written into a file: it says of which run the file is. */
function envelopeOf(plain: Uint8Array, part: string): Uint8Array {
  const types = [FRAME.header, SNAPSHOT_FRAME.head];
  const reader = new FrameReader<AnyFrameType>(FRAME_BYTES_MAX, { types });
  reader.push(plain);
  const first = reader.next();
  if (first.type !== 'frame') throw new InvariantError('a file of a log begins with a header');
  const { type, payload } = first.frame;
  return type === FRAME.header
    ? encodeEnvelope('log', { vm: decodeHeader(payload).vm, part })
    : encodeEnvelope('snapshot', { vm: decodeSnapshotHead(payload).vm, part });
}

/**
 * Nothing before the cut is written anew: where a sealed frame holds bytes of both sides, a new session
 * says that the file goes on inside it. Until that is on disk the file ends with the frame, which is what it
 * held before.
 */
async function cutLogFile(under: Disk, path: string, bytesMax: number): Promise<void> {
  const input = openLogInput(path);
  let length = bytesMax;
  let mark: Uint8Array | undefined;
  try {
    if (input instanceof SealedInput) ({ length, mark } = sealedCut(input, bytesMax));
  } finally {
    input.close();
  }
  await under.cut(path, length);
  if (mark === undefined) return;
  const file = under.openFile(path, { offset: length });
  try {
    await file.write([mark]);
    await file.sync();
  } finally {
    await file.close();
  }
}

function sealedCut(
  input: SealedInput,
  bytesMax: number,
): { readonly length: number; readonly mark: Uint8Array | undefined } {
  // Nothing is left to be sealed, and a reader of the start alone finds nothing that was cut off.
  if (bytesMax === 0) return { length: 0, mark: undefined };
  if (bytesMax > input.size) return { length: Number.MAX_SAFE_INTEGER, mark: undefined };
  const { fileBytes, size } = input.cutAt(bytesMax);
  if (size <= bytesMax) return { length: fileBytes, mark: undefined };
  const key = defined(logKeys()?.keys[0], 'who may open a sealed file has a key');
  return {
    length: fileBytes,
    mark: SealSession.begin(key, input.envelopeHash, bytesMax).frame,
  };
}
