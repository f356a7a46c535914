/**
 * Keeps the end of a log that is cut off: records that no replica of the view that went on has. They lie
 * in a log file of their own, readable by `hv log cat`, beside a report for people of what was in it.
 */

import { join } from 'node:path';
import {
  asLsn,
  type Batch,
  CHAIN_START,
  decodeBatch,
  type EncodedBatch,
  encodeHeader,
  FormatError,
  FRAME,
  FRAME_HEAD_BYTES,
  FrameReader,
  INTERRUPT,
  type InterruptRecord,
  type LogHeader,
  type LogRecord,
  type Lsn,
} from '../../log-format/index.ts';
import { FRAME_BYTES_MAX } from '../base/limits.ts';
import { kindOf } from '../timeline/record-words.ts';
import type { Disk } from './disk.ts';
import { LogCursor } from './log-cursor.ts';
import type { SegmentFile } from './log-segment-file.ts';
import { writeWhole } from './write-whole.ts';

/** What a quarantine file holds. Times as in the guest's clock. */
export interface QuarantineReport {
  readonly vm: string;
  readonly name: string;
  /** Of the first record. */
  readonly epoch: number;
  readonly firstLsn: number;
  readonly lastLsn: number;
  readonly records: number;
  readonly batches: number;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Records by kind; interrupts by theirs. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Bytes the guest was given, by connection. */
  readonly connections: readonly { readonly id: number; readonly bytes: number }[];
  readonly stdinBytes: number;
  /** Outputs, where the log holds them. */
  readonly outputs: { readonly recorded: number; readonly bytes: number };
  /** Inputs from outside among the records: what clients sent and nobody confirmed. */
  readonly inputsUnacknowledged: number;
}

export interface Quarantine {
  /** Paths. */
  readonly file: string;
  readonly report: string;
}

/** Bytes gathered for one write. */
const WRITE_BYTES = 1_048_576;
/** What the world sent, as against what the machine's own devices did. */
const INPUTS: ReadonlySet<number> = new Set([
  INTERRUPT.stdinData,
  INTERRUPT.stdinEnd,
  INTERRUPT.signal,
  INTERRUPT.netAccept,
  INTERRUPT.netConnected,
  INTERRUPT.netData,
  INTERRUPT.netEnd,
  INTERRUPT.netClose,
]);

export function quarantineName(first: EncodedBatch): string {
  return `quarantine-${first.epoch}-${first.firstLsn}`;
}

/** Writes one. Nothing of it has its name before it is whole and on disk. */
export class QuarantineWriter {
  readonly #dir: string;
  readonly #disk: Disk;
  readonly #header: LogHeader;
  readonly #name: string;
  readonly #cursor = new LogCursor();
  readonly #file: SegmentFile;
  readonly #summary: Summary;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;

  private constructor(dir: string, disk: Disk, header: LogHeader, first: EncodedBatch) {
    this.#dir = dir;
    this.#disk = disk;
    this.#header = { ...header, firstLsn: first.firstLsn, segment: 1, chain: CHAIN_START };
    this.#name = quarantineName(first);
    this.#summary = new Summary(header, first);
    this.#file = disk.openFile(this.#temporary, { offset: 0 });
  }

