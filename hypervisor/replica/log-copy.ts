/**
 * One copy of a log on a backup, from the hello that began it to its promotion, its seal or its end
 * in the bin: the store, the machine that replays it, and the outputs that may still be needed.
 */

import { asLsn, type EncodedBatch, type Lsn, type Millis } from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import { WINDOW_BYTES_MAX } from '../base/limits.ts';
import type {
  Arbiter,
  BackupMachine,
  BackupStore,
  MachineDivergence,
  Output,
  ReplayGroup,
  TurnsResult,
} from '../ports.ts';
import type { Hello } from '../protocol/backup-events.ts';
import { Fifo } from '../protocol/fifo.ts';
import { LogWindow } from '../protocol/log-window.ts';
import type { View } from '../protocol/messages.ts';
import { OutputGate } from '../protocol/output-gate.ts';
import { divergenceReport } from './divergence-report.ts';
import { GroupSplitter, lastLsnOf } from './group-splitter.ts';
import type { Handover, MachineState } from './handover.ts';
import type { BackupPorts, Estate } from './hooks.ts';
import { type IntakeResult, LogIntake } from './log-intake.ts';
import { gated } from './output-release.ts';

export interface LogCopyHandlers {
  logged(
    lastLsn: Lsn,
    view: View | undefined,
    stop: { readonly code: number; readonly reason: string } | undefined,
  ): void;
  replayed(lsn: Lsn): void;
  diverged(lsn: Lsn, report: string): void;
  damaged(reason: string): void;
}

export class LogCopy {
  readonly arbiter: Arbiter;
  readonly #ports: BackupPorts;
  readonly #hello: Hello;
  readonly #handlers: LogCopyHandlers;
  readonly #store: BackupStore;
  readonly #intake = new LogIntake();
  readonly #splitter = new GroupSplitter();
  readonly #groups = new Fifo<ReplayGroup>();
  readonly #gate = new OutputGate<Output>(asLsn(0));
  /** Received and not replayed: the same bookkeeping as shipped and not acknowledged. */
  readonly #backlog = new LogWindow();
  #machine: BackupMachine | undefined;
  #state: MachineState | undefined;
  #lsnReplayed: Lsn = asLsn(0);
  #divergence: { readonly lsn: Lsn; readonly report: string } | undefined;
  #running = false;
  #pumping = false;
  #paused = false;
  #discarded = false;
  #pumpDue = false;

  constructor(ports: BackupPorts, hello: Hello, handlers: LogCopyHandlers) {
    this.#ports = ports;
    this.#hello = hello;
    this.#handlers = handlers;
    this.arbiter = ports.openArbiter(hello.arbiter);
    this.#store = ports.openStore(hello);
    ports.meters?.begun(ports.clock.now());
  }

  get lsnReplayed(): Lsn {
    return this.#lsnReplayed;
  }

  get divergence(): { readonly lsn: Lsn; readonly report: string } | undefined {
    return this.#divergence;
  }

  /** A replay is under way or about to be. */
  get replaying(): boolean {
    return this.#running || (!this.#paused && this.#groups.size > 0);
  }

  /** More waits to be replayed than may: acks are held back until the machine has caught up. */
  get overloaded(): boolean {
    return this.#backlog.bytes > WINDOW_BYTES_MAX;
  }

  /** Part of a state transfer. */
  frames(bytes: Uint8Array): void {
    const result = this.#intake.frames(bytes);
    if (result.type === 'batches') this.#store.appendFrames(bytes);
    this.#take(result);
  }

  append(encoded: EncodedBatch): void {
    const result = this.#intake.batch(encoded);
    if (result.type === 'batches' && result.batches.length > 0) this.#store.append(encoded);
    this.#take(result);
  }

  /** Outputs up to `lsn` have left the primary. */
  forget(lsn: Lsn): void {
    this.#gate.forget(lsn);
  }

  /** Starts no further replay. */
  pause(): void {
    this.#paused = true;
  }

  /** Everything is replayed that will be: the log ends here. */
  seal(done: () => void): void {
    this.#discarded = true;
    this.#machine?.dispose();
    this.#store.seal(done);
  }

  discard(): void {
    this.#discarded = true;
    this.#machine?.dispose();
    this.#store.close(() => {});
  }

