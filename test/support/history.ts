/**
 * What clients of a key-value store asked and heard, in the order it happened: the evidence that the
 * linearizability checker judges. One recorder in one process sees all clients, so its counter orders
 * all events without a clock.
 */

/** The operations of RESP that the checker has a model of. Each is about one key. */
export type Call =
  | { readonly type: 'get' }
  | { readonly type: 'set'; readonly value: string }
  | { readonly type: 'append'; readonly value: string }
  | { readonly type: 'increment' };

/** A get answers a value, or undefined for a key that is not there; an append a length; an increment the sum. */
export type Answer = string | number | undefined;

export interface Operation {
  readonly client: number;
  readonly key: string;
  readonly call: Call;
  /** Numbers of two events of the history: an operation whose end is before another's begin came first. */
  readonly begin: number;
  /** Infinity when it was cut off: it may have happened at any time after its begin, or never. */
  readonly end: number;
  /** Meaningless when it was cut off. */
  readonly answer: Answer;
}

export interface HistoryCounts {
  readonly answered: number;
  /** Sent, and no answer came: it may or may not have happened. */
  readonly unknown: number;
  /** Certainly not done: never sent, or refused by the server. */
  readonly failed: number;
}

interface Open {
  readonly client: number;
  readonly key: string;
  readonly call: Call;
  readonly begin: number;
}

export class History {
  readonly #done: Operation[] = [];
  readonly #open = new Map<number, Open>();
  #events = 0;
  #unknown = 0;
  #failed = 0;

  get counts(): HistoryCounts {
    return {
      answered: this.#done.length - this.#unknown,
      unknown: this.#unknown + this.#open.size,
      failed: this.#failed,
    };
  }

  /** Before the request is sent. The number goes to exactly one of `ok`, `fail` and `unknown`. */
  invoke(client: number, key: string, call: Call): number {
    const begin = this.#next();
    this.#open.set(begin, { client, key, call, begin });
    return begin;
  }

  /** It was answered. */
  ok(id: number, answer: Answer): void {
    this.#done.push({ ...this.#take(id), end: this.#next(), answer });
  }

  /** It did certainly not happen. */
  fail(id: number): void {
    this.#take(id);
    this.#failed += 1;
  }

  /** Nobody knows: the connection was lost, or no answer came. */
  unknown(id: number): void {
    this.#done.push({ ...this.#take(id), end: Infinity, answer: undefined });
    this.#unknown += 1;
  }

  /** Of every key, in the order of their begins; what is still under way counts as cut off. */
  operations(): Map<string, Operation[]> {
    const open = [...this.#open.values()].map((one) => ({
      ...one,
      end: Infinity,
      answer: undefined,
    }));
    const byKey = new Map<string, Operation[]>();
    for (const operation of [...this.#done, ...open].sort((a, b) => a.begin - b.begin)) {
      const those = byKey.get(operation.key);
      if (those === undefined) byKey.set(operation.key, [operation]);
      else those.push(operation);
    }
    return byKey;
  }

  /** One JSON object a line, for whoever looks into a failure; `end` null: cut off. */
  lines(): string {
    const all = [...this.operations().values()].flat().sort((a, b) => a.begin - b.begin);
    return all
      .map((one) => `${JSON.stringify({ ...one, end: one.end === Infinity ? null : one.end })}\n`)
      .join('');
  }

  #next(): number {
    this.#events += 1;
    return this.#events;
  }

  #take(id: number): Open {
    const open = this.#open.get(id);
    if (open === undefined) throw new Error(`operation ${id} is not under way`);
    this.#open.delete(id);
    return open;
  }
}
