/**
 * `hv demo`: a primary, a backup and clients on this machine; kills the primary again and again and
 * says what the clients saw. Everything it starts is real: processes, sockets, kill -9.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT } from '../../base/errors.ts';
import { HostClock } from '../../host/clock.ts';
import { data, say } from '../print.ts';
import { Chance } from './chance.ts';
import {
  type Failover,
  failoverLine,
  isProtected,
  phasesAfter,
  verdictLines,
  verdictOf,
} from './failover-report.ts';
import { demoGuest } from './guests.ts';
import { freePort, type Replica, ReplicaSet, untilAccepting } from './replicas.ts';
import { Tally } from './tally.ts';
import type { Workload } from './workload.ts';

export interface DemoOptions {
  /** Of DEMO_GUESTS (guests.ts). */
  readonly kind: string;
  readonly seconds: number;
  readonly killEverySeconds: number;
  /** Ends after this many failovers, if the time is not up before. */
  readonly killsMax: number;
  readonly clients: number;
  readonly seed: number;
  readonly json: boolean;
  /** Program to run in place of this command line. */
  readonly file?: string;
}

/** Start of processes on a busy machine; a failover that takes as long is reported as failed. */
const START_TIMEOUT_MS = 30_000;
const FAILOVER_TIMEOUT_MS = 15_000;
const FINISH_TIMEOUT_MS = 15_000;
/** Kills come this much earlier or later than asked for, so that they hit different moments. */
const JITTER = 0.3;

/**
 * Runs the demo and returns the exit status: failed if anything was lost or doubled. Throws HV_E_USAGE when
 * there is no such demo, or what its guest needs is not installed.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const demo = new Demo(options);
  const stop = (): void => demo.interrupt();
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    return await demo.run();
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

/** Ends the demo: a replica died by itself, or the user had enough. */
class Ended extends Error {}

class Demo {
  readonly #options: DemoOptions;
  readonly #guest: ReturnType<typeof demoGuest>;
  readonly #dir: string;
  readonly #clock = new HostClock();
  readonly #chance: Chance;
  readonly #tally = new Tally();
  readonly #replicas: ReplicaSet;
  readonly #failovers: Failover[] = [];
  #workload: Workload | undefined;
  #launched = 0;
  #backupsDropped = 0;
  #interrupted = false;
  #startedAt = 0;
  #end: ((error: Ended) => void) | undefined;
  readonly #ended: Promise<never>;
  #endError: Ended | undefined;

