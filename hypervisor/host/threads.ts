/**
 * Worker threads with the stack rule: a guest's recursion must end at the guest's own limit, at the
 * same depth everywhere, and never at the native stack's (docs/decisions/0004).
 */

import { Worker } from 'node:worker_threads';
import { WORKER_STACK_MIB } from '../base/limits.ts';

/** V8 heap of a worker; guest memory is not in it. */
const WORKER_HEAP_MIB = 1024;

/** Starts `name` (a file beside this one, without extension) with `data` as its workerData. */
export function startWorker(name: string, data: unknown): Worker {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new Worker(new URL(`./${name}.${extension}`, import.meta.url), {
    workerData: data,
    resourceLimits: { stackSizeMb: WORKER_STACK_MIB, maxOldGenerationSizeMb: WORKER_HEAP_MIB },
  });
}
