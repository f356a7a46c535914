/**
 * A recorded run as something to move around in. Owns a machine built from the log's beginning, and
 * keeps it between two turns: forward by running recorded turns, backward by restoring a checkpoint
 * and running on from there. Whatever way it came, at a place the machine is the same, bit for bit.
 *
 * A position is the lsn of the last record applied: all turns up to there have run, each with its
 * mid-turn records. `lsn:ticks` is a place inside the turn at `lsn`; the machine has then run that
 * turn to its end, and what it was in the middle is kept as a copy to look at.
 *
 * Every check of the log is compared as it is passed. Nothing behind a divergence can be reached.
 */

import { asLsn, asTicks, type Lsn, type Micros, type Ticks } from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import { CHECKPOINT_SPACING_MS } from '../base/limits.ts';
import type { Machine } from '../machine/machine.ts';
import type { MachineSnapshot } from '../machine/snapshot.ts';
import type { InspectionSource } from '../machine/spare-engine.ts';
import type { MachineDivergence } from '../ports.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Divergence } from './divergence.ts';
import { GroupRun } from './group-run.ts';
import {
  groupAround,
  groupFrom,
  recordsBetween,
  type TimelineLog,
  type TurnPlace,
  type TurnSpan,
  turnAfter,
  turnAt,
  turnsAhead,
  turnsBehind,
} from './log-groups.ts';
import { Moment } from './moment.ts';
import { OutputTail, type TurnOutputs } from './output-tail.ts';
import { behindDivergence, noSuchTick, noTurn, outOfRange } from './position-errors.ts';

export interface TimelineOptions {
  /** Before its first turn. The timeline owns it from now on. */
  readonly machine: Machine;
  readonly log: TimelineLog;
  readonly startedAt: Micros;
  readonly checkpoints: Checkpoints;
  /** Milliseconds that pass while the machine runs; only spaces checkpoints. */
  readonly now: () => number;
  /** Asked before every turn: true ends the move where it is. */
  readonly shouldStop?: () => boolean;
}

/** `ticks`: since the boot, for a place inside the turn at `lsn`. */
export interface TimelinePosition {
  readonly lsn: Lsn;
  readonly ticks: Ticks | undefined;
}

/** How a move ended. After `diverged` the timeline stands before the turn that differs. */
export type MoveEnd = 'arrived' | 'interrupted' | 'diverged';

interface RunOptions {
  readonly canStop?: boolean;
  /** Asked behind every turn and group: true ends the run there. */
  readonly pause?: () => boolean;
}

const AROUND_RECORDS = 5;
/** About six seconds of replay for outputs that lie far back. */
const OUTPUT_STRETCHES_MAX = 128;

export class Timeline {
  readonly log: TimelineLog;
  readonly #machine: Machine;
  readonly #startedAt: Micros;
  readonly #checkpoints: Checkpoints;
  readonly #now: () => number;
  readonly #shouldStop: () => boolean;
  readonly #origin: MachineSnapshot;
  readonly #outputs: OutputTail;
  readonly #moment = new Moment();
  #lsn: Lsn;
  #group: GroupRun | undefined;
  /** The turn that ran last, when it ran here and not before a checkpoint. */
  #turn: TurnSpan | undefined;
  #verified: Lsn;
  #limit: Lsn;
  #divergence: Divergence | undefined;
  /** Since the checkpoint at `#paceLsn`: time spent, without the move under way. */
  #paceMs = 0;
  #paceLsn: Lsn;
  #moveStarted = 0;

  constructor(options: TimelineOptions) {
    this.log = options.log;
    this.#machine = options.machine;
    this.#startedAt = options.startedAt;
    this.#checkpoints = options.checkpoints;
    this.#now = options.now;
    this.#shouldStop = options.shouldStop ?? (() => false);
    this.#lsn = this.start;
    this.#verified = this.start;
    this.#limit = this.log.lastLsn;
    this.#paceLsn = this.start;
    this.#outputs = new OutputTail(this.start);
    const { state, memory } = this.#machine.save();
    this.#origin = { state, memory: memory.map(({ at, bytes }) => ({ at, bytes: bytes.slice() })) };
  }