  constructor(options: DemoOptions) {
    this.#options = options;
    this.#guest = demoGuest(options.kind);
    this.#dir = mkdtempSync(join(tmpdir(), 'hv-demo-'));
    this.#chance = new Chance(options.seed);
    this.#ended = new Promise((_resolve, reject) => {
      this.#end = reject;
    });
    // Whoever waits for something else races against it; alone it must not count as unhandled.
    this.#ended.catch(() => undefined);
    this.#replicas = new ReplicaSet(this.#dir, (replica, how) => this.#onDeath(replica, how));
  }

  async run(): Promise<number> {
    let failed: unknown;
    try {
      await this.#race(this.#play());
    } catch (error) {
      failed = error;
    }
    this.#workload?.stop();
    await this.#replicas.close();
    if (failed !== undefined && !(failed instanceof Error)) throw failed;
    return this.#conclude(failed);
  }

  interrupt(): void {
    this.#interrupted = true;
    this.#stop(new Ended('interrupted'));
  }

  #stop(error: Ended): void {
    this.#endError ??= error;
    this.#end?.(this.#endError);
  }

  #race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#ended]);
  }

  async #play(): Promise<void> {
    const { clients, seconds } = this.#options;
    const [port, feedPort] = [await freePort(), await freePort()];
    let [primary, backup] = await this.#startPair(port, feedPort);
    const now = (): number => performance.now();
    this.#workload = this.#guest.start({ port, clients, now, feedPort }, this.#tally);
    this.#startedAt = now();
    this.#workload.start();
    this.#say(`clients: ${clients}, guest port ${port}`);
    const endAt = this.#startedAt + seconds * 1000;
    for (;;) {
      const killAt = now() + this.#killDelayMs();
      await this.#race(sleepUntil(Math.min(killAt, endAt)));
      if (killAt >= endAt) break;
      backup = await this.#ensureProtected(primary, backup);
      [primary, backup] = await this.#failOver(primary, backup);
      if (this.#failovers.length >= this.#options.killsMax) break;
    }
    await this.#race(this.#workload.finish(FINISH_TIMEOUT_MS));
  }

  #killDelayMs(): number {
    const { killEverySeconds } = this.#options;
    return killEverySeconds * 1000 * (1 - JITTER + 2 * JITTER * this.#chance.next());
  }

  /** A backup that listens, then a primary that protects itself with it. */
  async #startPair(guestPort: number, feedPort: number): Promise<[Replica, Replica]> {
    const startedAt = performance.now();
    const arbiter = join(this.#dir, 'arbiter');
    mkdirSync(arbiter);
    const backup = await this.#startBackup([]);
    const address = `127.0.0.1:${await freePort()}`;
    const primary = this.#replicas.start({
      ...this.#program(),
      name: 'primary',
      address,
      args: [
        'run',
        ...['--backup', backup.address],
        ...['--arbiter', `file:${arbiter}`],
        ...['--name', `demo-${this.#options.kind}`],
        ...['--listen', address],
        ...['--dir', this.#nextDir()],
        ...['--events-fd', '3'],
        this.#guest.path,
        String(guestPort),
        ...(this.#guest.polls ? ['127.0.0.1', `http://127.0.0.1:${feedPort}/feed`, '20'] : []),
      ],
    });
    await this.#race(primary.waitFor('protected', { timeoutMs: START_TIMEOUT_MS }));
    await this.#accepting(guestPort, primary);
    this.#say(`pair up in ${Math.round(performance.now() - startedAt)} ms`);
    return [primary, backup];
  }

  async #startBackup(join: readonly string[]): Promise<Replica> {
    const port = await freePort();
    const address = `127.0.0.1:${port}`;
    const dir = ['--dir', this.#nextDir(), '--events-fd', '3'];
    const args = ['backup', '--listen', address, ...join, ...dir];
    const backup = this.#replicas.start({
      ...this.#program(),
      name: `backup ${this.#launched}`,
      address,
      args,
    });
    await this.#accepting(port, backup);
    return backup;
  }

  #program(): { file?: string } {
    const { file } = this.#options;
    return file === undefined ? {} : { file };
  }

  #nextDir(): string {
    this.#launched += 1;
    return join(this.#dir, `replica-${this.#launched}`);
  }

  #accepting(port: number, replica: Replica): Promise<void> {
    const gaveUp = (): Error | undefined =>
      replica.dead ? new Error(`${replica.name} has ended`) : undefined;
    return this.#race(untilAccepting(port, { timeoutMs: START_TIMEOUT_MS, gaveUp }));
  }

  /**
   * On a machine that is too busy a primary may take its backup for dead and go on without it. It is
   * unprotected then and says so: to kill it now would be a second failure, and all would be lost.
   */
  async #ensureProtected(primary: Replica, backup: Replica): Promise<Replica> {
    if (isProtected(primary.events)) return backup;
    this.#backupsDropped += 1;
    this.#say(`${primary.name} dropped its backup: starting another`);
    backup.kill();
    return this.#protect(primary, primary.events.length);
  }

  /**
   * Gives a primary a fresh backup. One that the primary gives up while it joins throws its copy
   * away, and another is started. `from`: events of the primary before are of an earlier backup.
   */
  async #protect(primary: Replica, from: number): Promise<Replica> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      const backup = await this.#startBackup(['--join', primary.address]);
      const wait = { timeoutMs: Math.max(1, deadline - performance.now()) };
      const protection = primary.waitFor('protected', { ...wait, from });
      const dropped = backup.waitFor('reset', wait).then(() => 'dropped');
      // The one that comes too late, or not at all, is of no interest.
      for (const outcome of [protection, dropped]) outcome.catch(() => undefined);
      if ((await this.#race(Promise.race([protection, dropped]))) !== 'dropped') return backup;
      this.#backupsDropped += 1;
      this.#say(`${primary.name} gave ${backup.name} up while it joined: starting another`);
      backup.kill();
    }
  }

  /** Kills the primary, watches the backup take over and gives it a backup of its own. */
  async #failOver(primary: Replica, backup: Replica): Promise<[Replica, Replica]> {
    // A fresh backup replays the log from its start; to kill before that is done measures the length
    // of the log.
    await this.#race(backup.waitFor('in.step', { timeoutMs: START_TIMEOUT_MS }));
    const gapsBefore = this.#tally.gapsMs.length;
    const eventsBefore = backup.events.length;
    const second = (performance.now() - this.#startedAt) / 1000;
    const killedAt = this.#clock.wall();
    primary.kill();
    const options = { timeoutMs: FAILOVER_TIMEOUT_MS, from: eventsBefore };
    const live = await this.#race(backup.waitFor('live', options));
    await this.#race(backup.waitFor('first.output', options));
    const next = await this.#protect(backup, eventsBefore);
    const gaps = this.#tally.gapsMs.slice(gapsBefore);
    const failover: Failover = {
      second,
      pid: primary.pid,
      epoch: live.epoch,
      phasesMs: phasesAfter(killedAt, backup.events.slice(eventsBefore)),
      gapMs: gaps.length === 0 ? undefined : Math.max(...gaps),
    };
    this.#failovers.push(failover);
    data(
      this.#options.json
        ? JSON.stringify({ evt: 'failover', ...failover })
        : `  ${failoverLine(failover)}`,
    );
    return [backup, next];
  }

  #onDeath(replica: Replica, how: string): void {
    // Its last lines may still be in the pipe; they are read before the streams close.
    void replica.gone().then(() => {
      const words = replica.lastLines.map((line) => `    ${line}`).join('\n');
      this.#stop(
        new Ended(`${replica.name} (pid ${replica.pid}) died by itself, ${how}\n${words}`),
      );
    });
  }

  #conclude(failed: Error | undefined): number {
    const seconds = this.#startedAt === 0 ? 0 : (performance.now() - this.#startedAt) / 1000;
    const error = this.#endError ?? failed;
    if (error !== undefined) this.#tally.note(error.message);
    const verdict = verdictOf(this.#tally, {
      seconds,
      failovers: this.#failovers.length,
      backupsDropped: this.#backupsDropped,
    });
    const ok = verdict.ok && error === undefined;
    if (this.#options.json) data(JSON.stringify({ ...verdict, ok }));
    else for (const line of verdictLines(verdict)) data(line);
    if (ok || (this.#interrupted && this.#tally.clean)) {
      rmSync(this.#dir, { recursive: true, force: true });
    } else {
      say(`logs of this demo are kept in ${this.#dir}`);
    }
    return ok ? EXIT.ok : EXIT.failed;
  }

  #say(text: string): void {
    if (!this.#options.json) say(text);
  }
}

function sleepUntil(at: number): Promise<void> {
  // Unreferenced: after an interruption nothing waits for a kill that will not come.
  return new Promise((resolve) => {
    setTimeout(resolve, Math.max(0, at - performance.now())).unref();
  });
}
