/**
 * Replays logs one after the other in the worker of `hv replay`. The guests print to stdout and
 * stderr; the answer to each replay, and how far both had come by then, is one line of JSON on
 * descriptor 3. One process for all of them, so that the engine is compiled once: what test/golden and
 * test/e2e/node-versions.test.ts run under every Node, flag, zone and locale.
 *
 *   node replay-each.mjs '{"path":"<log>","from":<lsn>,"untouchedToo":true,"keyFile":"<file>"}'... 3>answers     with files as stdout and stderr
 */

import { once } from 'node:events';
import { fstatSync, writeSync } from 'node:fs';
import { readLogKeys, useLogKeys } from '../../dist/hypervisor/host/log-keys.js';
import { startWorker } from '../../dist/hypervisor/host/threads.js';

for (const request of process.argv.slice(2)) {
  const { keyFile: file, ...replay } = JSON.parse(request);
  useLogKeys(file && { keys: readLogKeys(file), file, plain: 'refused' });
  const worker = startWorker('replay-worker', { ...replay, console: true });
  const [answer] = await once(worker, 'message');
  await worker.terminate();
  const line = { answer, outTo: fstatSync(1).size, errTo: fstatSync(2).size };
  writeSync(3, `${JSON.stringify(line)}\n`);
}
