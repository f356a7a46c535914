/**
 * A protected pair under the load of the key-value demo, and failovers of it, one after the other:
 * by kill -9, or by SIGSTOP as a machine that hangs. Every reply is checked: a fast failover that
 * loses one is worth nothing.
 */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Chance } from '../hypervisor/cli/demo/chance.ts';
import {
  isProtected,
  type Phase,
  phasesAfter,
  type Verdict,
  verdictOf,
} from '../hypervisor/cli/demo/failover-report.ts';
import { startKvWorkload } from '../hypervisor/cli/demo/kv-client.ts';
import {
  freePort,
  type Replica,
  ReplicaSet,
  untilAccepting,
} from '../hypervisor/cli/demo/replicas.ts';
import { guestFile } from '../hypervisor/cli/demo/run-demo.ts';
import { Tally } from '../hypervisor/cli/demo/tally.ts';
import type { Workload } from '../hypervisor/cli/demo/workload.ts';
import { HostClock } from '../hypervisor/host/clock.ts';

export type Blow = 'kill' | 'stop';

export interface Trial {
  readonly blow: Blow;
  /** Milliseconds from the blow to each phase; one that did not come is absent. */
  readonly phasesMs: Readonly<Partial<Record<Phase, number>>>;
  /**
   * Longest wait of a client around it; undefined when none was cut off. Of kills only: a process that
   * is frozen and woken may still answer what was acknowledged before, and it keeps the guest's port.
   */
  readonly gapMs: number | undefined;
}

export interface TrialOptions {
  readonly kills: number;
  readonly stops: number;
  readonly clients: number;
  readonly detect: string;
  /** Load between a pair that is protected and the blow: from this, and up to a second more. */
  readonly settleSeconds: number;
  readonly seed: number;
  readonly onTrial: (trial: Trial) => void;
}

/** Start of processes on a busy machine; a failover that takes as long has failed. */
const TIMEOUT_MS = 30_000;
const FENCED_EXIT = 'exit status 121';

/** Runs all trials; rejects unless each failover came and nothing was lost, doubled or wrong. */
export async function runTrials(options: TrialOptions): Promise<{
  readonly trials: readonly Trial[];
  readonly verdict: Verdict;
}> {
  const bench = new FailoverBench(options);
  try {
    return await bench.run();
  } finally {
    await bench.close();
  }
}

class FailoverBench {
  readonly #options: TrialOptions;
  readonly #dir = mkdtempSync(join(tmpdir(), 'hv-failover-'));
  readonly #clock = new HostClock();
  readonly #tally = new Tally();
  readonly #trials: Trial[] = [];
  readonly #replicas: ReplicaSet;
  readonly #exits = new Map<Replica, string>();
  #workload: Workload | undefined;
  #launched = 0;
  #backupsDropped = 0;

  constructor(options: TrialOptions) {
    this.#options = options;
    this.#replicas = new ReplicaSet(this.#dir, (replica, how) => this.#exits.set(replica, how));
  }

