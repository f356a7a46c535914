/**
 * The directory in which a backup keeps its copy of one guest's log: locked while the process lives,
 * looked at when a primary dials, cut and continued where both logs are the same, begun anew with a
 * snapshot or from nothing where not.
 */

import { rmSync } from 'node:fs';
import { asLsn, type LogHeader, type Lsn, type Micros } from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import type { LogBase, ReopenedCopy, SnapshotReceiver } from '../ports.ts';
import type { Hello } from '../protocol/backup-events.ts';
import type { History } from '../protocol/history.ts';
import type { SnapshotFile, View } from '../protocol/messages.ts';
import { NOTHING_RAN } from '../replica/handover.ts';
import { removeUnfinished } from './checkpoint-files.ts';
import { HostClock } from './clock.ts';
import { CopyStore } from './copy-store.ts';
import { cutCopy } from './cut-copy.ts';
import { type Divergence, divergenceOf, markDivergence } from './divergence-file.ts';
import { inspectCopy, type LocalCopy, reaches } from './local-copy.ts';
import { headText, type LogPosition } from './log-cursor.ts';
import { type DirectoryLock, lockDirectory, rotateAside } from './log-lock.ts';
import { readLogHeader } from './log-reader.ts';
import { FileLogStore } from './log-store.ts';
import type { LogStoreOptions } from './log-writer.ts';
import type { MountOption } from './mount-option.ts';
import { RemoteMachine, type RemoteMachineOptions } from './remote-machine.ts';
import type { RestoredCopy, RestoreRequest } from './restore-copy.ts';
import { signKey } from './sign-keys.ts';
import { type IntakeEnd, SnapshotIntake } from './snapshot-intake.ts';
import { WarmCopy } from './warm-copy.ts';

const LOST =
  'a takeover from this copy could not go on with its log: while there is a primary it is made anew';

export interface CopyDirectoryOptions {
  readonly dir: string;
  /** Runs nothing: no machine is made. */
  readonly cold: boolean;
  /** A cold copy with snapshots of its own, of what is as old as `delay`; undefined: without. */
  readonly warm: { readonly delay: Micros } | undefined;
  readonly hangLimitMs: number;
  readonly mounts?: readonly MountOption[];
  /** Counts what is written and synced. */
  readonly meters: LogStoreOptions['meters'];
  /** The copy cannot be written, or its machine is gone. */
  readonly onError: (error: HvError) => void;
  /** What is written is not there any more; told as trouble already. */
  readonly onLost?: () => void;
  readonly onMachine: (machine: RemoteMachine) => void;
  /** What comes is written by another store from here on. */
  readonly onStore: (store: CopyStore, dir: string) => void;
  /** What happened to what was there, for people and programs. */
  readonly trouble: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

export class CopyDirectory {
  readonly dir: string;
  readonly #options: CopyDirectoryOptions;
  readonly #lock: DirectoryLock;
  #standing: LocalCopy | undefined;
  /** The log in it was begun or continued by this process. */
  #own = false;
  /** It proved to be no use: what is there is evidence. */
  #condemned = false;
  readonly #warm: WarmCopy | undefined;
  store: CopyStore | undefined;
  machine: RemoteMachine | undefined;

  /** Locks `dir`. Throws HV_E_NAME_IN_USE and the like. */
  constructor(options: CopyDirectoryOptions) {
    this.dir = options.dir;
    this.#options = options;
    this.#lock = lockDirectory(options.dir);
    const { dir, warm, hangLimitMs, trouble } = options;
    const now = (): Micros => new HostClock().wall();
    if (warm) this.#warm = new WarmCopy({ dir, hangLimitMs, trouble, now, ...warm });
  }

