/** Standard output and error of the guest: bytes out, nothing comes back. */

import { readBytes, readInt } from '../values.ts';
import type { Board, Device, TrapHandler } from './device.ts';

export class ConsoleDevice implements Device {
  readonly name = 'console';
  readonly #board: Board;

  constructor(board: Board) {
    this.#board = board;
  }

  trap(): Partial<Record<'consoleWrite', TrapHandler>> {
    return {
      consoleWrite: (argv) => {
        const { engine } = this.#board;
        const fd = readInt(engine, argv, 0) === 2 ? 2 : 1;
        const offset = readInt(engine, argv, 2);
        const bytes = readBytes(engine, argv, 1, { offset, length: readInt(engine, argv, 3) });
        this.#board.emit({ device: 'console', fd, bytes: bytes.slice() });
        return 0;
      },
    };
  }

  interrupt(): boolean {
    return true;
  }

  save(): undefined {
    return undefined;
  }

  restore(): void {
    // Nothing is kept: written bytes are outputs at once.
  }
}
