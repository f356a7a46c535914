import { createServer, type Server as NetServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type LoadOptions, runLoad } from '../../../bench/resp-load.ts';
import { type Server, startServer } from '../guests/guest-process.ts';

const LOAD: Omit<LoadOptions, 'port'> = {
  connections: 3,
  seconds: 0.3,
  pipeline: 4,
  valueBytes: 100,
};
let guest: Server | undefined;
let fake: NetServer | undefined;

afterEach(() => {
  guest?.stop();
  fake?.close();
});

function fakeServer(reply: string): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on('data', () => (reply === '' ? socket.destroy() : socket.write(reply)));
      socket.on('error', () => undefined);
    });
    fake = server;
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : -1);
    });
  });
}

test('the rate and the latencies belong to requests that were answered', async () => {
  guest = await startServer('kv.js');
  const result = await runLoad({ ...LOAD, port: guest.port });
  expect(result.requests).toBeGreaterThan(100);
  expect(result.requestsPerSecond).toBeLessThanOrEqual(result.requests / LOAD.seconds);
  expect(result.latencyMs.p50).toBeGreaterThan(0);
  expect(result.latencyMs.max).toBeGreaterThanOrEqual(result.latencyMs.p99);
});

test('a wrong reply ends the load, and so does a lost connection', async () => {
  const wrong = await fakeServer('+NO\r\n');
  await expect(runLoad({ ...LOAD, port: wrong })).rejects.toThrow('got NO, expected OK');
  fake?.close();
  const gone = await fakeServer('');
  await expect(runLoad({ ...LOAD, port: gone })).rejects.toThrow(/closed|ECONNRESET/);
});