  /**
   * `beginning`: frames of header and blobs of the log that `header` is of; `first`: the first batch.
   * Rejects with the disk's error.
   */
  static async begin(
    to: { readonly dir: string; readonly disk: Disk },
    log: { readonly header: LogHeader; readonly beginning: Uint8Array },
    first: EncodedBatch,
  ): Promise<QuarantineWriter> {
    const { dir, disk } = to;
    const leftovers = disk.list(dir).filter((name) => /^quarantine-.*\.tmp$/.test(name));
    for (const name of leftovers) await disk.unlink(join(dir, name));
    const writer = new QuarantineWriter(dir, disk, log.header, first);
    const header = encodeHeader(writer.#header);
    writer.#cursor.takeHeader(writer.#header, header);
    const blobs = blobFrames(log.beginning);
    for (const blob of blobs) writer.#cursor.takeBlob(blob);
    await writer.#write(header, ...blobs);
    return writer;
  }

  get #temporary(): string {
    return join(this.#dir, `${this.#name}.hvlog.tmp`);
  }

  /** The next batch, as it is; one that does not decode is only counted. */
  async take(batch: EncodedBatch): Promise<void> {
    this.#summary.take(batch);
    this.#cursor.takeBatch(batch);
    await this.#write(batch.bytes);
  }

  /** Resolves when file and report are on disk, in this order. */
  async finish(): Promise<Quarantine> {
    try {
      await this.#file.write([...this.#gathered, this.#cursor.seal({ final: true })]);
      await this.#file.sync();
    } finally {
      await this.#file.close();
    }
    const file = join(this.#dir, `${this.#name}.hvlog`);
    await this.#disk.rename(this.#temporary, file);
    await this.#disk.syncDirectory(this.#dir);
    const report = `${JSON.stringify(this.#summary.report(), undefined, 2)}\n`;
    await writeWhole(this.#dir, `${this.#name}.json`, new TextEncoder().encode(report), this.#disk);
    return { file, report: join(this.#dir, `${this.#name}.json`) };
  }

  /** Closes what cannot be finished; the next one removes it. */
  async abandon(): Promise<void> {
    await this.#file.close();
  }

  async #write(...frames: readonly Uint8Array[]): Promise<void> {
    for (const frame of frames) {
      this.#gathered.push(frame);
      this.#gatheredBytes += frame.length;
    }
    if (this.#gatheredBytes < WRITE_BYTES) return;
    const gathered = this.#gathered;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    await this.#file.write(gathered);
  }
}

/**
 * One that holds the batches from `first` up to `lastLsn` or beyond: an earlier cut at the same place did
 * not come to its end. Its report is written last and so vouches for both.
 */
export function findQuarantine(
  dir: string,
  disk: Disk,
  first: EncodedBatch,
  lastLsn: Lsn,
): Quarantine | undefined {
  const name = quarantineName(first);
  if (!disk.list(dir).includes(`${name}.json`)) return undefined;
  const path = join(dir, `${name}.json`);
  const input = disk.openInput(path);
  try {
    const bytes = new Uint8Array(input.size);
    input.read(bytes, 0);
    const report = JSON.parse(new TextDecoder().decode(bytes)) as Partial<QuarantineReport>;
    if ((report.lastLsn ?? 0) < lastLsn) return undefined;
    return { file: join(dir, `${name}.hvlog`), report: path };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  } finally {
    input.close();
  }
}

function blobFrames(beginning: Uint8Array): Uint8Array[] {
  const reader = new FrameReader(FRAME_BYTES_MAX);
  reader.push(beginning);
  const frames: Uint8Array[] = [];
  for (let next = reader.next(); next.type === 'frame'; next = reader.next())
    if (next.frame.type === FRAME.blob) frames.push(next.frame.bytes);
  return frames;
}

/** Counts what goes by. */
class Summary {
  readonly #header: LogHeader;
  readonly #first: EncodedBatch;
  readonly #kinds = new Map<string, number>();
  readonly #connections = new Map<number, number>();
  #lastLsn: Lsn;
  #records = 0;
  #batches = 0;
  #from: number | undefined;
  #to: number | undefined;
  #stdinBytes = 0;
  #outputs = 0;
  #outputBytes = 0;
  #inputs = 0;

  constructor(header: LogHeader, first: EncodedBatch) {
    this.#header = header;
    this.#first = first;
    this.#lastLsn = asLsn(first.firstLsn - 1);
  }

  take({ firstLsn, lastLsn, bytes }: EncodedBatch): void {
    this.#batches += 1;
    this.#records += lastLsn - firstLsn + 1;
    this.#lastLsn = lastLsn;
    const { startedAt, formatVersion } = this.#header;
    let batch: Batch;
    try {
      batch = decodeBatch(bytes.subarray(FRAME_HEAD_BYTES), startedAt, formatVersion);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#add('undecodable', lastLsn - firstLsn + 1);
      return;
    }
    for (const record of batch.records) this.#count(record);
  }

  report(): QuarantineReport {
    const { vm, name } = this.#header;
    const iso = (micros: number | undefined): string | undefined =>
      micros === undefined ? undefined : new Date(micros / 1000).toISOString();
    return {
      vm,
      name,
      epoch: this.#first.epoch,
      firstLsn: this.#first.firstLsn,
      lastLsn: this.#lastLsn,
      records: this.#records,
      batches: this.#batches,
      from: iso(this.#from),
      to: iso(this.#to),
      kinds: Object.fromEntries(this.#kinds),
      connections: [...this.#connections].map(([id, bytes]) => ({ id, bytes })),
      stdinBytes: this.#stdinBytes,
      outputs: { recorded: this.#outputs, bytes: this.#outputBytes },
      inputsUnacknowledged: this.#inputs,
    };
  }

  #count(record: LogRecord): void {
    if ('time' in record) {
      this.#from ??= record.time;
      this.#to = Math.max(this.#to ?? 0, record.time);
    }
    this.#add(kindOf(record), 1);
    if (record.type === 'interrupt') this.#countInput(record);
    if (record.type !== 'output') return;
    this.#outputs += 1;
    this.#outputBytes += record.bytes.length;
  }

  #add(kind: string, records: number): void {
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + records);
  }

  #countInput({ kind, id, payload }: InterruptRecord): void {
    if (INPUTS.has(kind)) this.#inputs += 1;
    const bytes = payload?.length ?? 0;
    if (kind === INTERRUPT.stdinData) this.#stdinBytes += bytes;
    if (kind === INTERRUPT.netData)
      this.#connections.set(id, (this.#connections.get(id) ?? 0) + bytes);
  }
}
