/**
 * An arbiter's views on disk, and the compare-and-set on them. A view counts, and is shown to anybody,
 * only when fdatasync has returned. Claims that arrive while the disk is busy share the next write.
 *
 * After an error of the disk nobody knows what is on it, and asking again would lie (a second fsync
 * succeeds without having written anything), so the store ends: claims that were not answered are open,
 * as after a power cut, and the next start reads what is there. For the same reason every start writes
 * the file anew before it shows anything of it.
 */

import { randomBytes } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import { type Epoch, toHex } from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import {
  ARBITER_COMPACT_BYTES,
  ARBITER_GROUP_MAX,
  ARBITER_QUEUE_MAX,
  ARBITER_STATE_BYTES_MAX,
  ARBITER_VMS_MAX,
} from '../base/limits.ts';
import type { View } from '../protocol/messages.ts';
import { readViews, recordOf, ViewLines, type ViewRecord } from './arbiter-file.ts';
import { makeDirectory } from './directories.ts';
import { type Disk, REAL_DISK } from './disk.ts';
import { type DirectoryLock, lockDirectory } from './log-lock.ts';
import type { SegmentFile } from './log-segment-file.ts';

export interface StoreClaim {
  readonly vm: string;
  readonly expect: Epoch;
  readonly next: View;
  readonly token: string;
  /** The view service makes it, for its primary to claim. */
  readonly reserved: boolean;
}

export type StoreAnswer =
  | { readonly type: 'won'; readonly stored: ViewRecord }
  | { readonly type: 'lost'; readonly stored: ViewRecord }
  /** The claim follows a view this store has never seen. */
  | { readonly type: 'ahead'; readonly stored: ViewRecord | undefined }
  /** Not decided, and not written. */
  | { readonly type: 'unavailable'; readonly reason: string };

export interface StoreOptions {
  readonly dir: string;
  /** A view came into force, and is on disk. */
  readonly changed: (stored: ViewRecord) => void;
  /** The disk failed (HV_E_VIEWS_WRITE), or another arbiter has the directory (HV_E_VIEWS_IN_USE). */
  readonly failed: (error: HvError) => void;
  readonly disk?: Disk | undefined;
  /** Date and time, for people. */
  readonly clock?: () => string;
  /** Tests make it small. */
  readonly compactBytes?: number;
}

const FILE = 'views.jsonl';
const DRAFT = 'views.new';
const HEADER_BYTES = 128;

interface Waiting {
  readonly claim: StoreClaim;
  readonly answer: (answer: StoreAnswer) => void;
}

export class ArbiterStore {
  readonly #options: StoreOptions;
  readonly #disk: Disk;
  readonly #path: string;
  readonly #lock: DirectoryLock;
  readonly #views = new Map<string, ViewRecord>();
  readonly #queue: Waiting[] = [];
  #stateBytes = 0;
  #file: SegmentFile | undefined;
  #fileBytes = 0;
  #lines = new ViewLines();
  #header: Buffer = Buffer.alloc(0);
  #running: Promise<void> | undefined;
  #failure: HvError | undefined;

  private constructor(options: StoreOptions, lock: DirectoryLock) {
    this.#options = options;
    this.#disk = options.disk ?? REAL_DISK;
    this.#path = join(options.dir, FILE);
    this.#lock = lock;
  }

