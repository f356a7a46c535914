/**
 * The demo's clients against real guests under plain Node. A restarted plain server has lost its
 * data: the checkers must say so, or a clean verdict on hv would mean nothing.
 */

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { startChatWorkload } from '../../../hypervisor/cli/demo/chat-client.ts';
import { startCounterWorkload } from '../../../hypervisor/cli/demo/counter-client.ts';
import { startKvWorkload } from '../../../hypervisor/cli/demo/kv-client.ts';
import { Tally } from '../../../hypervisor/cli/demo/tally.ts';
import type { Workload } from '../../../hypervisor/cli/demo/workload.ts';
import { type Server, startServer } from '../guests/guest-process.ts';

const KINDS = [
  ['kv', startKvWorkload, 2000],
  ['chat', startChatWorkload, 100],
  ['counter', startCounterWorkload, 100],
] as const;

let server: Server | undefined;
let workload: Workload | undefined;

afterEach(() => {
  workload?.stop();
  server?.stop();
});

/** Resolves once the clients have got this many more answers. */
async function answers(tally: Tally, more: number): Promise<void> {
  const wanted = tally.answered + more;
  while (tally.answered < wanted) await new Promise((resolve) => setImmediate(resolve));
}

describe.each(KINDS)('%s', (name, start, many) => {
  test('finds nothing wrong with a server that runs', async () => {
    server = await startServer(`${name}.js`, ['0', '127.0.0.1', '10']);
    const tally = new Tally();
    const options = { port: server.port, clients: 4, now: () => performance.now() };
    workload = start(options, tally);
    workload.start();
    await answers(tally, many);
    await workload.finish(5000);
    expect(tally.findings).toEqual([]);
    expect(tally.clean).toBe(true);
    expect(tally.answered).toBe(tally.requests);
    expect(tally.gapsMs).toEqual([]);
  });

  test('says that a server restarted without its data has lost it', async () => {
    server = await startServer(`${name}.js`, ['0', '127.0.0.1', '10']);
    const tally = new Tally();
    const options = { port: server.port, clients: 4, now: () => performance.now() };
    workload = start(options, tally);
    workload.start();
    await answers(tally, many);
    server.stop();
    server = await startServer(`${name}.js`, [String(server.port), '127.0.0.1', '10']);
    await answers(tally, many);
    await workload.finish(5000);
    expect(tally.lost).toBeGreaterThan(0);
    expect(tally.stuck).toBe(0);
    expect(tally.gapsMs.length).toBeGreaterThanOrEqual(4);
  });

  test('counts clients that get no answer', async () => {
    server = await startServer(`${name}.js`, ['0', '127.0.0.1', '10']);
    const tally = new Tally();
    const options = { port: server.port, clients: 2, now: () => performance.now() };
    workload = start(options, tally);
    workload.start();
    await answers(tally, 10);
    server.child.kill('SIGSTOP');
    await workload.finish(200);
    server.child.kill('SIGCONT');
    expect(tally.stuck).toBe(2);
    expect(tally.clean).toBe(false);
  });
});

test('a counter client that has its last answer asks nothing more while others wait for theirs', async () => {
  const sockets: Socket[] = [];
  // The second client gets its last answer when the first is gone, or asks on as if it were not done.
  let questions = 0;
  const fake = createServer((socket) => {
    const first = sockets.push(socket) === 1;
    socket.on('error', () => undefined);
    socket.write('now 1\n');
    const release = (): boolean | undefined => sockets[1]?.write('now 1\n');
    socket.on('close', release);
    socket.on('data', () => {
      if (!first) return;
      questions += 1;
      if (questions > 3) release();
      else socket.write('now 1\n');
    });
  });
  fake.listen(0, '127.0.0.1');
  await once(fake, 'listening');
  const address = fake.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const tally = new Tally();
  workload = startCounterWorkload({ port, clients: 2, now: () => performance.now() }, tally);
  workload.start();
  await answers(tally, 2);
  await workload.finish(5000);
  fake.close();
  expect(tally.stuck).toBe(0);
  expect(tally.answered).toBe(tally.requests);
});