  /** Gives everything away. Call paused, with no replay under way, and nothing after it. */
  handover(view: View): { readonly handover: Handover; readonly estate: Estate } {
    this.#discarded = true;
    const machine = defined(this.#machine, 'a promoted backup has a machine');
    const { header } = defined(this.#intake.base, 'a promoted backup has a header');
    const handover: Handover = {
      vm: this.#hello.vm,
      name: this.#hello.name,
      id: this.#hello.backup,
      view,
      hello: this.#hello,
      epochLast: view.epoch,
      formerIds: [],
      startedAt: header.startedAt,
      timeLast: this.#splitter.timeLast,
      lsnReceived: this.#intake.lsnLast,
      lsnReplayed: this.#lsnReplayed,
      lsnReleased: this.#gate.lsnReleased,
      groups: this.#groups.drain(),
      tail: this.#splitter.tail(),
      held: this.#gate.drain().map(({ lsn, output }) => ({ lsn, output })),
      machine: this.#state,
    };
    return { handover, estate: { store: this.#store, machine } };
  }

  #take(result: IntakeResult): void {
    if (result.type === 'damaged') {
      this.#handlers.damaged(`damaged log: ${result.reason}`);
      return;
    }
    if (result.batches.length === 0) return;
    const { meters, clock } = this.#ports;
    for (const { encoded, batch } of result.batches) {
      this.#backlog.shipped(encoded);
      for (const record of batch.records) meters?.recorded(record);
      meters?.shipped(clock.now(), encoded.lastLsn, encoded.bytes.length);
      for (const group of this.#splitter.push(batch)) this.#groups.push(group);
    }
    this.#machine ??= this.#ports.openMachine(
      defined(this.#intake.base, 'batches come after the header'),
    );
    const record = this.#splitter.view;
    const view = record && {
      epoch: record.epoch,
      primary: record.primary,
      backups: record.backups,
    };
    this.#handlers.logged(this.#intake.lsnLast, view, this.#splitter.stop);
    if (!this.#running && this.#idle) meters?.settled(clock.now(), this.#intake.lsnLast, 0);
    this.#pumpSoon();
  }

  /**
   * Behind the ack of what just came, which is deferred once: handing a group to another thread takes
   * as long as the rest of the ack's way.
   */
  #pumpSoon(): void {
    if (this.#pumpDue || this.#running) return;
    this.#pumpDue = true;
    const { clock } = this.#ports;
    clock.defer(() =>
      clock.defer(() => {
        this.#pumpDue = false;
        this.#pump();
      }),
    );
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    // A machine that answers before it returns is taken by the loop; recursion would need a stack as
    // deep as the backlog.
    while (!this.#running && !this.#paused && !this.#discarded) {
      const group = this.#groups.shift();
      if (group === undefined) break;
      this.#running = true;
      const began = this.#ports.clock.now();
      this.#machine?.replay(group, (turns, divergence) => {
        this.#running = false;
        if (this.#discarded) return;
        this.#count(group, turns, began);
        this.#replayed(group, turns, divergence);
        this.#pump();
      });
    }
    this.#pumping = false;
  }

  /** Nothing received waits to be replayed: what is left are control records. */
  get #idle(): boolean {
    return this.#groups.size === 0 && this.#splitter.tail() === undefined;
  }

  #count(group: ReplayGroup, { outputs, end }: TurnsResult, began: Millis): void {
    const { meters, clock } = this.#ports;
    if (meters === undefined) return;
    const now = clock.now();
    const lsn = this.#idle ? this.#intake.lsnLast : lastLsnOf(group);
    meters.replayed(now, lsn, {
      records: group.records.length,
      turns: group.records.filter(({ type }) => type === 'interrupt').length,
      outputs: outputs.length,
      ms: now - began,
      ticks: end.ticks,
      time: this.#splitter.timeLast,
    });
  }

  #replayed(
    group: ReplayGroup,
    turns: TurnsResult,
    divergence: MachineDivergence | undefined,
  ): void {
    if (divergence !== undefined) {
      this.#paused = true;
      this.#divergence = { lsn: divergence.lsn, report: divergenceReport(divergence) };
      this.#handlers.diverged(this.#divergence.lsn, this.#divergence.report);
      return;
    }
    this.#lsnReplayed = lastLsnOf(group);
    this.#backlog.acked(this.#lsnReplayed, this.#lsnReplayed);
    for (const held of turns.outputs) {
      this.#ports.retain(held.output);
      this.#gate.hold(gated(held));
    }
    const { alarmAt, immediatesLeft, halted } = turns;
    this.#state = { alarmAt, immediatesLeft, halted };
    this.#handlers.replayed(this.#lsnReplayed);
  }
}