  /** Before the first record: firmware booted, no turn run. */
  get start(): Lsn {
    return asLsn(this.log.firstLsn - 1);
  }

  /** The last position there is: the log's last record, or the last before a divergence. */
  get end(): Lsn {
    return this.#limit;
  }

  get position(): TimelinePosition {
    return { lsn: this.#lsn, ticks: this.#moment.ticks };
  }

  /** The last `end` that agreed with what was run here; what lies behind it was not checked yet. */
  get verified(): Lsn {
    return this.#verified;
  }

  /** Set once a check has not agreed. */
  get divergence(): Divergence | undefined {
    return this.#divergence;
  }

  /** The guest's end, when it lies at or before the position. */
  get halted(): { readonly code: number; readonly reason: string } | undefined {
    return this.#machine.halted;
  }

  get checkpoints(): Checkpoints {
    return this.#checkpoints;
  }

  /** The turn whose end (or, with ticks, middle) the position is; undefined before the first. */
  get turn(): TurnPlace | undefined {
    return turnAt(this.log, this.#lsn);
  }

  /** Ticks of that turn, when it was run on the way here. */
  get turnSpan(): TurnSpan | undefined {
    return this.#turn?.lsn === this.turn?.lsn ? this.#turn : undefined;
  }

  /** Ticks since the boot at the position. */
  get ticks(): Ticks {
    return this.#moment.ticks ?? this.#machine.ticks;
  }

  /** Virtual time at the position, microseconds since the Unix epoch. */
  get time(): number {
    return this.inspect().now ?? this.#machine.now;
  }

  /**
   * The guest at the position, for an Inspector to copy. Valid until the next move; never to be
   * written to.
   */
  inspect(): InspectionSource {
    return this.#moment.source ?? this.#machine.inspectionSource();
  }

  /**
   * Guest memory between turns, up to the last byte ever used: for hashes. At `lsn:ticks` that of the
   * turn's end.
   */
  memory(): Uint8Array {
    return this.#machine.usedMemory();
  }

  /** Throws HV_E_USAGE outside the log, HV_E_DIVERGED behind a divergence, HV_E_LOG_DAMAGED. */
  goto(lsn: Lsn): MoveEnd {
    this.#demandReachable(lsn);
    this.#moment.clear();
    return this.#timed(() => this.#goTo(lsn));
  }

  /**
   * Into the turn at `lsn`, at `ticks` since the boot, or since the turn's start when `relative`. A
   * mid-turn record of that very tick has not been applied. Throws as `goto`, and HV_E_USAGE when
   * `lsn` is no turn or the turn has no such tick.
   */
  gotoTick(lsn: Lsn, ticks: number, options: { readonly relative: boolean }): MoveEnd {
    this.#demandReachable(lsn);
    const record = this.log.record(lsn);
    if (record?.type !== 'interrupt') throw noTurn(this.log, lsn);
    this.#moment.clear();
    const ended = this.#timed(() => this.#goTo(asLsn(lsn - 1)));
    if (ended !== 'arrived') return ended;
    const from = this.#machine.ticks;
    const at = options.relative ? from + ticks : ticks;
    if (at >= from) this.#moment.plan(asTicks(at), this.#machine);
    const ran = this.#timed(() => this.#goTo(lsn));
    if (ran === 'arrived' && this.#moment.source !== undefined) return ran;
    this.#moment.clear();
    if (ran !== 'arrived') return ran;
    throw noSuchTick(lsn, at, { lsn, from, to: this.#machine.ticks });
  }

  /** `count` turns forward; at the log's last turn, to the log's end. */
  step(count: number): MoveEnd {
    const turns = this.#moment.ticks === undefined ? count : count - 1;
    const target = turnsAhead(this.log, this.#lsn, turns) ?? this.#limit;
    return this.goto(asLsn(Math.min(target, this.#limit)));
  }

  /** `count` turns back: behind the turn before, at last to the start. */
  back(count: number): MoveEnd {
    return this.goto(turnsBehind(this.log, this.#lsn, count) ?? this.start);
  }

  /** To the next turn `accepts` takes. Undefined: there is none, the timeline stays. */
  next(accepts: (turn: TurnPlace) => boolean): MoveEnd | undefined {
    const turn = turnAfter(this.log, this.#lsn, accepts);
    return turn === undefined ? undefined : this.goto(asLsn(Math.min(turn.lsn, this.#limit)));
  }

  /** To the end of the group ahead, where its checks have been compared. Undefined: it is the end. */
  nextGroup(): MoveEnd | undefined {
    if (this.#lsn >= this.#limit) return undefined;
    const { lastLsn } = this.#groupAhead();
    return this.goto(asLsn(Math.min(lastLsn, this.#limit)));
  }

  /**
   * Forward until a checkpoint is behind the timeline that was ahead of it or not there, at most to
   * `end`: a stretch that takes about as long as checkpoints are apart.
   */
  nextStretch(): MoveEnd {
    const from = this.#lsn;
    const known = this.#checkpoints.lsns().find((lsn) => lsn > from);
    if (known !== undefined && known <= this.#limit) return this.goto(known);
    this.#moment.clear();
    return this.#timed(() => this.#run(this.#limit, { pause: () => this.#paceLsn > from }));
  }

  /** What turns up to here have let out, oldest first: those of turns from `lsn` on. */
  outputsSince(lsn: Lsn): readonly TurnOutputs[] {
    this.#collectSince(lsn);
    return this.#outputs.since(lsn);
  }

  /** The last `count` outputs up to here, with their turns; fewer when they lie very far back. */
  outputsLast(count: number): readonly TurnOutputs[] {
    for (let stretches = 1; stretches <= OUTPUT_STRETCHES_MAX; stretches *= 2) {
      const { from } = this.#outputs;
      if (this.#outputs.count >= count || from <= this.start || this.#shouldStop()) break;
      const before = this.#checkpoints.lsns().filter((lsn) => lsn < from);
      this.#collectSince(asLsn((before.at(-stretches) ?? this.start) + 1));
    }
    return this.#outputs.last(count);
  }

  /** Makes the outputs of all turns from `lsn` on known, by running them again. */
  #collectSince(lsn: Lsn): void {
    if (this.#outputs.from < lsn) return;
    const here = this.#lsn;
    this.#timed(() => {
      this.#restore(asLsn(Math.max(lsn - 1, this.start)));
      return this.#run(here, { canStop: false });
    });
  }

  #demandReachable(lsn: Lsn): void {
    if (Number.isSafeInteger(lsn) && lsn >= this.start && lsn <= this.#limit) return;
    if (this.#divergence !== undefined && lsn > this.#limit && lsn <= this.log.lastLsn)
      throw behindDivergence(lsn, this.#limit, this.#divergence);
    throw outOfRange(lsn, this.start, this.#limit);
  }

  #timed(move: () => MoveEnd): MoveEnd {
    this.#moveStarted = this.#now();
    try {
      return move();
    } finally {
      this.#paceMs += this.#now() - this.#moveStarted;
    }
  }

  #goTo(lsn: Lsn): MoveEnd {
    const nearest = this.#checkpoints.nearest(lsn)?.lsn ?? this.start;
    if (lsn < this.#lsn || nearest > this.#lsn) this.#restore(lsn);
    return this.#run(lsn);
  }

  /** To the last checkpoint at or before `lsn`. */
  #restore(lsn: Lsn): void {
    let nearest = this.#checkpoints.nearest(lsn);
    let snapshot = nearest && this.#checkpoints.load(nearest.lsn);
    while (nearest !== undefined && snapshot === undefined) {
      nearest = this.#checkpoints.nearest(lsn);
      snapshot = nearest && this.#checkpoints.load(nearest.lsn);
    }
    this.#machine.restore(snapshot ?? this.#origin);
    this.#lsn = nearest?.lsn ?? this.start;
    this.#paceLsn = this.#lsn;
    this.#paceMs = 0;
    this.#moveStarted = this.#now();
    this.#turn = undefined;
    this.#outputs.restart(this.#lsn);
    const between = this.#lsn === this.start || this.log.record(this.#lsn)?.type === 'end';
    const group = between ? undefined : groupAround(this.log, this.#lsn);
    this.#group = group && new GroupRun(group, { from: this.#lsn });
  }

  #run(to: Lsn, { canStop = true, pause }: RunOptions = {}): MoveEnd {
    while (this.#lsn < to) {
      const group = this.#groupAhead();
      const turn = group.turnBehind(this.#lsn);
      if (turn === undefined || turn.lsn > to) {
        if (to < group.lastLsn) {
          this.#lsn = to;
          break;
        }
        if (!this.#finish(group)) return 'diverged';
      } else {
        if (canStop && this.#shouldStop()) return 'interrupted';
        this.#lsn = turn.lsn;
        this.#runTurn(group, turn);
        const found = group.differs && group.finish(this.#machine);
        if (found) return this.#diverged(group, found);
        if (this.#lsn <= this.#verified) this.#pace();
      }
      if (pause?.()) break;
    }
    return 'arrived';
  }

  #groupAhead(): GroupRun {
    const first = asLsn(this.#lsn + 1);
    this.#group ??= new GroupRun(
      defined(groupFrom(this.log, first), 'a record ahead is in a group'),
      { from: this.#lsn },
    );
    return this.#group;
  }

  #runTurn(group: GroupRun, turn: TurnPlace): void {
    const from = this.#machine.ticks;
    const outputs = group.run(turn, this.#machine, this.#moment);
    this.#turn = { lsn: turn.lsn, from, to: this.#machine.ticks };
    this.#outputs.push(turn.lsn, outputs);
  }

  /** Behind the last turn of a group: compares. False: it has diverged. */
  #finish(group: GroupRun): boolean {
    const { lastLsn } = group;
    if (group.isClosed) {
      const found = group.finish(this.#machine, { isKnown: lastLsn <= this.#verified });
      if (found !== undefined) {
        this.#diverged(group, found);
        return false;
      }
      this.#verified = asLsn(Math.max(this.#verified, lastLsn));
    }
    this.#lsn = lastLsn;
    this.#group = undefined;
    this.#pace();
    return true;
  }

  /** Offers a checkpoint here when the last one is far enough behind. */
  #pace(): void {
    const spent = this.#paceMs + this.#now() - this.#moveStarted;
    if (spent < CHECKPOINT_SPACING_MS || this.#machine.halted !== undefined) return;
    const known = this.#checkpoints.nearest(this.#lsn);
    this.#paceMs = 0;
    if (known !== undefined && known.lsn > this.#paceLsn) this.#paceLsn = known.lsn;
    else {
      this.#checkpoints.offer(this.#lsn, () => this.#machine.save());
      this.#paceLsn = this.#lsn;
    }
    this.#moveStarted = this.#now();
  }

  #diverged(group: GroupRun, found: MachineDivergence): MoveEnd {
    const { turns, firstLsn } = group;
    this.#divergence = {
      ...found,
      turns,
      around: recordsBetween(this.log, asLsn(firstLsn - AROUND_RECORDS), group.lastLsn),
      startedAt: this.#startedAt,
    };
    this.#limit = asLsn((found.turn ?? firstLsn) - 1);
    this.#moment.clear();
    this.#restore(this.#limit);
    this.#run(this.#limit, { canStop: false });
    return 'diverged';
  }
}
