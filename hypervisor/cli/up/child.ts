/**
 * A replica as a child process of the same installation. Its standard streams are ours, untouched; what
 * happens to it arrives as lifecycle events on a pipe, which are passed on.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export interface ChildEvent {
  readonly evt: string;
  readonly [field: string]: unknown;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly livedMs: number;
}

/** Events after which a backup has a primary, and after which it has none. */
const FOLLOWS: ReadonlyMap<string, boolean> = new Map([
  ['following', true],
  ['continuing', true],
  ['synced', true],
  ['live', true],
  ['reset', false],
  ['parted', false],
  ['claim.lost', false],
]);

export class Child {
  /** Names of all events so far. */
  readonly said: Set<string> = new Set();
  readonly ended: Promise<ChildExit>;
  readonly #process: ChildProcess;
  #follows = false;

  /** `command` as behind `hv`. */
  constructor(command: readonly string[], onEvent: (event: ChildEvent) => void) {
    const since = performance.now();
    this.#process = spawn(process.execPath, [process.argv[1] ?? '', ...command], {
      stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    });
    const lines = createInterface({ input: this.#process.stdio[3] as Readable });
    lines.on('line', (line) => {
      const event = JSON.parse(line) as ChildEvent;
      this.said.add(event.evt);
      this.#follows = FOLLOWS.get(event.evt) ?? this.#follows;
      onEvent(event);
    });
    const told = new Promise<void>((resolve) => lines.once('close', resolve));
    this.ended = new Promise((resolve, reject) => {
      this.#process.once('error', reject);
      this.#process.once('exit', (code, signal) => {
        const livedMs = performance.now() - since;
        // What it said last decides what follows.
        void told.then(() => resolve({ code, signal, livedMs }));
      });
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** A backup that has a primary, or is one by now. */
  get follows(): boolean {
    return this.#follows;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }
}
