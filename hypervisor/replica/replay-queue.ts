/**
 * The running half of a copy: complete groups wait here for the machine, one at a time, and what they put
 * out waits to be known as released. The store and the acks do not wait for it.
 */

import { asLsn, type Lsn, type Micros, type Millis } from '../../log-format/index.ts';
import { WINDOW_BYTES_MAX } from '../base/limits.ts';
import type {
  BackupMachine,
  Clock,
  HeldOutput,
  MachineDivergence,
  Output,
  ReplayGroup,
  TurnsResult,
} from '../ports.ts';
import { Fifo } from '../protocol/fifo.ts';
import { LogWindow } from '../protocol/log-window.ts';
import { OutputGate } from '../protocol/output-gate.ts';
import { divergenceReport } from './divergence-report.ts';
import { lastLsnOf } from './group-splitter.ts';
import { leaves } from './guest-commits.ts';
import type { MachineState } from './handover.ts';
import type { Meters } from './meters.ts';
import { gated } from './output-release.ts';

export interface ReplayQueueOptions {
  readonly clock: Clock;
  readonly meters: Meters | undefined;
  /** Of the last record received, for `meters` alone. */
  readonly guestTime: () => Micros;
  /** Every output when it is replayed. */
  readonly retain: (output: Output) => void;
  readonly replayed: (lsn: Lsn) => void;
  readonly diverged: (lsn: Lsn, report: string) => void;
}

/** Where a machine stands that has replayed before. */
export interface ReplayStanding {
  readonly lsnReplayed: Lsn;
  readonly outputsCrc: number;
  readonly state: MachineState;
  /** Outputs of what it has run that are not known to have left. */
  readonly held: readonly HeldOutput[];
}

export class ReplayQueue {
  readonly #options: ReplayQueueOptions;
  readonly #groups = new Fifo<ReplayGroup>();
  readonly #gate = new OutputGate<Output>(asLsn(0));
  /** Received and not replayed: the same bookkeeping as shipped and not acknowledged. */
  readonly #backlog = new LogWindow();
  machine: BackupMachine | undefined;
  state: MachineState | undefined;
  lsnReplayed: Lsn = asLsn(0);
  /** Hash of all outputs up to there. */
  outputsCrc = 0;
  divergence: { readonly lsn: Lsn; readonly report: string } | undefined;
  #running = false;
  #pumping = false;
  #paused = false;
  #closed = false;
  #pumpDue = false;

  constructor(options: ReplayQueueOptions) {
    this.#options = options;
  }

  /** A replay is under way or about to be. */
  get replaying(): boolean {
    return this.#running || (!this.#paused && this.machine !== undefined && this.#groups.size > 0);
  }

  /** More waits to be replayed than may: acks are held back until the machine has caught up. */
  get overloaded(): boolean {
    return this.#backlog.bytes > WINDOW_BYTES_MAX;
  }

  /** Nothing waits and nothing runs: control records at the end of the log need no machine. */
  get idle(): boolean {
    return !this.#running && this.#groups.size === 0;
  }

  get lsnReleased(): Lsn {
    return this.#gate.lsnReleased;
  }

  /**
   * The machine has run the log up to here before. `lsnLast`: of the copy, which may end behind it with
   * control records, or with a group that has no end yet.
   */
  startAt(standing: ReplayStanding, lsnLast: Lsn): void {
    this.lsnReplayed = standing.lsnReplayed;
    this.outputsCrc = standing.outputsCrc;
    this.state = standing.state;
    this.#backlog.streamed(lsnLast);
    this.#backlog.acked(standing.lsnReplayed, standing.lsnReplayed);
    const { clock, meters } = this.#options;
    meters?.passed(clock.now(), standing.lsnReplayed);
    this.#hold(standing.held);
  }

  /** The machine that `startAt` told of has come there. Call before anything was replayed. */
  restored({ outputsCrc, state, held }: Omit<ReplayStanding, 'lsnReplayed'>): void {
    this.outputsCrc = outputsCrc;
    this.state = state;
    this.#hold(held);
  }

