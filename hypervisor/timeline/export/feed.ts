/**
 * Turns the batches of a log into the events of an export. With a replay it holds back one group at
 * a time: a group's records go on together with its outputs once its `end` agrees with them, so that
 * nothing a diverged replay computed is ever exported.
 */

import {
  asLsn,
  asMicros,
  type Batch,
  type Epoch,
  type LogRecord,
  type Lsn,
  type Micros,
} from '../../../log-format/index.ts';
import type { HeldOutput } from '../../ports.ts';
import type { Replayer, ReplayReport } from '../replayer.ts';
import type { ExportEncoder, TurnTrace } from './events.ts';

/** What one turn showed when the replay ran it. */
export interface ReplayedTurn extends TurnTrace {
  readonly lsn: Lsn;
  readonly outputs: readonly HeldOutput[];
}

/** A replayer, and a way to what its machine has run since the last call. */
export interface ReplaySource {
  readonly replayer: Pick<Replayer, 'push' | 'finish'>;
  takeTurns(): readonly ReplayedTurn[];
}

export interface FeedOptions {
  readonly encoder: Pick<ExportEncoder, 'push'>;
  readonly startedAt: Micros;
  /** First and last lsn to show; both inclusive. An output counts as the record it depends on. */
  readonly from: number;
  readonly to: number;
  /** Undefined: records only. */
  readonly replay: ReplaySource | undefined;
}

interface Placed {
  readonly lsn: Lsn;
  readonly epoch: Epoch;
  readonly record: LogRecord;
  readonly logBytes: number;
}

export class ExportFeed {
  readonly #options: FeedOptions;
  #group: Placed[] = [];
  #hasTurns = false;
  #diverged = false;
  #time: Micros;
  #lastLsn = asLsn(0);

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#time = options.startedAt;
  }

  /** The last record that went to the encoder. */
  get lastLsn(): Lsn {
    return this.#lastLsn;
  }

  /** `logBytes`: of the log, up to the end of the batch. False: nothing more is wanted. */
  push(batch: Batch, logBytes: number): boolean {
    const { epoch } = batch;
    for (const [index, record] of batch.records.entries()) {
      const lsn = asLsn(batch.firstLsn + index);
      if (this.#group.length === 0 && lsn > this.#options.to) return false;
      this.#take({ lsn, epoch, record, logBytes });
      if (this.#diverged) return false;
    }
    return true;
  }

  /** The log is read to its end: runs turns whose `end` was never written. Undefined: no replay. */
  finish(): ReplayReport | undefined {
    const report = this.#options.replay?.replayer.finish();
    this.#release(this.#options.replay?.takeTurns() ?? [], { verified: false });
    return report;
  }

  /**
   * The log ends in damage. Records before it are intact and go on; turns that nothing checks do not
   * run, because what happened in the middle of them may be lost.
   */
  abandon(): void {
    this.#release([], { verified: false });
  }

  #take(placed: Placed): void {
    const { replay } = this.#options;
    const { lsn, epoch, record } = placed;
    this.#group.push(placed);
    if (replay === undefined) {
      this.abandon();
      return;
    }
    this.#hasTurns ||= record.type === 'interrupt';
    const agrees = replay.replayer.push({ epoch, firstLsn: lsn, records: [record] });
    this.#diverged = !agrees;
    const turns = replay.takeTurns();
    // Between groups there is nothing to wait for.
    if (record.type === 'end' || !this.#hasTurns)
      this.#release(agrees ? turns : [], { verified: true });
  }

  /** Hands on the group: every record, and behind it the outputs that depend on it. */
  #release(turns: readonly ReplayedTurn[], { verified }: { readonly verified: boolean }): void {
    const group = this.#group;
    this.#group = [];
    this.#hasTurns = false;
    const byLsn = new Map(turns.map((turn) => [turn.lsn, turn]));
    const outputs = turns.flatMap(({ lsn: turn, outputs }) =>
      outputs.map((held) => ({ ...held, turn })),
    );
    let next = 0;
    for (const placed of group) {
      this.#record(placed, byLsn.get(placed.lsn));
      for (; next < outputs.length; next++) {
        const held = outputs[next];
        if (held === undefined || held.lsn > placed.lsn) break;
        this.#options.encoder.push({
          type: 'output',
          epoch: placed.epoch,
          time: this.#time,
          shown: this.#shows(held.lsn),
          verified,
          ...held,
        });
      }
    }
  }

  #record(placed: Placed, turn: TurnTrace | undefined): void {
    const { lsn, record } = placed;
    if ('time' in record) this.#time = asMicros(Math.max(this.#time, record.time));
    const trace = turn && { ticks: turn.ticks, endedAt: turn.endedAt };
    const shown = this.#shows(lsn);
    if (shown) this.#lastLsn = lsn;
    this.#options.encoder.push({ type: 'record', ...placed, turn: trace, shown });
  }

  #shows(lsn: Lsn): boolean {
    return lsn >= this.#options.from && lsn <= this.#options.to;
  }
}
