/**
 * Clients of the key-value guest that write down everything they ask and hear. RESP has no request
 * numbers, so a request whose connection broke is never repeated: its outcome stays unknown. Each
 * written value is unique, so that a reader knows whose write it sees.
 */

import { Chance } from '../../hypervisor/cli/demo/chance.ts';
import type { Reply } from '../../hypervisor/cli/demo/resp.ts';
import type { Answer, Call, History } from './history.ts';
import { KvClient } from './kv-client.ts';

export interface ClientTarget {
  readonly host: string;
  readonly port: number;
}

export interface RecordingOptions {
  /** Where the guest may be; a client that finds nobody, or loses it, tries the next. */
  readonly targets: readonly ClientTarget[];
  readonly clients: number;
  readonly seed: number;
  /** Pause of each client between an answer and its next request. */
  readonly paceMs: number;
  /** No answer for so long: the client gives the connection up. Infinity: it waits. */
  readonly patienceMs: number;
  /** In front of all keys. */
  readonly prefix?: string;
  /** Number of the first client: several pools on one history share none. */
  readonly firstClient?: number;
}

export const RECORDING_DEFAULTS: Omit<RecordingOptions, 'targets' | 'seed'> = {
  clients: 6,
  paceMs: 2,
  patienceMs: 20_000,
};

/** Registers, lists and numbers there are at a time. */
const SLOTS = { r: 2, l: 2, n: 1 } as const;
type Kind = keyof typeof SLOTS;
const KINDS: readonly Kind[] = ['r', 'r', 'l', 'l', 'n'];
/** Requests to a slot until its next key: a list of appends must not grow for ever. */
const REQUESTS_PER_KEY = 400;
const RETRY_MS = 5;

export class RecordingClients {
  readonly #history: History;
  readonly #options: RecordingOptions;
  readonly #requests = new Map<string, number>();
  /** Longest waits: from a request that was cut off to the next answer of the same client. */
  readonly gapsMs: number[] = [];
  readonly #watchers: { readonly count: number; readonly resolve: () => void }[] = [];
  #running: Promise<unknown> | undefined;
  #finished: Promise<void> | undefined;
  #stopped = false;
  #answered = 0;
  #worstWaitMs = 0;
  /** Set when a client met something that no fault of a network explains. */
  #trouble: Error | undefined;

  constructor(history: History, options: RecordingOptions) {
    this.#history = history;
    this.#options = options;
  }

  get answered(): number {
    return this.#answered;
  }

  /** The longest any client waited for an answer since the last call: with what was cut off before it. */
  takeWorstWaitMs(): number {
    const worst = this.#worstWaitMs;
    this.#worstWaitMs = 0;
    return worst;
  }

