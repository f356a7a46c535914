import { expect, test } from 'vitest';
import { runGuest, startServer, TextClient } from './guest-process.ts';

test('hello greets whom it is told to', async () => {
  expect(await runGuest('hello.js', { args: ['you'] })).toMatchObject({
    code: 0,
    stdout: 'Hello, you.\n',
  });
});

test('stdin-sum adds what is a number and names what is not', async () => {
  const good = await runGuest('stdin-sum.js', { input: '1 2\n3.5\n4' });
  expect(good).toEqual({ code: 0, stdout: '4 numbers, sum 10.5\n', stderr: '' });
  const bad = await runGuest('stdin-sum.js', { input: 'two 2' });
  expect(bad).toEqual({ code: 1, stdout: '1 numbers, sum 2\n', stderr: 'not a number: two\n' });
});

test('the checksum of bench-cpu does not depend on the run, but on the rounds', async () => {
  const [two, again, three] = await Promise.all(
    ['2', '2', '3'].map((rounds) => runGuest('bench-cpu.js', { args: [rounds] })),
  );
  expect(two?.stdout).toMatch(/^start\nchecksum [0-9a-f]{8} after 2 rounds\n$/);
  expect(again?.stdout).toBe(two?.stdout);
  expect(three?.stdout.slice(0, 22)).not.toBe(two?.stdout.slice(0, 22));
});

test('event-order ends with the value it awaited', async () => {
  const { code, stdout } = await runGuest('event-order.mjs');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^module\n[\s\S]*\nslept\n\{ answer: 42 \}\nexit 0\n$/);
});

test('echo returns every byte and then ends', async () => {
  const server = await startServer('echo.js');
  const client = new TextClient(server.port);
  const bytes = '\x00\xffab'.repeat(50_000);
  client.socket.end(bytes, 'latin1');
  expect((await client.untilEnded()) === bytes).toBe(true);
  server.stop();
});

test('counter sends each number once and answers with the last', async () => {
  const server = await startServer('counter.js', ['0', '127.0.0.1', '10']);
  const client = new TextClient(server.port);
  await client.until((text) => /count 5\n/.test(text));
  client.send('\n');
  const text = await client.until((all) => all.split('now ').length === 3);
  const counts = [...text.matchAll(/count (\d+)/g)].map((match) => Number(match[1]));
  expect(counts).toEqual(counts.map((_, i) => (counts[0] ?? 0) + i));
  client.socket.destroy();
  server.stop();
});

test.each([
  ['throw-uncaught.js', 1, '', 'TypeError: cannot deliver apples'],
  ['reject-unhandled.js', 1, '', 'Error: no such order'],
  ['syntax-error.js', 1, '', 'SyntaxError'],
  ['missing-module.js', 1, 'optional: MODULE_NOT_FOUND\n', "Cannot find module './not-here.js'"],
  ['exit-code.js', 7, 'exiting with 7\n', ''],
  ['huge-string.js', 0, 'refused: with an Error\ngot beyond a million\n', ''],
])('hostile/%s ends with code %i', async (file, code, stdout, stderr) => {
  const done = await runGuest(`hostile/${file}`);
  expect(done).toMatchObject({ code, stdout });
  expect(done.stderr).toContain(stderr);
});

test('hostile/deep-recursion.js survives each of its overflows', async () => {
  const { code, stdout } = await runGuest('hostile/deep-recursion.js');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^(\w+: caught\n){5}still alive\n$/);
});
