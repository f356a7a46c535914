/**
 * A guest under hv as real processes: a primary, its backups behind a bad network each, a file arbiter
 * that can be taken away, and what all of them say. Stories of test/chaos strike at it; this file only
 * knows how to start, find and wait for its members.
 */

import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dialLink } from '../../hypervisor/host/link.ts';
import { askStatus, statusPaths } from '../../hypervisor/host/status-socket.ts';
import { asEpoch } from '../../log-format/index.ts';
import { ChaosProxy } from './chaos-proxy.ts';
import { GUESTS, type HvEvent, type HvProcess, Stage } from './hv-process.ts';
import { freePort } from './kv-client.ts';
import { within } from './recording-clients.ts';

export interface ClusterOptions {
  /** Of the network's faults. */
  readonly seed: number;
  /** Backups to begin with. */
  readonly backups?: number;
  readonly detect?: string;
  /** Primaries that are deposed come back as backups by themselves; otherwise they end. */
  readonly rejoin?: boolean;
  /** More options of `hv run`. */
  readonly run?: readonly string[];
}

/** One replica. */
export interface Member {
  readonly name: string;
  readonly process: HvProcess;
  /** Its `--dir`: where its log is. */
  readonly dir: string;
  /** Where it listens: for a primary's link, and as primary for those who want to join. */
  readonly address: string;
  /** Between it and whoever is its primary; a first primary is dialled by nobody. */
  readonly proxy: ChaosProxy | undefined;
}

export type Role = 'starting' | 'backup' | 'primary' | 'over';

/** Longer than any wait that is right, on a busy machine. */
export const WAIT_MS = 30_000;
const LOOK_MS = 5;
/** Records a replay may be behind and count as caught up: those under way. */
const LAG_FREE = 200;
const VM = 'kv';

export class Cluster {
  readonly stage: Stage = new Stage();
  readonly members: Member[] = [];
  readonly port: number;
  readonly #options: ClusterOptions;
  readonly #diary: string[] = [];