  start(): void {
    const { clients, firstClient = 0 } = this.#options;
    const each = Array.from({ length: clients }, (_, n) => this.#live(firstClient + n));
    this.#running = Promise.all(each).catch((error: Error) => {
      this.#trouble ??= error;
    });
  }

  /** Resolves when so many more requests have been answered. */
  more(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#watchers.push({ count: this.#answered + count, resolve });
    });
  }

  /** Ends the load without looking at anything. */
  stop(): void {
    this.#stopped = true;
  }

  /** Ends the load and reads every key once more, so that nothing lost can hide; once, however often asked. */
  finish(): Promise<void> {
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  async #finish(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    if (this.#trouble !== undefined) throw this.#trouble;
    const { clients, firstClient = 0 } = this.#options;
    const reader = new Caller(this.#options, firstClient + clients);
    for (const key of this.#history.operations().keys()) {
      while (!(await this.#once(reader, key, { type: 'get' })));
    }
    reader.close();
  }

  async #live(number: number): Promise<void> {
    const chance = new Chance(this.#options.seed * 1_000 + number);
    const caller = new Caller(this.#options, number);
    let written = 0;
    let waitingSince: number | undefined;
    while (!this.#stopped) {
      const kind = KINDS[chance.below(KINDS.length)] ?? 'r';
      const key = this.#keyOf(kind, chance.below(SLOTS[kind]));
      written += 1;
      const call = chance.below(3) === 0 ? { type: 'get' as const } : write(kind, number, written);
      const askedAt = performance.now();
      if (await this.#once(caller, key, call)) {
        const now = performance.now();
        if (waitingSince !== undefined) this.gapsMs.push(now - waitingSince);
        this.#worstWaitMs = Math.max(this.#worstWaitMs, now - (waitingSince ?? askedAt));
        waitingSince = undefined;
      } else waitingSince ??= askedAt;
      if (this.#options.paceMs > 0) await sleep(this.#options.paceMs * 2 * chance.next());
    }
    caller.close();
  }

  /** One request, written down; false when its outcome is unknown, or nobody could be asked. */
  async #once(caller: Caller, key: string, call: Call): Promise<boolean> {
    const client = await caller.connected(() => this.#stopped);
    if (client === undefined) return false;
    const id = this.#history.invoke(caller.number, key, call);
    let reply: Reply;
    try {
      reply = await caller.ask(client, wordsOf(key, call));
    } catch {
      // Reset, closed or out of patience: whether it was done is not known, whatever the reason.
      this.#history.unknown(id);
      return false;
    }
    if (reply.type === 'error') {
      this.#history.fail(id);
      throw new Error(`client ${caller.number}: ${call.type} ${key}: ${reply.text}`);
    }
    this.#history.ok(id, answerOf(reply));
    this.#count();
    return true;
  }

  #count(): void {
    this.#answered += 1;
    for (const watcher of [...this.#watchers]) {
      if (watcher.count > this.#answered) continue;
      this.#watchers.splice(this.#watchers.indexOf(watcher), 1);
      watcher.resolve();
    }
  }

  #keyOf(kind: Kind, slot: number): string {
    const name = `${this.#options.prefix ?? ''}${kind}${slot}`;
    const requests = (this.#requests.get(name) ?? 0) + 1;
    this.#requests.set(name, requests);
    return `${name}.${Math.floor(requests / REQUESTS_PER_KEY)}`;
  }
}

/** One client's connection, opened anew when it is lost. */
class Caller {
  readonly number: number;
  readonly #targets: readonly ClientTarget[];
  readonly #patienceMs: number;
  #client: KvClient | undefined;
  #at = 0;

  constructor({ targets, patienceMs }: RecordingOptions, number: number) {
    this.#targets = targets;
    this.#patienceMs = patienceMs;
    this.number = number;
  }

  /** Undefined only when `stopped` says so before anybody was reached. */
  async connected(stopped: () => boolean): Promise<KvClient | undefined> {
    while (this.#client === undefined || this.#client.lost) {
      const target = this.#targets[this.#at % this.#targets.length];
      if (target === undefined) return undefined;
      const opening = KvClient.open(target.port, target.host);
      try {
        this.#client = await within(1_000, opening, `nobody at ${target.host}:${target.port}`);
      } catch {
        // One that opens too late is not used.
        opening.then((late) => late.close()).catch(() => undefined);
        // Refused or unreachable: the next one may know more.
        this.#at += 1;
        if (stopped()) return undefined;
        await sleep(RETRY_MS);
      }
    }
    return this.#client;
  }

  async ask(client: KvClient, words: readonly string[]): Promise<Reply> {
    try {
      const answer = client.ask(...words);
      if (this.#patienceMs === Infinity) return await answer;
      return await within(this.#patienceMs, answer, 'no answer');
    } catch (error) {
      client.close();
      this.#client = undefined;
      this.#at += 1;
      throw error;
    }
  }

  close(): void {
    this.#client?.close();
  }
}

function write(kind: Kind, client: number, written: number): Call {
  if (kind === 'n') return { type: 'increment' };
  const value = `${client}.${written}`;
  return kind === 'r' ? { type: 'set', value } : { type: 'append', value: `${value},` };
}

function wordsOf(key: string, call: Call): readonly string[] {
  switch (call.type) {
    case 'get':
      return ['GET', key];
    case 'set':
      return ['SET', key, call.value];
    case 'append':
      return ['APPEND', key, call.value];
    case 'increment':
      return ['INCR', key];
  }
}

function answerOf(reply: Reply): Answer {
  if (reply.type === 'integer') return reply.value;
  return reply.type === 'bulk' || reply.type === 'simple' ? reply.text : reply.type;
}

/** Rejects with `what` unless `work` is done in time; its end afterwards is of no interest. */
export function within<T>(ms: number, work: Promise<T>, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} (within ${ms} ms)`)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
