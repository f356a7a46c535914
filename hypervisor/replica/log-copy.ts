/**
 * One copy of a log on a backup, from the hello that began it to its promotion, its seal or its end
 * in the bin: the store and what has been received; replay-queue.ts has the machine. A copy outlives its
 * primary: another one continues it where both logs are the same.
 */

import { asEpoch, asLsn, type Batch, type EncodedBatch, type Lsn } from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import type {
  Arbiter,
  BackupStore,
  ReopenedCopy,
  RestoredStanding,
  SnapshotReceiver,
} from '../ports.ts';
import { needsReplay } from '../protocol/ack-level.ts';
import type { Hello } from '../protocol/backup-events.ts';
import type { SnapshotFile, View } from '../protocol/messages.ts';
import { GroupSplitter } from './group-splitter.ts';
import type { Handover } from './handover.ts';
import type { Estate } from './hooks.ts';
import type { LogCopyOptions, PassableCopy, WhenFree } from './log-copy-types.ts';
import { type IntakeResult, LogIntake } from './log-intake.ts';
import { ReplayQueue } from './replay-queue.ts';

export class LogCopy {
  readonly #options: LogCopyOptions;
  readonly #queue: ReplayQueue;
  #splitter = new GroupSplitter();
  #arbiter: Arbiter;
  #hello: Hello;
  #intake = new LogIntake();
  /** Undefined while the disk's copy is being reopened. */
  #store: BackupStore | undefined;
  /** What has come meanwhile. */
  #waiting: (() => void)[] = [];
  /** Parts of a snapshot that came before its directory was free. */
  #early: (() => void)[] = [];
  /** A snapshot is coming in; the first frames are its beginning, and no batches. */
  #joins = false;
  #begun = false;
  #receiver: SnapshotReceiver | undefined;
  #sync: 'none' | 'running' | 'again' = 'none';
  /** The log goes on; the machine is not where it begins yet. */
  #restoring = false;
  #discarded = false;

