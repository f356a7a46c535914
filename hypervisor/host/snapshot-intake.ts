/**
 * What a replica that joins by a snapshot does with it: writes the files as they come, checks them, and
 * begins a log that goes on behind it. The layout is that of a log that was trimmed: header and blobs in
 * a file of their own, the snapshot, and a first segment that continues the hash chain from where the
 * snapshot was taken (log-place.ts). The segment comes last: a directory without one is no log.
 */

import { dirname, join } from 'node:path';
import {
  asLsn,
  decodeBlob,
  decodeHeader,
  FormatError,
  FRAME,
  FrameReader,
  type LogHeader,
  type SnapshotHead,
  SnapshotScan,
  snapshotLsn,
} from '../../log-format/index.ts';
import { assert, defined } from '../base/assert.ts';
import type { HvError } from '../base/errors.ts';
import { FRAME_BYTES_MAX } from '../base/limits.ts';
import { checkpointError } from './checkpoint-errors.ts';
import { makeDirectory } from './directories.ts';
import { type Disk, REAL_DISK } from './disk.ts';
import { BLOB_COUNT, checkBlobPlace } from './log-blobs.ts';
import { isFirstHeader, LogCursor, type LogPosition, segmentName } from './log-cursor.ts';
import { BEGINNING_FILE, segmentNumbers } from './log-files.ts';
import type { SegmentFile } from './log-segment-file.ts';
import { ownerFault } from './snapshot-reader.ts';
import type { SnapshotFile } from './snapshot-source.ts';
import { TEMPORARY_SUFFIX } from './snapshot-writer.ts';
import { writeWhole } from './write-whole.ts';

export type IntakeEnd =
  /** A log is there that begins behind `head`: for `FileLogStore.resume`. */
  | { readonly type: 'ready'; readonly head: SnapshotHead; readonly position: LogPosition }
  /** What came is no snapshot of this log. */
  | { readonly type: 'refused'; readonly reason: string }
  /** HV_E_CHECKPOINT_WRITE: this disk does not take it. */
  | { readonly type: 'failed'; readonly error: HvError };

export interface IntakeOptions {
  /** Locked, and without a log; what an interrupted join has left there is removed. */
  readonly dir: string;
  /** Frames of the log's header and blobs. */
  readonly beginning: Uint8Array;
  /** In the order in which they come. */
  readonly files: readonly SnapshotFile[];
  readonly disk?: Disk;
}

const GIVEN_UP = 'given up';

/** A file as far as it has come. */
interface Incoming extends SnapshotFile {
  readonly scan: SnapshotScan;
  file: SegmentFile | undefined;
  received: number;
  /** Nothing is written before the head is here: it begins the file, whole (sealed-file.ts). */
  held: Uint8Array[];
  head: SnapshotHead | undefined;
}

export class SnapshotIntake {
  readonly #dir: string;
  readonly #disk: Disk;
  readonly #beginning: Uint8Array;
  readonly #files: readonly Incoming[];
  #header: LogHeader | undefined;
  /** One operation of the disk after the other. */
  #work: Promise<void>;
  #failure: unknown;
  #abandoned = false;
  #pendingBytes = 0;

