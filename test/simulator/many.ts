/**
 * Many histories: one block of seeds after the other, on this thread or on several. What comes out does
 * not depend on how many there were.
 */

import { Worker } from 'node:worker_threads';
import type { FaultKind } from './coverage.ts';
import { Coverage } from './coverage.ts';
import { runHistory } from './history.ts';
import { RealMachines } from './real-machine.ts';
import type { Sabotage } from './sabotage.ts';
import type { MachineKind } from './sim-machine.ts';
import { BUSY_TOY } from './toy-machine.ts';

/** Seeds a thread takes at once: a second of work, so that all of them end together. */
const BLOCK_SEEDS = 100;

export type MachineName = 'toy' | 'real';

/** Which histories, as plain data: it crosses threads. */
export interface Task {
  readonly machine: MachineName;
  readonly sabotage: Sabotage | undefined;
}

export interface Range {
  readonly first: number;
  readonly count: number;
}

export interface Failure {
  readonly seed: number;
  readonly violation: string;
}

/** What came of a block, as plain data. */
export interface BlockResult {
  readonly histories: number;
  readonly events: number;
  readonly released: number;
  readonly epochs: number;
  readonly failures: readonly Failure[];
  readonly ends: Readonly<Record<string, number>>;
  readonly counts: readonly (readonly [FaultKind, number])[];
}

/** What came of all of them. */
export interface Totals {
  histories: number;
  events: number;
  released: number;
  epochs: number;
  failures: Failure[];
  ends: Record<string, number>;
  coverage: Coverage;
}

export function machinesOf(name: MachineName): MachineKind {
  return name === 'real' ? new RealMachines() : BUSY_TOY;
}

export function runBlock(task: Task, machines: MachineKind, range: Range): BlockResult {
  const coverage = new Coverage();
  const ends: Record<string, number> = {};
  const failures: Failure[] = [];
  const sums = { events: 0, released: 0, epochs: 0 };
  for (let seed = range.first; seed < range.first + range.count; seed++) {
    const history = runHistory({ seed, sabotage: task.sabotage, machines });
    sums.events += history.events;
    sums.released += history.released;
    sums.epochs += history.epochs;
    coverage.add(history.coverage);
    machines.recycle?.();
    ends[history.end] = (ends[history.end] ?? 0) + 1;
    const [violation] = history.violations;
    if (violation !== undefined) failures.push({ seed, violation });
  }
  return { histories: range.count, ...sums, failures, ends, counts: coverage.counts() };
}

/** `onFailure` hears of them in the order of their seeds. */
export async function runMany(
  task: Task,
  range: Range,
  options: { readonly jobs: number; readonly onFailure: (failure: Failure) => void },
): Promise<Totals> {
  const totals: Totals = {
    histories: 0,
    events: 0,
    released: 0,
    epochs: 0,
    failures: [],
    ends: {},
    coverage: new Coverage(),
  };
  const blocks = blocksOf(range);
  const take = (result: BlockResult): void => {
    addTo(totals, result);
    for (const failure of result.failures) options.onFailure(failure);
  };
  if (options.jobs <= 1) {
    const machines = machinesOf(task.machine);
    for (const block of blocks) take(runBlock(task, machines, block));
  } else await spread(task, blocks, { jobs: Math.min(options.jobs, blocks.length), take });
  return totals;
}

function blocksOf({ first, count }: Range): readonly Range[] {
  const blocks: Range[] = [];
  for (let done = 0; done < count; done += BLOCK_SEEDS)
    blocks.push({ first: first + done, count: Math.min(BLOCK_SEEDS, count - done) });
  return blocks;
}

function addTo(totals: Totals, result: BlockResult): void {
  totals.histories += result.histories;
  totals.events += result.events;
  totals.released += result.released;
  totals.epochs += result.epochs;
  totals.failures.push(...result.failures);
  for (const [end, times] of Object.entries(result.ends))
    totals.ends[end] = (totals.ends[end] ?? 0) + times;
  for (const [kind, times] of result.counts) totals.coverage.count(kind, times);
}

/** Every thread takes the next block when it has done one; results are taken in the order of the blocks. */
async function spread(
  task: Task,
  blocks: readonly Range[],
  options: { readonly jobs: number; readonly take: (result: BlockResult) => void },
): Promise<void> {
  const done = new Map<number, BlockResult>();
  let next = 0;
  let taken = 0;
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./many-worker.js', import.meta.url), { workerData: task });
      let at = -1;
      const go = (): void => {
        at = next;
        next += 1;
        const block = blocks[at];
        if (block === undefined) void worker.terminate();
        else worker.postMessage(block);
      };
      worker.on('message', (result: BlockResult) => {
        done.set(at, result);
        for (let ready = done.get(taken); ready !== undefined; ready = done.get(taken)) {
          done.delete(taken);
          taken += 1;
          options.take(ready);
        }
        go();
      });
      worker.on('error', reject);
      worker.on('exit', () => resolve());
      go();
    });
  await Promise.all(Array.from({ length: options.jobs }, one));
  if (taken < blocks.length) throw new Error(`only ${taken} of ${blocks.length} blocks were run`);
}