  private constructor(options: LogCopyOptions) {
    const { ports, hello, handlers } = options;
    this.#options = options;
    this.#hello = hello;
    this.#arbiter = ports.openArbiter(hello.arbiter);
    ports.meters?.begun(ports.clock.now());
    this.#queue = new ReplayQueue({
      clock: ports.clock,
      meters: ports.meters,
      guestTime: () => this.#splitter.timeLast,
      retain: (output) => ports.retain(output),
      replayed: (lsn) => {
        handlers.replayed(lsn, this.#queue.outputsCrc);
        this.#passControl();
      },
      diverged: (lsn, report) => handlers.diverged(lsn, report),
    });
  }

  /** Begins with nothing. */
  static empty(options: LogCopyOptions): LogCopy {
    const copy = new LogCopy(options);
    copy.#store = options.ports.openStore(options.hello);
    return copy;
  }

  /**
   * Goes on from what the disk has up to `from`; what comes before it is open waits. `whenFree` calls back
   * when nobody writes to the disk's copy any more.
   */
  static reopen(options: LogCopyOptions, from: Lsn, whenFree: WhenFree): LogCopy {
    const copy = new LogCopy(options);
    const { ports, hello } = options;
    whenFree((known) => {
      const lsnReleased = asLsn(Math.max(known.lsnReleased, Math.min(hello.lsnSettled, from)));
      copy.#queue.forget(lsnReleased);
      ports.reopen(hello, { from, lsnReleased }, (reopened) => copy.#ready(reopened));
    });
    return copy;
  }

  /** Begins with a snapshot, whose files are to come. `whenFree`: as for `reopen`. */
  static join(
    options: LogCopyOptions,
    snapshot: { readonly lsn: Lsn; readonly files: readonly SnapshotFile[] },
    whenFree: WhenFree,
  ): LogCopy {
    const copy = new LogCopy(options);
    copy.#joins = true;
    copy.#queue.forget(snapshot.lsn);
    const { ports, hello } = options;
    whenFree(() => {
      copy.#receiver = ports.join(hello, snapshot, (joined) => copy.#ready(joined));
      for (const act of copy.#early.splice(0)) act();
    });
    return copy;
  }

  get arbiter(): Arbiter {
    return this.#arbiter;
  }

  get lsnReplayed(): Lsn {
    return this.#queue.lsnReplayed;
  }

  get divergence(): { readonly lsn: Lsn; readonly report: string } | undefined {
    return this.#queue.divergence;
  }

  get replaying(): boolean {
    return this.#queue.replaying;
  }

  /** The primary's outputs wait for this replica's replay. */
  get awaited(): boolean {
    return needsReplay(this.#hello.rule.level);
  }

  get overloaded(): boolean {
    return this.#queue.overloaded;
  }

  /** The disk's copy is still being opened, or its machine restored: nothing can be promoted yet. */
  get opening(): boolean {
    return this.#store === undefined || this.#restoring;
  }

  get passable(): PassableCopy | undefined {
    const { history } = this.#intake;
    if (this.#store === undefined || this.#discarded || history.lsnLast === 0) return undefined;
    return { hello: this.#hello, history, lsnReleased: this.lsnReleased };
  }

  /** Another primary continues this copy as it is. */
  continued(hello: Hello): void {
    this.#hello = hello;
    this.#arbiter = this.#options.ports.openArbiter(hello.arbiter);
    // It was never acknowledged, so the new primary sends it again.
    this.#waiting = [];
  }

  /** Part of a state transfer. */
  frames(bytes: Uint8Array): void {
    if (this.#receiving((receiver) => receiver.beginning(bytes), { first: true })) return;
    this.#whenOpen((store) => {
      const result = this.#intake.frames(bytes);
      if (result.type === 'batches') store.appendFrames(bytes);
      this.#take(result);
    });
  }

  append(encoded: EncodedBatch): void {
    this.#whenOpen((store) => {
      const result = this.#intake.batch(encoded);
      if (result.type === 'batches' && result.batches.length > 0) store.append(encoded);
      this.#take(result);
      this.#noteCheckpoint(store, result);
    });
  }

  snapshotPiece(name: string, offset: number, bytes: Uint8Array): void {
    this.#receiving((receiver) => receiver.piece(name, offset, bytes), { first: false });
  }

  /** Brings everything received so far to disk. One at a time; requests meanwhile share the next. */
  sync(): void {
    if (this.#sync !== 'none') {
      this.#sync = 'again';
      return;
    }
    this.#whenOpen((store) => {
      this.#sync = 'running';
      const lsn = this.#intake.lsnLast;
      store.sync(() => {
        const again = this.#sync === 'again';
        this.#sync = 'none';
        if (this.#discarded) return;
        this.#options.handlers.durable(lsn);
        if (again) this.sync();
      });
    });
  }

  get lsnReleased(): Lsn {
    return this.#queue.lsnReleased;
  }

  forget(lsn: Lsn): void {
    this.#queue.forget(lsn);
  }

  pause(): void {
    this.#queue.pause();
  }

  /** Everything is replayed that will be: the log ends here. */
  seal(done: () => void): void {
    this.#discarded = true;
    this.#queue.close();
    if (this.#store === undefined) done();
    else this.#store.seal(done);
  }

  discard(done: () => void = () => {}): void {
    this.#discarded = true;
    this.#receiver?.abandon();
    this.#queue.close();
    if (this.#store === undefined) done();
    else this.#store.close(done);
  }

  /**
   * Gives everything away. Call paused, with no replay under way, and nothing after it. A machine that differs
   * is not given: its state is no state of the log, and what it has put out is not the log's.
   */
  handover(view: View): { readonly handover: Handover; readonly estate: Estate } {
    this.#discarded = true;
    const store = defined(this.#store, 'a promoted backup has a store');
    const { header } = defined(this.#intake.base, 'a promoted backup has a header');
    if (this.divergence !== undefined) this.#queue.dropMachine();
    const { machine, state, lsnReplayed, lsnReleased } = this.#queue;
    const handover: Handover = {
      vm: this.#hello.vm,
      name: this.#hello.name,
      id: this.#hello.backup,
      view,
      hello: this.#hello,
      epochLast: view.epoch,
      formerIds: [],
      startedAt: header.startedAt,
      history: this.#intake.history,
      timeLast: this.#splitter.timeLast,
      lsnReceived: this.#intake.lsnLast,
      lsnReplayed,
      lsnReleased,
      tail: this.#splitter.tail(),
      machine: state,
      ...this.#queue.drain(),
    };
    return { handover, estate: { store, machine } };
  }

  #ready(opened: ReopenedCopy | undefined): void {
    if (this.#discarded) {
      opened?.machine?.dispose();
      opened?.store.close(() => {});
    } else if (opened === undefined) {
      this.#options.handlers.damaged('what there is of the log cannot be used');
    } else if (opened.restoring !== undefined && this.awaited) {
      // In the view it would make the guest's outputs wait for a machine that is not there.
      opened.restoring((standing) => this.#ready({ ...opened, ...standing, restoring: undefined }));
    } else this.#opened(opened);
  }

  #opened(opened: ReopenedCopy): void {
    const { store, base, machine, history, tail, timeLast, restoring } = opened;
    this.#store = store;
    this.#restoring = restoring !== undefined;
    this.#intake = LogIntake.at(base, history);
    // An older view is no news: what makes a copy synced comes from now on.
    this.#splitter = new GroupSplitter({ tail, timeLast, view: undefined });
    this.#queue.machine = machine;
    this.#queue.startAt(opened, history.lsnLast);
    const { handlers } = this.#options;
    handlers.logged(history.lsnLast, undefined, undefined, history);
    if (!this.#restoring) handlers.replayed(this.#queue.lsnReplayed, this.#queue.outputsCrc);
    for (const act of this.#waiting.splice(0)) act();
    this.#passControl();
    this.#queue.pumpSoon();
    restoring?.((standing) => this.#restored(standing));
  }

  /** The log alone is protection; from here on there is a machine to take over with, too. */
  #restored(standing: RestoredStanding): void {
    if (this.#discarded) return;
    this.#restoring = false;
    this.#queue.restored(standing);
    this.#options.handlers.replayed(this.#queue.lsnReplayed, this.#queue.outputsCrc);
    // It may have been all that a promotion waited for.
    if (this.#discarded) return;
    this.#passControl();
    this.#queue.pumpSoon();
  }

  /** True: it was part of a snapshot. Its beginning is the first thing that comes. */
  #receiving(
    act: (receiver: SnapshotReceiver) => void,
    { first }: { readonly first: boolean },
  ): boolean {
    if (!this.#joins || (first && this.#begun)) return false;
    if (first) this.#begun = true;
    const run = (): void => {
      if (this.#receiver !== undefined) act(this.#receiver);
    };
    if (this.#receiver === undefined) this.#early.push(run);
    else run();
    return true;
  }

  #whenOpen(act: (store: BackupStore) => void): void {
    const run = (): void => {
      if (this.#store !== undefined && !this.#discarded) act(this.#store);
    };
    if (this.#store === undefined) this.#waiting.push(run);
    else run();
  }

  #take(result: IntakeResult): void {
    if (result.type === 'damaged') {
      this.#options.handlers.damaged(`damaged log: ${result.reason}`);
      return;
    }
    if (result.batches.length === 0) return;
    const { ports, cold, handlers } = this.#options;
    for (const { encoded, batch } of result.batches) this.#enqueue(batch, encoded.bytes.length);
    if (!cold) {
      const base = defined(this.#intake.base, 'batches come after the header');
      this.#queue.machine ??= ports.openMachine(base);
    }
    const record = this.#splitter.view;
    const view = record && {
      epoch: record.epoch,
      primary: record.primary,
      backups: record.backups,
    };
    const { lsnLast, history } = this.#intake;
    handlers.logged(lsnLast, view, this.#splitter.stop, history);
    this.#passControl();
    this.#queue.pumpSoon();
  }

  /** A checkpoint's group is the last one of its batch: the primary flushes behind it. */
  #noteCheckpoint(store: BackupStore, result: IntakeResult): void {
    if (result.type !== 'batches') return;
    const records = result.batches.at(-1)?.batch.records ?? [];
    if (records.at(-1)?.type !== 'end' || records.at(-2)?.type !== 'checkpoint') return;
    const { view } = this.#splitter;
    const { epoch, primary, backups } = view ?? { epoch: asEpoch(0), primary: '', backups: [] };
    store.checkpoint(this.#intake.lsnLast, view && { epoch, primary, backups });
  }

  /** A cold copy reads its groups from the disk when it has to run them. */
  #enqueue(batch: Batch, bytes: number): void {
    const groups = this.#splitter.push(batch);
    const lastLsn = asLsn(batch.firstLsn + batch.records.length - 1);
    const { cold, ports } = this.#options;
    const { clock, meters } = ports;
    for (const record of batch.records) meters?.recorded(record);
    meters?.shipped(clock.now(), lastLsn, bytes);
    if (cold) {
      meters?.settled(clock.now(), lastLsn, 0);
      return;
    }
    this.#queue.push({ firstLsn: batch.firstLsn, lastLsn, bytes }, groups);
  }

  /** View records and the like need no machine: without a group to run, the log is run to its end. */
  #passControl(): void {
    const { lsnLast } = this.#intake;
    if (this.#options.cold || this.#restoring) return;
    if (!this.#queue.idle || this.#splitter.tail() !== undefined) return;
    if (lsnLast <= this.#queue.lsnReplayed) return;
    this.#queue.passed(lsnLast);
    this.#options.handlers.replayed(lsnLast, this.#queue.outputsCrc);
  }
}