  async run(): Promise<{ trials: readonly Trial[]; verdict: Verdict }> {
    const { kills, stops, clients, seed, settleSeconds } = this.#options;
    const chance = new Chance(seed);
    const port = await freePort();
    let [primary, backup] = await this.#startPair(port);
    const now = (): number => performance.now();
    this.#workload = startKvWorkload({ port, clients, now }, this.#tally);
    this.#workload.start();
    const startedAt = now();
    const blows: Blow[] = [...Array<Blow>(kills).fill('kill'), ...Array<Blow>(stops).fill('stop')];
    for (const blow of blows) {
      await sleep(1000 * (settleSeconds + chance.next()));
      backup = await this.#ensureProtected(primary, backup);
      [primary, backup] = await this.#failOver(primary, backup, blow);
    }
    await this.#workload.finish(TIMEOUT_MS);
    const seconds = (now() - startedAt) / 1000;
    const failovers = this.#trials.length;
    const backupsDropped = this.#backupsDropped;
    const verdict = verdictOf(this.#tally, { seconds, failovers, backupsDropped });
    if (!verdict.ok)
      throw new Error(`the failovers were not clean: ${verdict.findings.join('; ')}`);
    return { trials: this.#trials, verdict };
  }

  async close(): Promise<void> {
    this.#workload?.stop();
    await this.#replicas.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #startPair(guestPort: number): Promise<[Replica, Replica]> {
    const arbiter = join(this.#dir, 'arbiter');
    mkdirSync(arbiter);
    const backup = await this.#startBackup([]);
    const address = `127.0.0.1:${await freePort()}`;
    const args = [
      ...['run', '--backup', backup.address, '--arbiter', `file:${arbiter}`],
      ...['--listen', address, '--detect', this.#options.detect, '--name', 'kv'],
      ...['--dir', this.#nextDir(), '--events-fd', '3', guestFile('kv'), String(guestPort)],
    ];
    const primary = this.#replicas.start({ name: 'primary', address, args });
    await primary.waitFor('protected', { timeoutMs: TIMEOUT_MS });
    await this.#accepting(guestPort, primary);
    return [primary, backup];
  }

  async #startBackup(join: readonly string[]): Promise<Replica> {
    const port = await freePort();
    const address = `127.0.0.1:${port}`;
    const dir = ['--dir', this.#nextDir(), '--events-fd', '3'];
    const args = ['backup', '--listen', address, ...join, ...dir];
    const backup = this.#replicas.start({ name: `backup ${this.#launched}`, address, args });
    await this.#accepting(port, backup);
    return backup;
  }

  #nextDir(): string {
    this.#launched += 1;
    return join(this.#dir, `replica-${this.#launched}`);
  }

  #accepting(port: number, replica: Replica): Promise<void> {
    const gaveUp = (): Error | undefined =>
      replica.dead ? new Error(`${replica.name} ended: ${replica.lastLines.join(' ')}`) : undefined;
    return untilAccepting(port, { timeoutMs: TIMEOUT_MS, gaveUp });
  }

  /** A primary that took its backup for dead runs alone: a blow now would be a second failure. */
  async #ensureProtected(primary: Replica, backup: Replica): Promise<Replica> {
    if (isProtected(primary.events)) return backup;
    this.#backupsDropped += 1;
    backup.kill();
    return this.#protect(primary, primary.events.length);
  }

  async #failOver(primary: Replica, backup: Replica, blow: Blow): Promise<[Replica, Replica]> {
    // Until the replay has caught up a takeover takes as long as the log is; that is a figure of its own.
    await backup.waitFor('in.step', { timeoutMs: TIMEOUT_MS });
    const gapsBefore = this.#tally.gapsMs.length;
    const from = backup.events.length;
    const killedAt = this.#clock.wall();
    if (blow === 'kill') primary.kill();
    else process.kill(primary.pid, 'SIGSTOP');
    const wait = { timeoutMs: TIMEOUT_MS, from };
    await backup.waitFor('live', wait);
    if (blow === 'stop') await this.#wake(primary);
    await backup.waitFor('first.output', wait);
    const next = await this.#protect(backup, from);
    const gaps = this.#tally.gapsMs.slice(gapsBefore);
    const trial: Trial = {
      blow,
      phasesMs: phasesAfter(killedAt, backup.events.slice(from)),
      gapMs: blow === 'stop' || gaps.length === 0 ? undefined : Math.max(...gaps),
    };
    this.#trials.push(trial);
    this.#options.onTrial(trial);
    return [backup, next];
  }

  /**
   * On one machine a frozen process keeps the guest's port, so nobody is served until it wakes. It has to find itself fenced and leave without a word to a client.
   */
  async #wake(primary: Replica): Promise<void> {
    if (!isStopped(primary.pid))
      throw new Error('the primary was not stopped when it was replaced');
    process.kill(primary.pid, 'SIGCONT');
    await primary.gone();
    const how = this.#exits.get(primary);
    if (how !== FENCED_EXIT) throw new Error(`a deposed primary left with ${how}`);
  }

  /** A fresh backup for a primary; one that it gives up while it joins is replaced. */
  async #protect(primary: Replica, from: number): Promise<Replica> {
    const deadline = performance.now() + TIMEOUT_MS;
    for (;;) {
      const backup = await this.#startBackup(['--join', primary.address]);
      const wait = { timeoutMs: Math.max(1, deadline - performance.now()) };
      const joined = primary.waitFor('protected', { ...wait, from }).then(() => true);
      const dropped = backup.waitFor('reset', wait).then(() => false);
      // The one that comes too late, or not at all, is of no interest.
      for (const outcome of [joined, dropped]) outcome.catch(() => undefined);
      if (await Promise.race([joined, dropped])) return backup;
      this.#backupsDropped += 1;
      backup.kill();
    }
  }
}

/** Every thread of it is in state T: the signal has not only been queued. */
function isStopped(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).every((task) =>
    /^State:\s+T/m.test(readFileSync(`${tasks}/${task}/status`, 'utf8')),
  );
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
