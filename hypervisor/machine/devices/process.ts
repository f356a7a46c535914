/** The guest as a process: exit, standard input and signals. */

import type { InterruptRecord } from '../../../log-format/index.ts';
import { INTERRUPT } from '../../../log-format/index.ts';
import { readInt } from '../values.ts';
import type { Board, Device, TrapHandler } from './device.ts';

interface ProcessState {
  readonly stdin: boolean;
  readonly signals: readonly number[];
}

export class ProcessDevice implements Device {
  readonly name = 'process';
  readonly #board: Board;
  #stdin = false;
  readonly #signals = new Set<number>();

  constructor(board: Board) {
    this.#board = board;
  }

  trap(): Partial<Record<'exit' | 'stdinFlow' | 'signalListen', TrapHandler>> {
    const { engine } = this.#board;
    return {
      exit: (argv) => {
        this.#board.exit(readInt(engine, argv, 0) & 255);
        return 0;
      },
      stdinFlow: (argv) => {
        this.#setStdin(readInt(engine, argv, 0) !== 0);
        return 0;
      },
      signalListen: (argv) => {
        this.#setSignal(readInt(engine, argv, 0), readInt(engine, argv, 1) !== 0);
        return 0;
      },
    };
  }

  interrupt(record: InterruptRecord): boolean {
    return record.kind !== INTERRUPT.signal || this.#signals.has(record.id);
  }

  save(): ProcessState {
    return { stdin: this.#stdin, signals: [...this.#signals] };
  }

  restore(state: ProcessState): void {
    this.#stdin = state.stdin;
    this.#signals.clear();
    for (const signal of state.signals) this.#signals.add(signal);
  }

  #setStdin(on: boolean): void {
    if (on === this.#stdin) return;
    this.#stdin = on;
    this.#board.emit({ device: 'stdin', on });
  }

  #setSignal(number: number, on: boolean): void {
    if (on === this.#signals.has(number)) return;
    if (on) this.#signals.add(number);
    else this.#signals.delete(number);
    this.#board.emit({ device: 'signal', number, on });
  }
}
