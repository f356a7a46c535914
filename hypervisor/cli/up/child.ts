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

/** Events after which a replica has a primary or is one, and after which it needs one. */
const PLACED: ReadonlyMap<string, boolean> = new Map([
  ['primary.live', true],
  ['resumed', true],
  ['live', true],
  ['following', true],
  ['continuing', true],
  ['synced', true],
  ['listening', false],
  ['reset', false],
  ['parted', false],
  ['claim.lost', false],
  ['fenced', false],
  ['handed.over', false],
]);

export class Child {
  /** Names of all events so far. */
  readonly said: Set<string> = new Set();
  readonly ended: Promise<ChildExit>;
  readonly #process: ChildProcess;
  /** Until it says something, nobody can be asked to dial it. */
  #placed = true;

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
      this.#placed = PLACED.get(event.evt) ?? this.#placed;
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

  /** It is primary or has one, or is not there yet. Otherwise a primary has to be found for it. */
  get placed(): boolean {
    return this.#placed;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }
}
