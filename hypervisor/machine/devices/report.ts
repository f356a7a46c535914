/**
 * What the guest says about itself: where it stands in the log is told to it, how it is and when a
 * checkpoint would be welcome is told by it. Nothing of it is an output and nothing comes back, so it
 * needs no record; it is state of the machine, and every replica knows it.
 */

import type { GuestHealth } from '../../../log-format/index.ts';
import { HEALTH_STATES, REPORT } from '../../../log-format/index.ts';
import { HEALTH_REASON_CHARS_MAX } from '../../base/limits.ts';
import { newNumber, readInt, readText } from '../values.ts';
import type { Board, Device, TrapHandler } from './device.ts';

interface ReportState {
  readonly health: GuestHealth | null;
}

export class ReportDevice implements Device {
  readonly name = 'report';
  readonly #board: Board;
  readonly #position: () => number;
  #health: GuestHealth | null = null;
  #isCheckpointWelcome = false;

  /** `position`: lsn of the interrupt whose turn runs. */
  constructor(board: Board, position: () => number) {
    this.#board = board;
    this.#position = position;
  }

  /** For `MachineMeter`. */
  meter(): { readonly health?: GuestHealth } {
    return this.#health === null ? {} : { health: this.#health };
  }

  /** The guest has hinted at a checkpoint since `checkpointTaken`. Of this process alone. */
  get isCheckpointWelcome(): boolean {
    return this.#isCheckpointWelcome;
  }

  checkpointTaken(): void {
    this.#isCheckpointWelcome = false;
  }

  trap(): Partial<Record<'position' | 'report', TrapHandler>> {
    const { engine } = this.#board;
    return {
      position: () => newNumber(engine, this.#position()),
      report: (argv) => {
        const topic = readInt(engine, argv, 0);
        if (topic === REPORT.checkpoint) this.#isCheckpointWelcome = true;
        if (topic === REPORT.health) {
          const state = HEALTH_STATES[readInt(engine, argv, 1)] ?? 'failing';
          const reason = readText(engine, argv, 2).slice(0, HEALTH_REASON_CHARS_MAX);
          this.#health = { state, reason, since: Math.floor(this.#board.now()) };
        }
        return 0;
      },
    };
  }

  interrupt(): boolean {
    return true;
  }

  save(): ReportState {
    return { health: this.#health };
  }

  /** `null`: of a machine that had no such device yet. */
  restore(state: ReportState | null): void {
    this.#health = state?.health ?? null;
    this.#isCheckpointWelcome = false;
  }
}