  /** A batch has come; `groups`: those it completes. */
  push(
    batch: { readonly firstLsn: Lsn; readonly lastLsn: Lsn; readonly bytes: number },
    groups: readonly ReplayGroup[],
  ): void {
    if (this.#backlog.lsnShipped === 0 && batch.firstLsn > 1)
      this.#backlog.streamed(asLsn(batch.firstLsn - 1));
    this.#backlog.shipped(batch);
    for (const group of groups) this.#groups.push(group);
  }

  /** Records up to `lsn` that lie in no group. */
  passed(lsn: Lsn): void {
    this.lsnReplayed = lsn;
    this.#backlog.acked(lsn, lsn);
    const { clock, meters } = this.#options;
    meters?.passed(clock.now(), lsn);
  }

  /** Outputs up to `lsn` have left the primary. */
  forget(lsn: Lsn): void {
    this.#gate.forget(lsn);
  }

  /** Starts no further replay. */
  pause(): void {
    this.#paused = true;
  }

  close(): void {
    this.#closed = true;
    this.machine?.dispose();
  }

  /** As if nothing had been run: what was replayed right before is replayed again. */
  dropMachine(): void {
    this.machine?.dispose();
    this.machine = undefined;
    this.state = undefined;
    this.lsnReplayed = asLsn(0);
    this.#groups.drain();
    this.#gate.drain();
  }

  /** Gives everything away but the machine. Call paused, with no replay under way, and nothing after it. */
  drain(): { readonly groups: readonly ReplayGroup[]; readonly held: readonly HeldOutput[] } {
    this.#closed = true;
    const held = this.#gate.drain().map(({ lsn, output }) => ({ lsn, output }));
    return { groups: this.#groups.drain(), held };
  }

  /**
   * Behind the ack of what just came, which is deferred once: handing a group to another thread takes
   * as long as the rest of the ack's way.
   */
  pumpSoon(): void {
    if (this.#pumpDue || this.#running) return;
    this.#pumpDue = true;
    const { clock } = this.#options;
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
    while (!this.#running && !this.#paused && !this.#closed && this.machine !== undefined) {
      const group = this.#groups.shift();
      if (group === undefined) break;
      this.#running = true;
      const began = this.#options.clock.now();
      this.machine.replay(group, (turns, divergence) => {
        this.#running = false;
        if (this.#closed) return;
        this.#count(group, turns, began);
        this.#replayed(group, turns, divergence);
        this.#pump();
      });
    }
    this.#pumping = false;
  }

  #count(group: ReplayGroup, { outputs, end }: TurnsResult, began: Millis): void {
    const { meters, clock, guestTime } = this.#options;
    if (meters === undefined) return;
    const now = clock.now();
    meters.replayed(now, lastLsnOf(group), {
      records: group.records.length,
      turns: group.records.filter(({ type }) => type === 'interrupt').length,
      outputs: outputs.length,
      ms: now - began,
      ticks: end.ticks,
      time: guestTime(),
    });
  }

  #replayed(
    group: ReplayGroup,
    turns: TurnsResult,
    divergence: MachineDivergence | undefined,
  ): void {
    if (divergence !== undefined) {
      this.#paused = true;
      this.divergence = { lsn: divergence.lsn, report: divergenceReport(divergence) };
      this.#options.diverged(this.divergence.lsn, this.divergence.report);
      return;
    }
    this.lsnReplayed = lastLsnOf(group);
    this.outputsCrc = turns.end.outputsCrc;
    this.#backlog.acked(this.lsnReplayed, this.lsnReplayed);
    this.#hold(turns.outputs);
    const { alarmAt, immediatesLeft, halted } = turns;
    this.state = { alarmAt, immediatesLeft, halted };
    this.#options.replayed(this.lsnReplayed);
  }

  #hold(outputs: readonly HeldOutput[]): void {
    for (const held of outputs.filter(leaves)) {
      this.#options.retain(held.output);
      this.#gate.hold(gated(held));
    }
  }
}
