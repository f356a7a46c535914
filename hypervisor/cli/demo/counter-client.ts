/** Drives counter-model.ts against a socket: one client of the counter demo. */

import { CounterCheck } from './counter-model.ts';
import { PersistentSocket } from './persistent-socket.ts';
import type { Tally } from './tally.ts';
import { ClientGroup, GapMeter, type WorkloadClient, type WorkloadOptions } from './workload.ts';

/** Time between two questions. */
const PACE_MS = 10;

export function startCounterWorkload(options: WorkloadOptions, tally: Tally): ClientGroup {
  const clients = Array.from(
    { length: options.clients },
    (_, i) => new CounterClient(`client ${i + 1}`, options, tally),
  );
  return new ClientGroup(tally, clients);
}

class CounterClient implements WorkloadClient {
  readonly name: string;
  readonly #tally: Tally;
  readonly #check: CounterCheck;
  readonly #gap: GapMeter;
  readonly #socket: PersistentSocket;
  readonly #now: () => number;
  #rest = '';
  /** When the question under way was asked. */
  #askedAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #done: (() => void) | undefined;

  constructor(name: string, options: WorkloadOptions, tally: Tally) {
    this.name = name;
    this.#tally = tally;
    this.#now = options.now;
    this.#check = new CounterCheck(name, tally);
    this.#gap = new GapMeter(options.now, tally.gapsMs);
    this.#socket = new PersistentSocket(options.port, {
      onOpen: () => {
        this.#rest = '';
        this.#check.connected();
        // The greeting answers the connection.
        this.#ask('');
      },
      onText: (text) => this.#onText(text),
      onLost: () => {
        this.#gap.lost(this.#askedAt);
        this.#askedAt = undefined;
      },
    });
  }

  start(): void {
    this.#socket.start();
    this.#timer = setInterval(() => {
      if (this.#socket.open && this.#askedAt === undefined) this.#ask('\n');
    }, PACE_MS);
  }

  /** Done after one more answer. */
  finish(done: () => void): void {
    this.#done = done;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#socket.stop();
  }

  #ask(text: string): void {
    this.#tally.requests += 1;
    this.#askedAt = this.#now();
    if (text !== '') this.#socket.send(text);
  }

  #onText(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!this.#check.line(line)) continue;
      this.#tally.answered += 1;
      this.#askedAt = undefined;
      this.#gap.answered();
      if (this.#done === undefined) continue;
      // Nothing is asked that would be cut off when the others have finished.
      this.stop();
      this.#done();
      return;
    }
  }
}