  constructor({ dir, beginning, files, disk = REAL_DISK }: IntakeOptions) {
    this.#dir = dir;
    this.#disk = whileIn(disk, () => !this.#abandoned);
    this.#beginning = beginning;
    this.#files = files.map((one) => ({
      ...one,
      scan: new SnapshotScan(),
      file: undefined,
      received: 0,
      held: [],
      head: undefined,
    }));
    this.#work = this.#guarded(async () => {
      this.#header = readBase(beginning);
      const names = files.map(({ name }) => snapshotLsn(name));
      if (names.length < 1 || names.length > 2 || names.includes(undefined))
        throw new FormatError('a snapshot is one file or two');
      makeDirectory(dir);
      await this.#removeLeftovers();
    });
  }

  /** Bytes received and not written yet: who sends may be slowed down by it. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** The next bytes. They are kept until they are written and must not change. */
  chunk(name: string, offset: number, bytes: Uint8Array): void {
    this.#pendingBytes += bytes.length;
    this.#next(async () => {
      this.#pendingBytes -= bytes.length;
      const into = this.#files.find((one) => one.received < one.bytes);
      if (into?.name !== name || into.received !== offset || bytes.length > into.bytes - offset)
        throw new FormatError('a piece of a snapshot out of place');
      into.scan.push(bytes);
      for (let part = into.scan.next(); part !== undefined; part = into.scan.next())
        if (part.type === 'head') into.head = this.#checked(part.head, into.name);
      into.received += bytes.length;
      into.held.push(bytes);
      if (into.head === undefined) return;
      into.file ??= this.#disk.openFile(this.#temporary(name), { offset: 0 });
      await into.file.write(into.held);
      into.held = [];
    });
  }

  /**
   * After the last piece: `done` is called once, when the log is on disk or there is nothing; never when it was
   * abandoned meanwhile.
   */
  finish(done: (end: IntakeEnd) => void): void {
    let ready: Extract<IntakeEnd, { readonly type: 'ready' }> | undefined;
    this.#next(async () => {
      ready = await this.#finish();
    });
    void this.#work.then(async () => {
      if (ready === undefined) await this.#closeFiles();
      if (this.#abandoned) return;
      done(ready ?? this.#refusal());
    });
  }

  /**
   * Gives up at once: from here on the directory belongs to somebody else, who removes what has been written.
   * Resolves when no file of it is open.
   */
  abandon(): Promise<void> {
    this.#abandoned = true;
    this.#failure ??= new FormatError(GIVEN_UP);
    return this.#work.then(() => this.#closeFiles());
  }

  async #finish(): Promise<Extract<IntakeEnd, { readonly type: 'ready' }>> {
    const head = this.#checkChain();
    for (const { file } of this.#files) await file?.sync();
    await this.#closeFiles();
    if (this.#failure !== undefined) throw this.#failure;
    // The complete one first: a difference without it is worth nothing.
    for (const { name } of this.#files)
      await this.#disk.rename(this.#temporary(name), join(this.#dir, name));
    await this.#disk.syncDirectory(this.#dir);
    const header = defined(this.#header, 'a snapshot comes behind a header');
    const base = { header, beginning: this.#beginning };
    return { type: 'ready', head, position: await beginLogAt(this.#dir, base, head, this.#disk) };
  }

  /** The snapshot itself, when its files are whole and belong to each other. */
  #checkChain(): SnapshotHead {
    const ends = this.#files.map(({ scan, head }) => ({ end: scan.finish(), head }));
    const last = defined(ends.at(-1)?.head, 'a whole snapshot has a head');
    const base = ends.length === 2 ? ends[0] : undefined;
    const fits =
      base === undefined
        ? last.base === 0
        : last.base === base.head?.lsn && last.baseChain === base.end.chain && base.head.base === 0;
    if (!fits) throw new FormatError('the complete snapshot it needs is another one');
    return last;
  }

  #checked(head: SnapshotHead, name: string): SnapshotHead {
    const header = defined(this.#header, 'a snapshot comes behind a header');
    const fault = ownerFault(head, header);
    if (fault !== undefined) throw new FormatError(fault);
    if (snapshotLsn(name) !== head.lsn)
      throw new FormatError('the file has the name of another snapshot');
    return head;
  }

  #temporary(name: string): string {
    return join(this.#dir, `${name}${TEMPORARY_SUFFIX}`);
  }

  #next(act: () => Promise<void>): void {
    this.#work = this.#work.then(() => this.#guarded(act));
  }

  async #guarded(act: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      await act();
    } catch (error) {
      this.#failure = error;
    }
  }

  #refusal(): IntakeEnd {
    const error = this.#failure;
    if (error instanceof FormatError) return { type: 'refused', reason: error.message };
    if (!(error instanceof Error && 'code' in error)) throw error;
    return { type: 'failed', error: checkpointError(this.#dir, error) };
  }

  async #closeFiles(): Promise<void> {
    for (const one of this.#files) {
      const { file } = one;
      one.file = undefined;
      await file?.close().catch((error: unknown) => {
        this.#failure ??= error;
      });
    }
  }

  async #removeLeftovers(): Promise<void> {
    const numbers = segmentNumbers(this.#dir, this.#disk);
    assert(numbers.length === 0, 'a snapshot begins a log where there is none');
    for (const name of this.#disk.list(this.#dir))
      if (/\.(hvsnap|hvsig)(\.tmp)?$|^beginning\.hvlog|\.hvlog\.tmp$/.test(name))
        await this.#disk.unlink(join(this.#dir, name));
  }
}

/** The disk as long as it may be used: no operation begins after that. */
function whileIn(disk: Disk, mayUse: () => boolean): Disk {
  return new Proxy(disk, {
    get: (target, name: keyof Disk) => {
      if (!mayUse()) throw new FormatError(GIVEN_UP);
      return target[name];
    },
  });
}

/**
 * Makes the snapshot with `head`, which is in `dir`, the beginning of a log, and says where that goes on.
 * Rejects with the disk's error; there is no log then.
 */
export async function beginLogAt(
  dir: string,
  { header, beginning }: { readonly header: LogHeader; readonly beginning: Uint8Array },
  { lsn, position }: SnapshotHead,
  disk: Disk = REAL_DISK,
): Promise<LogPosition> {
  await writeWhole(dir, BEGINNING_FILE, beginning, disk);
  const segment = position.segment + 1;
  const first = { ...header, segment, firstLsn: asLsn(lsn + 1), chain: position.chain };
  const cursor = LogCursor.before(dir, header, first);
  await writeWhole(dir, segmentName(segment), cursor.next(), disk);
  await disk.syncDirectory(dirname(dir));
  return { ...cursor.position(dir), epoch: position.epoch };
}

/** The header of a beginning that is whole: header and blobs, as the header names them. */
function readBase(beginning: Uint8Array): LogHeader {
  const reader = new FrameReader(FRAME_BYTES_MAX);
  reader.push(beginning);
  let header: LogHeader | undefined;
  let blobs = 0;
  for (let next = reader.next(); next.type !== 'more'; next = reader.next()) {
    if (next.type === 'damaged') throw new FormatError(next.reason);
    const { type, payload } = next.frame;
    if (header === undefined && type === FRAME.header) header = decodeHeader(payload);
    else if (header !== undefined && type === FRAME.blob)
      checkBlobPlace(header, decodeBlob(payload), blobs++);
    else throw new FormatError('a log begins with header and blobs');
  }
  if (header === undefined || blobs !== BLOB_COUNT || reader.pending > 0)
    throw new FormatError('header and blobs are not complete');
  if (!isFirstHeader(header)) throw new FormatError('not the beginning of a log');
  return header;
}