  /**
   * Throws HV_E_VIEWS_IN_USE, HV_E_VIEWS_DAMAGED, HV_E_VIEWS_WRITE, HV_E_DIRECTORY. `tornBytes`: what an
   * unfinished write had left, and is cut.
   */
  static async open(
    options: StoreOptions,
  ): Promise<{ readonly store: ArbiterStore; readonly tornBytes: number }> {
    makeDirectory(options.dir);
    const lock = lockViews(options.dir);
    const store = new ArbiterStore(options, lock);
    try {
      return { store, tornBytes: await store.#start() };
    } catch (error) {
      lock.release();
      throw error instanceof HvError ? error : writeError(store.#path, error);
    }
  }

  get vms(): Iterable<string> {
    return this.#views.keys();
  }

  get size(): number {
    return this.#views.size;
  }

  /** The view in force. */
  get(vm: string): ViewRecord | undefined {
    return this.#views.get(vm);
  }

  claim(claim: StoreClaim): Promise<StoreAnswer> {
    if (this.#failure !== undefined)
      return Promise.resolve({ type: 'unavailable', reason: this.#failure.message });
    if (this.#queue.length >= ARBITER_QUEUE_MAX)
      return Promise.resolve({ type: 'unavailable', reason: 'too many claims wait for the disk' });
    return new Promise((answer) => {
      this.#queue.push({ claim, answer });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when what was under way is on disk. Later claims are not taken. */
  async close(): Promise<void> {
    this.#failure ??= new HvError('HV_E_ARBITER', 'the arbiter is stopping');
    await this.#running;
    try {
      await this.#file?.close();
    } catch {
      // Everything that was answered is on disk already; a close that fails takes nothing back.
    }
    this.#lock.release();
  }

  async #start(): Promise<number> {
    const names = this.#disk.list(this.#options.dir);
    if (names.includes(DRAFT)) await this.#disk.unlink(join(this.#options.dir, DRAFT));
    let tornBytes = 0;
    if (names.includes(FILE)) {
      const read = readViews(this.#path, this.#readAll());
      tornBytes = read.tornBytes;
      for (const stored of read.views.values()) this.#keep(stored);
    }
    await this.#rewrite();
    await this.#disk.syncDirectory(dirname(resolve(this.#options.dir)));
    return tornBytes;
  }

  #readAll(): Buffer {
    const input = this.#disk.openInput(this.#path);
    try {
      const bytes = Buffer.alloc(input.size);
      return bytes.subarray(0, input.read(bytes, 0));
    } finally {
      input.close();
    }
  }

  async #run(): Promise<void> {
    // In a later turn, so that what arrives together is written together.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) {
      const group = this.#queue.splice(0, ARBITER_GROUP_MAX);
      const answers = await this.#decide(group);
      for (const [index, { answer }] of group.entries())
        answer(defined(answers[index], 'one answer each'));
    }
    this.#running = undefined;
  }

  /** Nothing of a group is answered, not even who has lost, before all of it is on disk. */
  async #decide(group: readonly Waiting[]): Promise<readonly StoreAnswer[]> {
    const fresh = new Map<string, ViewRecord>();
    const written: ViewRecord[] = [];
    const answers = group.map(({ claim }): StoreAnswer => {
      const current = fresh.get(claim.vm) ?? this.#views.get(claim.vm);
      const decision = this.#judge(claim, current, written);
      if (decision.type !== 'write') return decision;
      fresh.set(claim.vm, decision.stored);
      written.push(decision.stored);
      return { type: 'won', stored: decision.stored };
    });
    try {
      if (written.length > 0) await this.#append(written);
    } catch (error) {
      this.#fail(error);
      const reason = defined(this.#failure, 'it has just failed').message;
      return answers.map(() => ({ type: 'unavailable', reason }));
    }
    for (const stored of written) this.#options.changed(stored);
    return answers;
  }

  #judge(
    claim: StoreClaim,
    current: ViewRecord | undefined,
    pending: readonly ViewRecord[],
  ): StoreAnswer | { readonly type: 'write'; readonly stored: ViewRecord } {
    const { vm, expect, next, token, reserved } = claim;
    const epoch = current?.view.epoch ?? 0;
    if (epoch < expect) return { type: 'ahead', stored: current };
    const at = this.#options.clock?.() ?? new Date().toISOString();
    const write = { type: 'write', stored: { vm, view: next, token, at, reserved } } as const;
    if (current !== undefined && epoch > expect) {
      if (epoch !== next.epoch) return { type: 'lost', stored: current };
      if (current.token === token) return { type: 'won', stored: current };
      // What the view service has decided for this replica is this replica's to claim, once.
      const mine = current.reserved && !reserved && sameView(current.view, next);
      return mine ? write : { type: 'lost', stored: current };
    }
    if (current === undefined && this.#views.size + pending.length >= ARBITER_VMS_MAX)
      return { type: 'unavailable', reason: `this arbiter has views of ${ARBITER_VMS_MAX} guests` };
    const bytes = [...pending, write.stored].reduce((sum, stored) => sum + sizeOf(stored), 0);
    if (this.#stateBytes + bytes > ARBITER_STATE_BYTES_MAX)
      return { type: 'unavailable', reason: 'this arbiter has as many views as it can keep' };
    return write;
  }

  async #append(written: readonly ViewRecord[]): Promise<void> {
    const file = defined(this.#file, 'the file is open');
    const line = this.#lines.views(written);
    await file.write([line]);
    await file.sync();
    this.#fileBytes += line.length;
    this.#demandOwnFile();
    for (const stored of written) this.#keep(stored);
    const limit = Math.max(
      this.#options.compactBytes ?? ARBITER_COMPACT_BYTES,
      2 * this.#stateBytes,
    );
    if (this.#fileBytes > limit) await this.#rewrite();
  }

  /** The lock holds on this host. Who came by another way has put a file of its own in place of ours. */
  #demandOwnFile(): void {
    const input = this.#disk.openInput(this.#path);
    try {
      const head = Buffer.alloc(HEADER_BYTES);
      const read = input.read(head, 0);
      if (!head.subarray(0, read).subarray(0, this.#header.length).equals(this.#header))
        throw inUse(this.#options.dir, 'another arbiter');
    } finally {
      input.close();
    }
  }

  async #rewrite(): Promise<void> {
    const { dir } = this.#options;
    const draft = join(dir, DRAFT);
    const lines = new ViewLines();
    const whole = lines.whole(toHex(randomBytes(16)), this.#views.values());
    const file = this.#disk.openFile(draft, { offset: 0 });
    await file.write(whole);
    await file.sync();
    await file.close();
    await this.#disk.rename(draft, this.#path);
    await this.#disk.syncDirectory(dir);
    await this.#file?.close();
    this.#lines = lines;
    this.#header = defined(whole[0], 'a file has a header');
    this.#fileBytes = whole.reduce((sum, line) => sum + line.length, 0);
    this.#file = this.#disk.openFile(this.#path, { offset: this.#fileBytes });
  }

  #keep(stored: ViewRecord): void {
    const before = this.#views.get(stored.vm);
    this.#stateBytes += sizeOf(stored) - (before === undefined ? 0 : sizeOf(before));
    this.#views.set(stored.vm, stored);
  }

  #fail(error: unknown): void {
    const failure = error instanceof HvError ? error : writeError(this.#path, error);
    this.#failure = failure;
    for (const { answer } of this.#queue.splice(0))
      answer({ type: 'unavailable', reason: failure.message });
    this.#options.failed(failure);
  }
}

function sizeOf(stored: ViewRecord): number {
  return Buffer.byteLength(JSON.stringify(recordOf(stored)));
}

function sameView(a: View, b: View): boolean {
  return (
    a.epoch === b.epoch &&
    a.primary === b.primary &&
    a.backups.length === b.backups.length &&
    a.backups.every((name, at) => name === b.backups[at])
  );
}

function lockViews(dir: string): DirectoryLock {
  try {
    return lockDirectory(dir);
  } catch (error) {
    if (!(error instanceof HvError) || error.code !== 'HV_E_NAME_IN_USE') throw error;
    const { pid } = error.details;
    throw inUse(dir, pid === undefined ? 'another process' : `process ${String(pid)}`);
  }
}

function inUse(dir: string, who: string): HvError {
  return new HvError('HV_E_VIEWS_IN_USE', `${who} keeps its views in ${dir}`, { details: { dir } });
}

function writeError(path: string, cause: unknown): HvError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new HvError('HV_E_VIEWS_WRITE', `${path} could not be written: ${why}`, {
    details: { path },
    cause,
  });
}
