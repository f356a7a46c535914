/**
 * Clients that write as fast as they are answered, one request each under way, and remember what they
 * were answered: the latency of a mode while it lives, and what it owes when its primary has died.
 */

import type { KvClient } from '../test/support/kv-client.ts';

/** What one client was answered: write number n (from 1) of its key at `ackedAt[n - 1]`, as performance.now(). */
export interface Acknowledged {
  readonly key: string;
  readonly ackedAt: readonly number[];
}

/** What a takeover took from clients that had been answered. */
export interface Loss {
  readonly acknowledged: number;
  /** Acknowledged writes that the new primary does not have. */
  readonly lost: number;
  /** Milliseconds from the answer of the oldest of them to the blow; 0 when nothing is lost. */
  readonly reachMs: number;
}

/**
 * `held`: the number found under each key on the new primary, 0 where there is none. A client writes its
 * numbers in turn, so everything up to that is there and everything behind it is gone; one more than was
 * acknowledged is a write that was under way.
 */
export function lossOf(
  clients: readonly Acknowledged[],
  held: ReadonlyMap<string, number>,
  struckAt: number,
): Loss {
  let [acknowledged, lost, reachMs] = [0, 0, 0];
  for (const { key, ackedAt } of clients) {
    const there = held.get(key) ?? 0;
    acknowledged += ackedAt.length;
    lost += Math.max(0, ackedAt.length - there);
    const oldest = ackedAt[there];
    if (oldest !== undefined) reachMs = Math.max(reachMs, struckAt - oldest);
  }
  return { acknowledged, lost, reachMs };
}

/** Sets one key to 1, 2, 3… until it is stopped or its connection ends. */
export class Setter {
  readonly key: string;
  readonly ackedAt: number[] = [];
  readonly latenciesMs: number[] = [];
  readonly #client: KvClient;
  #stopped = false;

  constructor(key: string, client: KvClient) {
    this.key = key;
    this.#client = client;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Resolves at the end of either kind; rejects at an answer that is none. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      const sentAt = performance.now();
      let reply: Awaited<ReturnType<KvClient['ask']>>;
      try {
        reply = await this.#client.ask('SET', this.key, String(this.ackedAt.length + 1));
      } catch {
        return;
      }
      if (reply.type !== 'simple' || reply.text !== 'OK')
        throw new Error(`${this.key}: SET was answered with ${JSON.stringify(reply)}`);
      const now = performance.now();
      this.ackedAt.push(now);
      this.latenciesMs.push(now - sentAt);
    }
  }
}

/** Writes of `clients` for so long; the connections stay open. */
export async function writeFor(
  clients: readonly KvClient[],
  seconds: number,
): Promise<{ readonly perSecond: number; readonly latenciesMs: readonly number[] }> {
  const setters = clients.map((client, number) => new Setter(`load:${number}`, client));
  const startedAt = performance.now();
  const timer = setTimeout(() => {
    for (const one of setters) one.stop();
  }, 1000 * seconds);
  await Promise.all(setters.map((one) => one.run()));
  clearTimeout(timer);
  const took = (performance.now() - startedAt) / 1000;
  const latenciesMs = setters.flatMap((one) => one.latenciesMs);
  if (clients.some(({ lost }) => lost)) throw new Error('a connection was lost under load');
  return { perSecond: latenciesMs.length / took, latenciesMs };
}
