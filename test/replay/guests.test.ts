import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bundleGuest } from '../../hypervisor/host/bundle.ts';
import { INTERRUPT } from '../../log-format/index.ts';
import { GuestRunner } from '../support/guest-runner.ts';
import { GUESTS } from '../support/hv-process.ts';
import { LiveGuest } from '../support/live-guest.ts';

/** Waits in a loop for what only a live machine does. */
const PREEMPTED = 'preempt.js';
/** Every guest is a replay test. Hostile ones need a real worker's stack: test/e2e has them. */
const scripts = readdirSync(GUESTS).filter(
  (name) => /\.(js|mjs|ts)$/.test(name) && name !== PREEMPTED,
);

/** Some life for servers: two clients, split packets, a half-close and a reset. */
function visit(guest: GuestRunner): void {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const address = { address: '127.0.0.1', family: 'IPv4', port: 5000 };
  const peers = bytes(JSON.stringify({ peer: address, local: address }));
  const listens = guest.outputs.flatMap((output) =>
    output.device === 'net' && output.op === 'listen' ? [output.id] : [],
  );
  for (const id of listens)
    guest.interrupt(INTERRUPT.netBound, { id, payload: bytes(JSON.stringify(address)) });
  for (const [index, listener] of listens.entries()) {
    const id = 2 + 4 * index;
    guest.interrupt(INTERRUPT.netAccept, { id, num: listener, payload: peers });
    guest.interrupt(INTERRUPT.netAccept, { id: id + 2, num: listener, payload: peers });
    for (const part of ['PING\r\nSET a', ' 1\r\n', 'INCR a\r\nnick zoe\r\n', 'RANDOMKEY\r\n'])
      guest.interrupt(INTERRUPT.netData, { id, payload: bytes(part) });
    guest.interrupt(INTERRUPT.netData, {
      id: id + 2,
      payload: bytes('GET a\r\nTIME\r\nhello\r\n'),
    });
    guest.interrupt(INTERRUPT.netEnd, { id });
    guest.interrupt(INTERRUPT.netClose, { id });
    guest.interrupt(INTERRUPT.netClose, { id: id + 2, num: 2 });
  }
  guest.interrupt(INTERRUPT.stdinData, { payload: bytes('3\n4\n') });
  guest.interrupt(INTERRUPT.stdinEnd);
}

describe.each(scripts)('guest %s', (name) => {
  test('runs to the same outputs, ticks and digest a second time and from its records', async () => {
    const { code, sourceMap } = await bundleGuest(join(GUESTS, name), { cwd: GUESTS });
    const live = (): GuestRunner => {
      const guest = new GuestRunner(code, sourceMap).boot().run(30);
      visit(guest);
      return guest.run(30);
    };
    const first = live();
    const second = live();
    const replayed = new GuestRunner(code, sourceMap);
    for (const record of first.records) replayed.replay(record);
    expect(first.records.length).toBeGreaterThan(1);
    for (const other of [second, replayed]) {
      expect(other.end).toEqual(first.end);
      expect(other.stdout).toBe(first.stdout);
      expect(other.outputs).toEqual(first.outputs);
      expect(other.memoryHash()).toBe(first.memoryHash());
    }
  });
});

test('guest preempt.js is interrupted at recorded ticks, and again there by a replay', async () => {
  const { code, sourceMap } = await bundleGuest(join(GUESTS, PREEMPTED), { cwd: GUESTS });
  const [first, second] = [1, 2].map(() => new LiveGuest(code, {}, sourceMap).run());
  expect(first?.stdout).toBe('interrupted while it computed\nand the loop goes on\n');
  expect(first?.preempts).toBeGreaterThan(5);
  expect(second?.records).toEqual(first?.records);
  expect(first?.replayed()).toBe(first?.memoryHash);
});
