/**
 * Clients of the queue of jobs: every job that was taken runs to its end once, with as many tries as it
 * needs, whatever fails in between.
 */

import type { HttpCaller } from './http-caller.ts';
import { type Loop, loopingClients } from './looping-client.ts';
import type { Tally } from './tally.ts';
import type { ClientGroup, WorkloadOptions } from './workload.ts';

/** Jobs that are looked at once more in the end. */
const LOOKED_AT_LAST = 20;

interface Job {
  readonly id: number;
  readonly name: string;
  readonly failures: number;
}

export function startJobWorkload(options: WorkloadOptions, tally: Tally): ClientGroup {
  return loopingClients({ options, tally }, (name, caller) => new JobLoop(name, caller, tally));
}

class JobLoop implements Loop {
  readonly #name: string;
  readonly #caller: HttpCaller;
  readonly #tally: Tally;
  #count = 0;
  #ended: Job[] = [];

  constructor(name: string, caller: HttpCaller, tally: Tally) {
    this.#name = name;
    this.#caller = caller;
    this.#tally = tally;
  }

  /** Each has another delay, and every third fails at first. */
  async step(): Promise<void> {
    this.#count += 1;
    const count = this.#count;
    const name = `${this.#name}:${count}`;
    const failures = count % 3 === 0 ? 1 : 0;
    const job = await this.#add({ name, delayMs: (count * 7) % 40, failures });
    if (job === undefined || !(await this.#hasEnded(job))) return;
    this.#ended = [...this.#ended.slice(-LOOKED_AT_LAST), job];
  }

  async conclude(): Promise<void> {
    for (const job of this.#ended) await this.#hasEnded(job);
  }

  async #add(given: {
    readonly name: string;
    readonly delayMs: number;
    readonly failures: number;
  }): Promise<Job | undefined> {
    const { name, failures } = given;
    for (;;) {
      const reply = await this.#caller.ask({ method: 'POST', path: '/jobs', body: given });
      if (reply !== undefined) return this.#jobOf(reply.value, name, failures);
      const path = `/jobs?name=${encodeURIComponent(name)}`;
      const { value } = await this.#caller.askAgain({ method: 'GET', path });
      const found = Array.isArray(value) ? value : [];
      if (found.length > 1)
        this.#tally.fault(
          'doubled',
          found.length - 1,
          `job ${name} is there ${found.length} times`,
        );
      if (found.length > 0) return this.#jobOf(found[0], name, failures);
    }
  }

  #jobOf(value: unknown, name: string, failures: number): Job | undefined {
    const job = value as Partial<Job> | null | undefined;
    if (typeof job?.id === 'number' && job.name === name) return { id: job.id, name, failures };
    this.#tally.fault('wrong', 1, `got ${JSON.stringify(value)} for job ${name}`);
    return undefined;
  }

  /** Waits for it; false: it is lost. */
  async #hasEnded({ id, name, failures }: Job): Promise<boolean> {
    const ask = { method: 'GET', path: `/jobs/${id}?wait` } as const;
    const { status, value } = await this.#caller.askAgain(ask);
    const job = value as Record<string, unknown> | undefined;
    if (status === 404 || job?.name !== name) {
      this.#tally.fault('lost', 1, `job ${name}, taken as ${id}, is not there`);
      return false;
    }
    const { runs, tries, state } = job;
    if (Number(runs) > 1)
      this.#tally.fault('doubled', Number(runs) - 1, `job ${name} ran ${runs} times`);
    else if (state !== 'done' || runs !== 1 || tries !== failures + 1)
      this.#tally.fault('wrong', 1, `job ${name} ended as ${JSON.stringify(job)}`);
    return true;
  }
}
