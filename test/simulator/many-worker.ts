/** One of the threads of `runMany`: a block of seeds in, what came of it out. */

import { parentPort, workerData } from 'node:worker_threads';
import { machinesOf, type Range, runBlock, type Task } from './many.ts';

const task = workerData as Task;
const machines = machinesOf(task.machine);
parentPort?.on('message', (block: Range) => {
  parentPort?.postMessage(runBlock(task, machines, block));
});
