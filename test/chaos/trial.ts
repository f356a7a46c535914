/**
 * One trial: a cluster under the load of recording clients, a story that strikes at it, and the
 * judgement of everything the clients heard.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Chance } from '../../hypervisor/cli/demo/chance.ts';
import { Cluster, type ClusterOptions, type Member, WAIT_MS } from '../support/cluster.ts';
import { History, type HistoryCounts } from '../support/history.ts';
import {
  type ClientTarget,
  RECORDING_DEFAULTS,
  RecordingClients,
  type RecordingOptions,
  within,
} from '../support/recording-clients.ts';
import { judgeHistory } from './judge.ts';

/** What a trial proved. */
export interface Judgement extends HistoryCounts {
  readonly keys: number;
  /** Longest waits of clients that were cut off. */
  readonly gapsMs: readonly number[];
}

export class Trial {
  readonly cluster: Cluster;
  readonly chance: Chance;
  readonly history: History = new History();
  readonly #seed: number;
  readonly #clients: RecordingClients[] = [];
  #judgement: Judgement | undefined;
  #abandoned = false;

  private constructor(cluster: Cluster, seed: number) {
    this.cluster = cluster;
    this.#seed = seed;
    this.chance = new Chance(seed);
  }

  /** The first member of the cluster is its primary, the others are its backups. */
  static async start(options: ClusterOptions): Promise<Trial> {
    return new Trial(await Cluster.start(options), options.seed);
  }

  get primary(): Member {
    return this.#member(0);
  }

  get backup(): Member {
    return this.#member(1);
  }

  get judgement(): Judgement | undefined {
    return this.#judgement;
  }

  /** Starts clients, by default at the guest's port. */
  clients(options: Partial<RecordingOptions> = {}): RecordingClients {
    const targets: readonly ClientTarget[] = [{ host: '127.0.0.1', port: this.cluster.port }];
    const number = this.#clients.length;
    const clients = new RecordingClients(this.history, {
      ...RECORDING_DEFAULTS,
      ...{ targets, seed: this.#seed + number, prefix: `${number}:`, firstClient: 100 * number },
      ...options,
    });
    this.#clients.push(clients);
    clients.start();
    return clients;
  }

  /** Waits until so many more requests of the first clients were answered; starts them if need be. */
  async load(count: number = 200): Promise<void> {
    const clients = this.#clients[0] ?? this.clients();
    await within(WAIT_MS, clients.more(count), `${count} more answers`);
  }

  /** A moment by chance, between two requests of somebody. */
  async moment(): Promise<void> {
    await this.load(1 + this.chance.below(150));
  }

  /** Until `member` has taken over from `from` on of its events, and clients are served again. */
  async live(member: Member, from: number = 0): Promise<void> {
    await this.cluster.event(member, 'live', from);
    this.cluster.note(`${member.name} is live`);
  }

  /** Nobody will ever serve again: only what was heard until now is judged. */
  abandon(): void {
    this.#abandoned = true;
    for (const clients of this.#clients) clients.stop();
  }

  /**
   * Ends the load, reads everything back and throws Broken if any answer cannot be explained, or
   * anything acknowledged is lost or doubled.
   */
  async judge(): Promise<Judgement> {
    if (!this.#abandoned)
      for (const clients of this.#clients)
        await within(WAIT_MS, clients.finish(), 'the last reads');
    judgeHistory(this.history, { lastReads: !this.#abandoned });
    const gapsMs = this.#clients.flatMap((clients) => clients.gapsMs);
    this.#judgement = { ...this.history.counts, keys: this.history.operations().size, gapsMs };
    return this.#judgement;
  }

  /** Returns the directory, which is gone unless it is kept. */
  async close(options: { readonly keep?: boolean } = {}): Promise<string> {
    for (const clients of this.#clients) clients.stop();
    const dir = await this.cluster.close(options);
    if (options.keep === true) writeFileSync(join(dir, 'history.jsonl'), this.history.lines());
    return dir;
  }

  #member(number: number): Member {
    const member = this.cluster.members[number];
    if (member === undefined) throw new Error(`the cluster has no member ${number}`);
    return member;
  }
}
