/** The fuzzer's thread: its native stack is the one a hypervisor's worker has (host/threads.ts). */

import { parentPort, workerData } from 'node:worker_threads';
import fc from 'fast-check';
import { type Case, type CaseOptions, caseOf, fuzzCase, type Outcome, runCase } from './case.ts';
import { MachineWorks } from './machines.ts';

export interface FuzzRequest {
  readonly from: number;
  readonly count: number;
  /** Every so many cases the backup boots its firmware; 0 never. */
  readonly coldEvery: number;
  /** See `CaseOptions.planted`. */
  readonly planted: boolean;
  /** Also send the program of every seed. */
  readonly show: boolean;
}

export type FuzzNews =
  | { readonly type: 'ran'; readonly seed: number; readonly outcome: Outcome }
  | { readonly type: 'program'; readonly seed: number; readonly text: string }
  | {
      readonly type: 'failed';
      readonly seed: number;
      readonly divergence: string;
      readonly shrunk: Case;
      readonly shrunkDivergence: string;
    }
  | { readonly type: 'done' };

/** Shrinking one failure never takes longer. */
const SHRINK_MS = 20_000;

const works = new MachineWorks();

function tell(news: FuzzNews): void {
  parentPort?.postMessage(news);
}

function fail(seed: number, divergence: string, options: CaseOptions): void {
  const fails = fc.property(
    fuzzCase,
    (one) => runCase(works, one, options).divergence === undefined,
  );
  const checked = fc.check(fails, { seed, numRuns: 1, interruptAfterTimeLimit: SHRINK_MS });
  const shrunk = checked.counterexample?.[0] ?? caseOf(seed);
  const shrunkDivergence = runCase(works, shrunk, options).divergence ?? 'gone when run again';
  tell({ type: 'failed', seed, divergence, shrunk, shrunkDivergence });
}

function fuzz({ from, count, coldEvery, planted, show }: FuzzRequest): void {
  for (let seed = from; seed < from + count; seed++) {
    const one = caseOf(seed);
    if (show) tell({ type: 'program', seed, text: one.program });
    const options = { planted, cold: coldEvery > 0 && seed % coldEvery === 0 };
    const outcome = runCase(works, one, options);
    tell({ type: 'ran', seed, outcome });
    if (outcome.divergence !== undefined) fail(seed, outcome.divergence, options);
  }
  tell({ type: 'done' });
}

fuzz(workerData as FuzzRequest);
