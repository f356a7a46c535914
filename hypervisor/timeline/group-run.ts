/** One group on its way through a machine, turn by turn, and what its checks say about that. */

import type { EndRecord, InterruptRecord, Lsn } from '../../log-format/index.ts';
import { assert, defined } from '../base/assert.ts';
import type { MidTurnSource } from '../machine/cpu.ts';
import { compareGroup } from '../machine/group-checks.ts';
import { recordedSources } from '../machine/local-machine.ts';
import type { Machine } from '../machine/machine.ts';
import type { HeldOutput, MachineDivergence, TurnsResult } from '../ports.ts';
import type { LogGroup, TurnPlace } from './log-groups.ts';

/** Puts something around what a turn takes in its middle. */
export interface SourceWrapper {
  around(recorded: MidTurnSource): MidTurnSource;
}

const NO_CHECKS: Uint8Array = new Uint8Array(0);
const PLAIN: SourceWrapper = { around: (recorded) => recorded };

export class GroupRun {
  readonly #group: LogGroup;
  readonly #sourceOf: (turn: Lsn) => MidTurnSource;
  /** Some of its turns ran before a checkpoint: what only the whole group shows is not compared. */
  readonly #isPartial: boolean;
  /** Index of the turn to run next, and of the first one run here. */
  #next: number;
  readonly #first: number;
  readonly #digests: number[] = [];
  readonly #outputs: HeldOutput[] = [];
  #differs = false;

  /** `from`: the turns up to there have run. */
  constructor(group: LogGroup, { from }: { readonly from: Lsn }) {
    this.#group = group;
    this.#sourceOf = recordedSources(group);
    const index = group.turns.findIndex(({ lsn }) => lsn > from);
    this.#next = index < 0 ? group.turns.length : index;
    this.#first = this.#next;
    this.#isPartial = this.#next > 0;
  }

  get firstLsn(): Lsn {
    return this.#group.firstLsn;
  }

  get lastLsn(): Lsn {
    return this.#group.lastLsn;
  }

  get turns(): readonly { readonly lsn: Lsn; readonly record: InterruptRecord }[] {
    return this.#group.turns;
  }

  /** Its `end` is in the log. */
  get isClosed(): boolean {
    return this.#group.end !== undefined;
  }

  /** The last turn run does not agree with its own check. */
  get differs(): boolean {
    return this.#differs;
  }

  /** The turn to run next, when it lies behind `lsn`: positions between two turns run none. */
  turnBehind(lsn: Lsn): TurnPlace | undefined {
    const turn = this.#group.turns[this.#next];
    assert(turn === undefined || turn.lsn > lsn, 'a turn ahead has not run');
    return turn;
  }

  /** Runs a turn, which is the next one; returns what it let out. */
  run({ record, lsn }: TurnPlace, machine: Machine, wrapper: SourceWrapper): readonly HeldOutput[] {
    const hadEnded = machine.halted !== undefined;
    machine.turn(record, lsn, wrapper.around(this.#sourceOf(lsn)));
    const { outputs, end } = machine.collect();
    if (!hadEnded) {
      this.#digests.push(end.digest);
      this.#differs = this.#isOff(end.digest);
    }
    this.#next += 1;
    for (const output of outputs) this.#outputs.push(output);
    return outputs;
  }

  /**
   * Runs what is left and compares with the `end`. `isKnown`: this very group has agreed before, so
   * that only what rolls on is compared, and not all of memory.
   */
  finish(
    machine: Machine,
    options: { readonly isKnown: boolean } = { isKnown: false },
  ): MachineDivergence | undefined {
    for (const turn of this.#group.turns.slice(this.#next)) this.run(turn, machine, PLAIN);
    const expected = defined(this.#group.end, 'a group compared has its end');
    const { end, ...rest } = machine.collect();
    if (this.#isPartial || options.isKnown) {
      const last: EndRecord = { ...expected, checks: NO_CHECKS };
      const only = { firstLsn: this.#group.lastLsn, records: [last] };
      const found = compareGroup(only, { ...rest, end }, () => machine.figures());
      return found ? { ...found, turn: this.#firstOff() } : this.#offByChecks(expected, end);
    }
    const result: TurnsResult = {
      ...rest,
      outputs: this.#outputs,
      end: { ...end, checks: this.#checks() },
    };
    const found = compareGroup(this.#group, result, () => machine.figures());
    return found ?? this.#offByChecks(expected, end);
  }

  /** Turns may differ whose digests end alike. */
  #offByChecks(expected: EndRecord, got: TurnsResult['end']): MachineDivergence | undefined {
    const turn = this.#firstOff();
    if (turn === undefined) return undefined;
    const { lastLsn: lsn } = this.#group;
    return { lsn, turn, expected, got, output: undefined, checkpoint: undefined };
  }

  /** By the check of the turn that has just run, where the log has one. */
  #isOff(digest: number): boolean {
    const { end } = this.#group;
    const at = 2 * this.#next;
    if (end === undefined || at + 1 >= end.checks.length) return false;
    return (((end.checks[at] ?? 0) << 8) | (end.checks[at + 1] ?? 0)) !== (digest & 0xffff);
  }

  #firstOff(): Lsn | undefined {
    const { end, turns } = this.#group;
    if (end === undefined || end.checks.length === 0) return undefined;
    for (const [index, digest] of this.#digests.entries()) {
      const at = 2 * (this.#first + index);
      const check = ((end.checks[at] ?? 0) << 8) | (end.checks[at + 1] ?? 0);
      if (at < end.checks.length && check !== (digest & 0xffff))
        return turns[this.#first + index]?.lsn;
    }
    return undefined;
  }

  #checks(): Uint8Array {
    const bytes = new Uint8Array(this.#digests.length > 1 ? this.#digests.length * 2 : 0);
    const view = new DataView(bytes.buffer);
    if (bytes.length > 0)
      for (const [turn, digest] of this.#digests.entries())
        view.setUint16(turn * 2, digest & 0xffff);
    return bytes;
  }
}
