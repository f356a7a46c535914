import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { resetSocket } from '../../../hypervisor/host/reset-socket.ts';

/** Both ends of a connection. */
async function connection(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [
    [Socket],
    unknown,
  ];
  server.close();
  onTestFinished(() => {
    near.destroy();
    far.destroy();
  });
  return { near, far };
}

const fates: readonly (readonly [string, (socket: Socket) => void])[] = [
  ['open', () => undefined],
  ['just ended', (socket) => socket.end()],
  ['just ended with words', (socket) => socket.end('the last words')],
  ['ended with more than the kernel takes', (socket) => socket.end(Buffer.alloc(64 * 2 ** 20))],
];

test.each(fates)('a socket that is %s is reset and gone', async (_, before) => {
  const { near, far } = await connection();
  const errors: unknown[] = [];
  near.on('error', (error) => errors.push(error));
  before(near);
  const closed = once(near, 'close');
  const reset = new Promise((resolve) => far.once('error', resolve));
  resetSocket(near);
  await closed;
  far.resume();
  far.write('who is there?');
  expect(await reset).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) as string });
  expect(errors).toEqual([]);
});

test('a socket that still connects, or is gone, is only destroyed', async () => {
  const { near } = await connection();
  const other = connect({ port: near.remotePort ?? 0, host: '127.0.0.1' });
  other.on('error', () => undefined);
  resetSocket(other);
  expect(other.destroyed).toBe(true);
  resetSocket(other);
  await once(other, 'close');
});
