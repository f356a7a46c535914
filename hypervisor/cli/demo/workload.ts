/** What the orchestration of a demo needs of its clients, whatever they say to the guest. */

import type { Tally } from './tally.ts';

export interface Workload {
  readonly tally: Tally;
  start(): void;
  /**
   * Stops new work, waits for what is under way, reads everything back and judges it. Clients that
   * get no answer within `timeoutMs` are counted as stuck.
   */
  finish(timeoutMs: number): Promise<void>;
  /** Closes every connection at once. Harmless after `finish`. */
  stop(): void;
}

export interface WorkloadOptions {
  readonly port: number;
  readonly clients: number;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Where to serve what a guest polls. */
  readonly feedPort?: number;
}

/** One client of a workload. */
export interface WorkloadClient {
  readonly name: string;
  start(): void;
  /** Calls back once everything is answered and read back. */
  finish(done: () => void): void;
  stop(): void;
}

/** Runs clients side by side. */
export class ClientGroup implements Workload {
  readonly tally: Tally;
  readonly #clients: readonly WorkloadClient[];

  constructor(tally: Tally, clients: readonly WorkloadClient[]) {
    this.tally = tally;
    this.#clients = clients;
  }

  start(): void {
    for (const client of this.#clients) client.start();
  }

  async finish(timeoutMs: number): Promise<void> {
    const waiting = new Set(this.#clients.map((client) => client.name));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      for (const client of this.#clients) {
        client.finish(() => {
          waiting.delete(client.name);
          if (waiting.size > 0) return;
          clearTimeout(timer);
          resolve();
        });
      }
    });
    this.tally.stuck += waiting.size;
    for (const name of waiting) this.tally.note(`${name} got no answer within ${timeoutMs} ms`);
    this.stop();
  }

  stop(): void {
    for (const client of this.#clients) client.stop();
  }
}

/** Measures how long a client waits for an answer around a lost connection. */
export class GapMeter {
  readonly #now: () => number;
  readonly #gapsMs: number[];
  #since: number | undefined;

  constructor(now: () => number, gapsMs: number[]) {
    this.#now = now;
    this.#gapsMs = gapsMs;
  }

  /** The connection is gone; `waitingSince` is when the oldest unanswered request left. */
  lost(waitingSince: number | undefined): void {
    this.#since ??= waitingSince ?? this.#now();
  }

  answered(): void {
    if (this.#since === undefined) return;
    this.#gapsMs.push(this.#now() - this.#since);
    this.#since = undefined;
  }
}