  private constructor(options: ClusterOptions, port: number) {
    this.#options = options;
    this.port = port;
    mkdirSync(this.#arbiter);
  }

  /** A protected primary (or one alone, with no backups) and the members in `members`, it first. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options, await freePort());
    try {
      const backups: Member[] = [];
      for (let n = 0; n < (options.backups ?? 1); n += 1) backups.push(await cluster.startBackup());
      const primary = await cluster.startPrimary(backups);
      cluster.members.splice(cluster.members.indexOf(primary), 1);
      cluster.members.unshift(primary);
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  get #arbiter(): string {
    return join(this.stage.dir, 'arbiter');
  }

  get #manners(): readonly string[] {
    return this.#options.rejoin === true ? [] : ['--no-rejoin'];
  }

  /** What happened and when, for people. */
  note(text: string): void {
    this.#diary.push(`${Date.now()} ${text}`);
  }

  /** A first primary, once it is protected by `backups` (or live, with none). */
  async startPrimary(backups: readonly Member[]): Promise<Member> {
    const peers = backups.flatMap(({ proxy }) => (proxy === undefined ? [] : [proxy.address]));
    const options = peers.flatMap((peer) => ['--backup', peer]);
    const dir = `m${this.members.length}`;
    return this.#primary(dir, options, peers.length > 0 ? 'protected' : 'primary.live');
  }

  async #primary(dir: string, options: readonly string[], evt: string): Promise<Member> {
    const name = `m${this.members.length}`;
    const { detect = 'lan', run = [] } = this.#options;
    const process = this.stage.hv([
      ...['run', ...options, '--arbiter', `file:${this.#arbiter}`, '--listen', '127.0.0.1:0'],
      ...['--detect', detect, '--name', VM, '--dir', dir, '--events-fd', '3', ...this.#manners],
      ...[...run, join(GUESTS, 'kv.js'), String(this.port)],
    ]);
    const { address = '' } = await this.#event(process, name, 'started');
    const member = this.#enlist({ name, process, dir, address, proxy: undefined });
    await this.#event(process, name, evt);
    return member;
  }

  /** The same replica again after its death, from the log it left; alone. */
  async resumePrimary(dead: Member): Promise<Member> {
    return this.#primary(dead.dir, ['--resume'], 'resumed');
  }

  /** A backup that listens and follows nobody yet. */
  async startBackup(): Promise<Member> {
    const name = `m${this.members.length}`;
    const options = ['--dir', name, '--events-fd', '3', ...this.#manners];
    const process = this.stage.hv(['backup', '--listen', '127.0.0.1:0', ...options]);
    // Its number is taken before anything is awaited.
    const at = this.members.push({
      name,
      process,
      dir: name,
      address: '',
      proxy: undefined,
    });
    const { address = '' } = await this.#event(process, name, 'listening');
    const port = Number(address.split(':').at(-1));
    const seed = this.#options.seed * 1_000 + at;
    const proxy = await ChaosProxy.start({ host: '127.0.0.1', port }, { seed });
    const member = { name, process, dir: name, address, proxy };
    this.members[at - 1] = member;
    this.note(`${name} is a backup at ${address}, dialled at ${proxy.address}`);
    return member;
  }

  /** Asks `primary` to take `backup`, by the address of its proxy, until it is in the view. */
  async join(primary: Member, backup: Member): Promise<void> {
    const joined = this.#event(backup.process, backup.name, 'synced');
    let over = false;
    const stop = (): void => {
      over = true;
    };
    joined.then(stop, stop);
    while (!over) {
      await this.#ask(primary, backup.proxy?.address ?? backup.address);
      const followed = backup.process.event('following').catch(() => undefined);
      await Promise.race([followed, joined, sleep(200)]);
      if (backup.process.events.some(({ evt }) => evt === 'following')) break;
    }
    await joined;
  }

  /**
   * Until the replay of `backup` has caught up with its copy of the log. The event in.step comes sooner
   * when the log is short: then its machine may not even have been loaded. One that has taken over
   * meanwhile has caught up, too.
   */
  async caughtUp(backup: Member): Promise<void> {
    await this.event(backup, 'in.step');
    const deadline = performance.now() + WAIT_MS;
    while (this.roleOf(backup) === 'backup') {
      const [path = ''] = statusPaths(join(this.stage.dir, backup.dir));
      const status = await askStatus(path);
      const copy = status?.replication as { lsnReplayed?: number; lag?: number } | undefined;
      if (copy?.lsnReplayed !== undefined && copy.lsnReplayed > 0 && (copy.lag ?? 0) < LAG_FREE)
        return;
      if (performance.now() > deadline) throw new Error(`${backup.name} does not catch up`);
      await sleep(4 * LOOK_MS);
    }
  }

  /** What the newest of those that live said of itself. */
  roleOf({ process }: Member): Role {
    if (process.over) return 'over';
    let role: Role = 'starting';
    for (const { evt } of process.events) {
      if (evt === 'primary.live' || evt === 'live' || evt === 'resumed') role = 'primary';
      else if (evt === 'following' || evt === 'reset') role = 'backup';
      else if (evt === 'fenced' || evt === 'stopped') role = 'over';
    }
    return role;
  }

  /** Primaries in the highest epoch that any has claimed; one, unless something is wrong or on its way. */
  primaries(): Member[] {
    const all = this.members.filter((member) => this.roleOf(member) === 'primary');
    const newest = Math.max(...all.map(({ process }) => epochOf(process.events)));
    return all.filter(({ process }) => epochOf(process.events) === newest);
  }

  /**
   * The primary, once there is exactly one and no other replica still thinks that it is. Rejects when
   * that does not come to be.
   */
  async solePrimary(): Promise<Member> {
    await this.until('exactly one primary', () => {
      const all = this.members.filter((member) => this.roleOf(member) === 'primary');
      return all.length === 1;
    });
    const [member] = this.primaries();
    if (member === undefined) throw new Error('the primary has just died');
    return member;
  }

  /** A primary that is protected, with a fresh backup if it has none; spares are killed. */
  async protect(): Promise<{ primary: Member; backup: Member }> {
    const primary = await this.solePrimary();
    if (!isProtected(primary.process.events)) {
      for (const member of this.members)
        if (member !== primary && this.roleOf(member) !== 'over') await this.kill(member);
      const fresh = await this.startBackup();
      await this.join(primary, fresh);
    }
    await this.until(`protection of ${primary.name}`, () => this.backupOf(primary) !== undefined);
    const backup = this.backupOf(primary);
    if (backup === undefined) throw new Error(`${primary.name} lost its backup just now`);
    return { primary, backup };
  }

  /** Who would take over for `primary`, if both sides say that somebody would. */
  backupOf(primary: Member): Member | undefined {
    if (!isProtected(primary.process.events)) return undefined;
    return this.members.find(
      (member) => member !== primary && !member.process.over && isSynced(member.process.events),
    );
  }

  /** kill -9, and gone. */
  async kill({ name, process, proxy }: Member): Promise<void> {
    this.note(`kill -9 ${name}`);
    process.kill('SIGKILL');
    await process.exited;
    // As its own port does now; connections it had end as they would without the proxy.
    await proxy?.refuse();
  }

  async freeze({ name, process }: Member): Promise<void> {
    this.note(`SIGSTOP ${name}`);
    process.kill('SIGSTOP');
    await within(WAIT_MS, process.untilStopped(), `${name} does not stop`);
  }

  thaw({ name, process }: Member): void {
    this.note(`SIGCONT ${name}`);
    process.kill('SIGCONT');
  }

  /** As a shared disk whose host is gone. */
  takeArbiter(): void {
    this.note('the arbiter is gone');
    renameSync(this.#arbiter, `${this.#arbiter}-away`);
  }

  returnArbiter(): void {
    this.note('the arbiter is back');
    renameSync(`${this.#arbiter}-away`, this.#arbiter);
  }

  /** The event of `member` from number `from` of its events on, in time or not at all. */
  event(member: Member, evt: string, from: number = 0): Promise<HvEvent> {
    return this.#event(member.process, member.name, evt, from);
  }

  /** Polls: what is waited for may be said by any of several processes. */
  async until(what: string, holds: () => boolean, ms: number = WAIT_MS): Promise<void> {
    const deadline = performance.now() + ms;
    while (!holds()) {
      if (performance.now() > deadline) throw new Error(`${what}: not within ${ms} ms`);
      await sleep(LOOK_MS);
    }
  }

  /** Ends everything. With `keep`, what each replica said stays beside its logs; returns where. */
  async close(options: { readonly keep?: boolean } = {}): Promise<string> {
    await Promise.all(this.members.map(({ proxy }) => proxy?.close()));
    await this.stage.close(options);
    if (options.keep === true) this.#write();
    return this.stage.dir;
  }

  #write(): void {
    const file = (name: string): string => join(this.stage.dir, `${name}.txt`);
    for (const { name, process } of this.members) {
      const events = process.events.map((event) => JSON.stringify(event)).join('\n');
      writeFileSync(file(name), `${process.stderr}\n${process.stdout}\n${events}\n`);
    }
    writeFileSync(file('diary'), `${this.#diary.join('\n')}\n`);
  }

  #enlist(member: Member): Member {
    this.members.push(member);
    this.note(`${member.name} is started as primary, joined at ${member.address}`);
    return member;
  }

  #event(process: HvProcess, name: string, evt: string, from: number = 0): Promise<HvEvent> {
    return within(WAIT_MS, process.event(evt, from), `${name} says no ${evt}`);
  }

  /** One request to be dialled; whether it was taken shows elsewhere. */
  #ask(primary: Member, address: string): Promise<void> {
    return new Promise((resolve) => {
      const link = dialLink(primary.address, '/join', {
        onMessage: () => undefined,
        onClose: () => resolve(),
      });
      link.send({ type: 'join', epoch: asEpoch(0), address });
    });
  }
}

/** Whether a primary has a backup, by the last thing it said about it. */
export function isProtected(events: readonly HvEvent[]): boolean {
  const last = events.findLast(({ evt }) =>
    ['protected', 'unprotected', 'live', 'primary.live'].includes(evt),
  );
  return last?.evt === 'protected';
}

/** Whether a backup is in the view, by the last thing it said about it. */
export function isSynced(events: readonly HvEvent[]): boolean {
  const last = events.findLast(({ evt }) => ['synced', 'reset', 'live', 'suspected'].includes(evt));
  return last?.evt === 'synced';
}

function epochOf(events: readonly HvEvent[]): number {
  return Math.max(0, ...events.map(({ epoch }) => epoch ?? 0));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
