/**
 * What the guest has asked to be told: that all it had done is as safe as it asked. What that takes
 * is for the protocol to know; here is only which commits have no answer yet, so that whoever goes on
 * with the guest can ask for them again.
 */

import type { InterruptRecord, PendingCommit } from '../../../log-format/index.ts';
import { COMMIT_LEVELS, type CommitLevel, INTERRUPT } from '../../../log-format/index.ts';
import { newNumber, readInt } from '../values.ts';
import type { Board, Device, TrapHandler } from './device.ts';

interface CommitState {
  readonly last: number;
  readonly pending: readonly PendingCommit[];
}

export class CommitDevice implements Device {
  readonly name = 'commit';
  readonly #board: Board;
  #last = 0;
  /** As many as the guest has promises for, which its own heap limits. */
  readonly #pending = new Map<number, CommitLevel>();

  constructor(board: Board) {
    this.#board = board;
  }

  /** Without an answer, oldest first. */
  get pending(): readonly PendingCommit[] {
    return [...this.#pending].map(([id, level]) => ({ id, level }));
  }

  trap(): Partial<Record<'commit', TrapHandler>> {
    const { engine } = this.#board;
    return {
      commit: (argv) => {
        const level = COMMIT_LEVELS[readInt(engine, argv, 0)] ?? 'durable';
        this.#last += 1;
        const id = this.#last;
        this.#pending.set(id, level);
        this.#board.emit({ device: 'commit', id, level });
        return newNumber(engine, id);
      },
    };
  }

  interrupt({ kind, id }: InterruptRecord): boolean {
    return kind !== INTERRUPT.committed || this.#pending.delete(id);
  }

  save(): CommitState {
    return { last: this.#last, pending: this.pending };
  }

  /** `null`: of a machine that had no such device yet. */
  restore(state: CommitState | null): void {
    this.#last = state?.last ?? 0;
    this.#pending.clear();
    for (const { id, level } of state?.pending ?? []) this.#pending.set(id, level);
  }
}