  /**
   * Looks at what is there. Call while no store writes to it. Never resolves when the copy is sealed and this
   * process has no key: that ends it, with HV_E_LOG_KEY.
   */
  async inspect(): Promise<void> {
    try {
      await removeUnfinished(this.dir);
      const divergence = divergenceOf(this.dir);
      this.#standing = divergence === undefined ? await inspectCopy(this.dir) : undefined;
      if (divergence !== undefined && !this.#condemned) this.#unusable(new Error(divergence));
    } catch (error) {
      // Only forgotten: what comes in its place would lie there in plain.
      const forgotten = error instanceof HvError && error.details.why === 'missing';
      if (forgotten) await this.#fatal(error);
      // Whatever it is, it is no copy to go on from; `fresh` moves it aside.
      this.#standing = undefined;
      this.#unusable(error);
    }
  }

  /** Of the log of `hello`'s run, as far as it can be gone on from; undefined: there is none. */
  standing(hello: Hello): History | undefined {
    const copy = this.#condemned ? undefined : this.#standing;
    if (copy === undefined || copy.vm !== hello.vm) return undefined;
    if (copy.header.imageHash !== hello.imageHash) return undefined;
    return reaches(copy, copy.lsnLast) ? copy : undefined;
  }

  /** An empty copy; what was there is removed if this process wrote it, moved aside if not. */
  fresh(): CopyStore {
    this.#clear();
    return this.#keep(FileLogStore.fromFrames(this.dir, this.#storeOptions));
  }

  openMachine(base: LogBase): RemoteMachine {
    return this.#machineOf(base, {});
  }

  /**
   * Keeps what is there as evidence: the next copy begins anew beside it. With a `divergence` no later process
   * goes on from it either. Throws HV_E_LOG_WRITE.
   */
  condemn(divergence?: Divergence): void {
    if (divergence !== undefined) markDivergence(this.dir, divergence, new HostClock().wall());
    this.#own = false;
    this.#standing = undefined;
    this.#condemned = true;
  }

  /** See `BackupPorts.reopen`. Undefined: it is no use, and the next copy begins anew. */
  async reopen(from: Lsn, lsnReleased: Lsn): Promise<ReopenedCopy | undefined> {
    this.#warm?.stop();
    this.machine = undefined;
    try {
      const { position, lsnLast: lsn, quarantine } = await cutCopy(this.dir, from);
      if (quarantine !== undefined)
        this.#options.trouble('copy.quarantined', { ...quarantine, lsn });
      await this.inspect();
      const history = defined(this.#standing, 'a log that was cut is there');
      const header = readLogHeader(this.dir);
      return await this.#begun({ position, header, history, lsn, lsnReleased });
    } catch (error) {
      this.#unusable(error);
      this.condemn();
      return undefined;
    }
  }

  /** See `BackupPorts.join`. */
  join(
    { lsn, files }: { readonly lsn: Lsn; readonly files: readonly SnapshotFile[] },
    done: (copy: ReopenedCopy | undefined) => void,
  ): SnapshotReceiver {
    this.#clear();
    let intake: SnapshotIntake | undefined;
    let left = files.reduce((sum, { bytes }) => sum + bytes, 0);
    const finish = (): void =>
      intake?.finish((end) => {
        if (end.type === 'failed') this.#options.onError(end.error);
        if (end.type !== 'ready') {
          if (end.type === 'refused') this.#unusable(new Error(end.reason));
          done(undefined);
          return;
        }
        try {
          done(this.#joined(lsn, end));
        } catch (error) {
          this.#unusable(error);
          done(undefined);
        }
      });
    return {
      beginning: (beginning) => {
        intake = new SnapshotIntake({ dir: this.dir, beginning, files });
      },
      piece: (name, offset, bytes) => {
        intake?.chunk(name, offset, bytes);
        left -= bytes.length;
        if (left === 0) finish();
      },
      abandon: () => void intake?.abandon(),
    };
  }

  /** The log goes on at once; the machine comes when it has been restored. */
  #joined(
    lsn: Lsn,
    { position, head }: Extract<IntakeEnd, { readonly type: 'ready' }>,
  ): ReopenedCopy {
    const header = readLogHeader(this.dir);
    const history: History = { epochs: [], lsnFirst: asLsn(lsn + 1), lsnLast: lsn };
    const common = this.#goingOn({ position, header, history });
    if (this.#options.cold) return { ...common, ...nothingRan(header) };
    // What led to the snapshot has left, or is in the state it was taken from.
    const { machine, whenRestored } = this.#restoring({ lsn, lsnReleased: lsn });
    return {
      ...{ ...common, ...nothingRan(header), machine, lsnReplayed: lsn, timeLast: head.time },
      restoring: (done) =>
        whenRestored(({ outputsCrc, machine: state, held }) => done({ outputsCrc, state, held })),
    };
  }

  /** A machine at the end of the log in the directory: for a cold copy that is to go live. */
  restore(request: Omit<RestoreRequest, 'dir'>): Promise<{
    readonly machine: RemoteMachine;
    readonly restored: RestoredCopy;
  }> {
    const { machine, whenRestored } = this.#restoring(request);
    return new Promise((resolve) => whenRestored((restored) => resolve({ machine, restored })));
  }

  /** `whenRestored` calls back in the very call in which the machine's word comes, once. */
  #restoring(request: Omit<RestoreRequest, 'dir'>): {
    readonly machine: RemoteMachine;
    readonly whenRestored: (done: (restored: RestoredCopy) => void) => void;
  } {
    this.quiet();
    const header = readLogHeader(this.dir);
    let known: RestoredCopy | undefined;
    let waiting: (restored: RestoredCopy) => void = () => undefined;
    const machine = this.#machineOf(
      { header, blobs: [] },
      {
        restore: { dir: this.dir, ...request },
        onRestored: (restored) => {
          known = restored;
          waiting(restored);
        },
      },
    );
    const whenRestored = (done: (restored: RestoredCopy) => void): void => {
      if (known === undefined) waiting = done;
      else done(known);
    };
    return { machine, whenRestored };
  }

  /** Nothing but its owner touches the directory from here on. */
  quiet(): void {
    this.#warm?.stop();
  }

  release(): void {
    this.#warm?.stop();
    this.#lock.release();
  }

  async #begun(at: {
    readonly position: LogPosition;
    readonly header: LogHeader;
    readonly history: History;
    readonly lsn: Lsn;
    readonly lsnReleased: Lsn;
  }): Promise<ReopenedCopy> {
    const { header, lsn, lsnReleased } = at;
    const common = this.#goingOn(at);
    if (this.#options.cold) return { ...common, ...nothingRan(header) };
    const { machine, restored } = await this.restore({ lsn, lsnReleased });
    const { lsnReplayed, outputsCrc, timeLast, tail, held } = restored;
    return {
      ...common,
      ...{ machine, lsnReplayed, outputsCrc, timeLast, tail, held },
      state: restored.machine,
    };
  }

  #goingOn({
    position,
    header,
    history,
  }: {
    readonly position: LogPosition;
    readonly header: LogHeader;
    readonly history: History;
  }): Pick<ReopenedCopy, 'store' | 'base' | 'history'> {
    this.#own = true;
    const log = FileLogStore.resume(position, this.#storeOptions);
    const { epochs, lsnFirst, lsnLast } = history;
    const base = { header, blobs: [] };
    return { store: this.#keep(log), base, history: { epochs, lsnFirst, lsnLast } };
  }

  #machineOf(
    base: LogBase,
    options: Pick<RemoteMachineOptions, 'restore' | 'onRestored'>,
  ): RemoteMachine {
    const { hangLimitMs, mounts = [], onError, onMachine, trouble } = this.#options;
    const { dir: checkpoints } = this;
    const machine = new RemoteMachine(base, {
      hangLimitMs,
      // One of a copy that was replaced meanwhile may find its log cut or gone: that ends nothing.
      onFailure: (error) => {
        if (this.machine === machine) onError(error);
        else machine.dispose();
      },
      checkpoints,
      disk: checkpoints,
      mounts,
      onTrouble: trouble,
      ...options,
    });
    this.machine = machine;
    onMachine(machine);
    return machine;
  }

  #placed(position: LogPosition, view: View | undefined): void {
    this.machine?.placed(position, view);
    this.#warm?.placed(position, view);
  }

  get #storeOptions(): LogStoreOptions {
    const { meters, onError, onLost, trouble } = this.#options;
    return {
      meters,
      onError,
      onLost: (path) => {
        trouble('log.lost', { path, meaning: LOST });
        onLost?.();
      },
      onSealed: (head) => {
        if (signKey() !== undefined) trouble('log.sealed', { head: headText(head) });
      },
    };
  }

  #keep(log: FileLogStore): CopyStore {
    this.#own = true;
    const store = new CopyStore(log, (position, view) => this.#placed(position, view));
    this.store = store;
    this.#options.onStore(store, this.dir);
    return store;
  }

  #clear(): void {
    this.#condemned = false;
    this.store?.log.unwatch();
    this.#warm?.stop();
    if (this.#own) rmSync(this.dir, { recursive: true, force: true });
    else {
      const aside = rotateAside(this.dir);
      if (aside !== undefined) this.#options.trouble('copy.aside', { dir: this.dir, aside });
    }
    this.#own = false;
    this.#standing = undefined;
    this.machine = undefined;
  }

  #fatal(error: HvError): Promise<never> {
    this.#options.onError(error);
    return new Promise(() => undefined);
  }

  #unusable(error: unknown): void {
    const reason =
      error instanceof HvError || error instanceof Error ? error.message : String(error);
    this.#options.trouble('copy.unusable', { dir: this.dir, reason });
  }
}

/** Of a copy without a machine. */
function nothingRan({ startedAt }: LogHeader): Omit<ReopenedCopy, 'store' | 'base' | 'history'> {
  return {
    machine: undefined,
    lsnReplayed: asLsn(0),
    outputsCrc: 0,
    timeLast: startedAt,
    state: NOTHING_RAN,
    tail: undefined,
    held: [],
  };
}

/** What is wrong with a directory that cannot be opened, in words for whoever wanted it. */
export function faultOf(open: () => unknown): string | undefined {
  try {
    open();
    return undefined;
  } catch (error) {
    if (error instanceof HvError) return error.message;
    throw error;
  }
}
