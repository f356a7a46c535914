/**
 * Replays logs one after the other in the worker of `hv replay` and prints its answer to each as one
 * line of JSON. One process for all of them, so that the engine is compiled once: what test/golden
 * and test/e2e/node-versions.test.ts run under every Node, flag, zone and locale.
 *
 *   node replay-each.mjs <log>...
 */

import { once } from 'node:events';
import { startWorker } from '../../dist/hypervisor/host/threads.js';

for (const path of process.argv.slice(2)) {
  const worker = startWorker('replay-worker', { path, console: false });
  const [answer] = await once(worker, 'message');
  await worker.terminate();
  console.log(JSON.stringify(answer));
}
