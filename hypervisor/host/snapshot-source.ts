/**
 * The newest snapshot beside a log that is being written, for a replica that joins by it: the complete one
 * and the difference to it, if it is one, read in small pieces and checked on the way. Files are held
 * open, so that a snapshot that is deleted meanwhile is read to its end all the same. What is sent are plain
 * bytes, and sizes are those: whether and with what key a file is sealed is the business of each host.
 */

import { join } from 'node:path';
import {
  asLsn,
  FormatError,
  type Lsn,
  type SnapshotHead,
  type SnapshotOwner,
  SnapshotScan,
  snapshotName,
} from '../../log-format/index.ts';
import type { LogReading } from '../ports.ts';
import { checkpointLsns } from './checkpoint-files.ts';
import { findLog } from './log-files.ts';
import { readBeginning } from './log-trim.ts';
import { ownerFault, readHead } from './snapshot-reader.ts';
import { StreamControl } from './stream-control.ts';
import { openStreamInput, type StreamInput } from './stream-input.ts';

/** Bytes per read and per call of `onChunk`: a millisecond or so of checking. */
const CHUNK_BYTES = 262_144;

export interface SnapshotFile {
  /** Without a directory. */
  readonly name: string;
  readonly bytes: number;
}

export type SourceEnd =
  | { readonly type: 'sent' }
  /** The snapshot at `lsn` cannot be used: to be left out when a source is opened again. */
  | { readonly type: 'damaged'; readonly lsn: Lsn; readonly reason: string };

export interface SnapshotSourceOptions {
  /** By default the newest there is. */
  readonly lsnMax?: Lsn;
  /** Known to be bad. */
  readonly avoid?: ReadonlySet<Lsn>;
}

interface Opened extends SnapshotFile {
  readonly file: StreamInput;
  readonly lsn: Lsn;
}

/** To be read once, or closed. */
export class SnapshotSource {
  /** The log goes on behind this record. */
  readonly lsn: Lsn;
  /** Frames of the log's header and blobs. */
  readonly beginning: Uint8Array;
  readonly #head: SnapshotHead;
  readonly #files: readonly Opened[];

  constructor(head: SnapshotHead, beginning: Uint8Array, files: readonly Opened[]) {
    this.lsn = head.lsn;
    this.beginning = beginning;
    this.#head = head;
    this.#files = files;
  }

  /** In the order in which they are read: what others need comes first. */
  get files(): readonly SnapshotFile[] {
    return this.#files.map(({ name, bytes }) => ({ name, bytes }));
  }

  /**
   * Calls `onChunk` with each file's bytes in order, then `done` once, unless it is cancelled. The bytes
   * are the caller's.
   */
  read(
    onChunk: (name: string, offset: number, bytes: Uint8Array) => void,
    done: (end: SourceEnd) => void,
  ): LogReading {
    const control = new StreamControl();
    void this.#read(control, onChunk).then((end) => {
      if (end !== undefined && !control.cancelled) done(end);
    });
    return control;
  }

  async close(): Promise<void> {
    for (const { file } of this.#files) await file.close();
  }

  async #read(
    control: StreamControl,
    onChunk: (name: string, offset: number, bytes: Uint8Array) => void,
  ): Promise<SourceEnd | undefined> {
    let reading = this.lsn;
    try {
      let chain = '';
      for (const one of this.#files) {
        reading = one.lsn;
        const found = await readFile(one, control, onChunk);
        if (found === undefined) return undefined;
        const fits = one.lsn === this.#head.base || this.#head.base === 0;
        if (!fits && this.#head.baseChain !== chain) {
          reading = this.#head.base;
          throw new FormatError('the complete snapshot it needs is another one');
        }
        chain = found;
      }
      return { type: 'sent' };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (!(error instanceof FormatError) && code === undefined) throw error;
      return { type: 'damaged', lsn: reading, reason: message };
    } finally {
      await this.close();
    }
  }
}

/** The chain in the file's end frame; undefined: cancelled. Throws a FormatError or the disk's error. */
async function readFile(
  { name, bytes, file }: Opened,
  control: StreamControl,
  onChunk: (name: string, offset: number, bytes: Uint8Array) => void,
): Promise<string | undefined> {
  const scan = new SnapshotScan();
  for (let offset = 0; offset < bytes; ) {
    if (!(await control.mayGo())) return undefined;
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, bytes - offset));
    const bytesRead = await file.read(chunk, offset);
    if (bytesRead === 0) throw new FormatError('the file has become shorter');
    const read = chunk.subarray(0, bytesRead);
    scan.push(read.slice());
    while (scan.next() !== undefined);
    if (control.cancelled) return undefined;
    onChunk(name, offset, read);
    offset += bytesRead;
  }
  return scan.finish().chain;
}

/**
 * Opens the newest snapshot in `dir` that is one of the log of `owner` by its head; undefined when there
 * is none. Rejects with the disk's error.
 */
export async function openSnapshotSource(
  dir: string,
  owner: SnapshotOwner,
  { lsnMax = asLsn(Number.MAX_SAFE_INTEGER), avoid = new Set() }: SnapshotSourceOptions = {},
): Promise<SnapshotSource | undefined> {
  for (const lsn of checkpointLsns(dir)) {
    if (lsn > lsnMax || avoid.has(lsn)) continue;
    const head = readHead(dir, lsn);
    if ('type' in head || ownerFault(head, owner) !== undefined || avoid.has(head.base)) continue;
    const files = await openAll(dir, head.base === 0 ? [lsn] : [head.base, lsn]);
    if (files === undefined) continue;
    try {
      const { beginning, path } = findLog(dir);
      return new SnapshotSource(head, readBeginning(beginning ?? path(1)), files);
    } catch (error) {
      for (const { file } of files) await file.close();
      // Trimmed in this instant: what it was looked for in is gone, and another file has it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return undefined;
}

/** Undefined when one was deleted meanwhile, or the keys of this process do not fit it. */
async function openAll(dir: string, lsns: readonly Lsn[]): Promise<Opened[] | undefined> {
  const opened: Opened[] = [];
  try {
    for (const lsn of lsns) {
      const name = snapshotName(lsn);
      const file = await openStreamInput(join(dir, name));
      opened.push({ name, lsn, file, bytes: 0 });
      opened[opened.length - 1] = { name, lsn, file, bytes: await file.size() };
    }
    return opened;
  } catch (error) {
    for (const { file } of opened) await file.close();
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'HV_E_LOG_KEY') return undefined;
    throw error;
  }
}
