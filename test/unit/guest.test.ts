/** `hv/guest` on both sides: over ordinary timers under Node, and as guests of every form load it. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { hv, preempt } from '../../hypervisor/guest.ts';
import { bundleGuest } from '../../hypervisor/host/bundle.ts';
import { LiveGuest } from '../support/live-guest.ts';

describe('under plain Node', () => {
  test('handlers are called once, or again and again, until they are cancelled', () => {
    vi.useFakeTimers();
    const calls: string[] = [];
    preempt.after(10, () => calls.push('once'));
    preempt.after(10, () => calls.push('never')).cancel();
    const timer = preempt.every(4, () => calls.push('again')).unref();
    vi.advanceTimersByTime(12);
    timer.cancel();
    vi.advanceTimersByTime(100);
    expect(calls).toEqual(['again', 'again', 'once', 'again']);
    vi.useRealTimers();
  });

  test('a commit is there at once at every level, and no other level is taken', async () => {
    for (const level of ['async', 'received', 'replayed', 'verified', 'durable'] as const)
      expect(await hv.commit(level)).toBeUndefined();
    await expect(hv.commit('safe' as never)).rejects.toThrow(TypeError);
  });

  test('what is said goes nowhere, and no other word is taken', () => {
    expect(hv.position()).toBe(0);
    expect(hv.runId).toMatch(/^[0-9a-f]{32}$/);
    expect(hv.runId).toBe(hv.runId);
    expect(hv.checkpoint()).toBeUndefined();
    for (const state of ['ok', 'degraded', 'failing'] as const)
      expect(hv.health(state, 'why')).toBeUndefined();
    expect(() => hv.health('well' as never)).toThrow(TypeError);
    expect(() => hv.health('ok', 1 as never)).toThrow(TypeError);
  });

  test('what is no handler and no time is refused', () => {
    expect(() => preempt.after(1, 'x' as never)).toThrow(TypeError);
    for (const ms of [-1, 2 ** 31, Number.NaN, 'x' as never])
      expect(() => preempt.every(ms, () => undefined)).toThrow(RangeError);
  });
});

describe('inside a guest', () => {
  const dir = mkdtempSync(join(tmpdir(), 'hv-guest-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const loop =
    'let hit = false; preempt.after(2, () => { hit = true; }); while (!hit); console.log("hit");';

  test.each([
    ['a.cjs', `const { preempt } = require('hv/guest'); ${loop}`],
    ['b.mjs', `import { preempt } from 'hv/guest'; ${loop}`],
    ['c.mjs', `import { preempt } from 'hv/guest'; await null; ${loop}`],
    ['d.cjs', `import('hv/guest').then(({ preempt }) => { ${loop} });`],
    ['e.ts', `import { preempt } from 'hv/guest'; const one: number = 1; void one; ${loop}`],
  ])('%s loads it', async (name, text) => {
    writeFileSync(join(dir, name), text);
    const { code, sourceMap } = await bundleGuest(join(dir, name), { cwd: dir });
    expect(new LiveGuest(code, {}, sourceMap).run().stdout).toBe('hit\n');
  });

  test('what it says of itself is known to the machine, and so is where it stands', () => {
    const guest = new LiveGuest(`(function (require) {
      const { hv } = require('hv/guest');
      console.log(hv.runId, hv.position(), Object.keys(hv).join());
      hv.health('degraded', 'no mail');
      hv.checkpoint();
      for (const wrong of [['well'], ['ok', 1]])
        try { hv.health(...wrong); } catch ({ code, message }) { console.log(code, message); }
      setTimeout(() => console.log(hv.position()), 5);
    })`).run();
    expect(guest.stdout.split('\n')).toEqual([
      `${'0f'.repeat(16)} 1 runId,position,commit,checkpoint,health`,
      "ERR_INVALID_ARG_VALUE The argument 'state' must be one of: 'ok', 'degraded', 'failing'. Received 'well'",
      'ERR_INVALID_ARG_TYPE The "reason" argument must be of type string. Received type number (1)',
      String(guest.groups.at(-1)?.firstLsn),
      '',
    ]);
    expect(guest.machine.meter().health).toMatchObject({ state: 'degraded', reason: 'no mail' });
    expect(guest.machine.report.isCheckpointWelcome).toBe(true);
    expect(guest.replayed()).toBe(guest.memoryHash);
  });

  test('a commit keeps the guest alive, comes true by its answer alone, and replays', () => {
    const guest = new LiveGuest(`(async function (require) {
      const { hv } = require('hv/guest');
      await hv.commit('async');
      console.log('async', 0);
      const both = [hv.commit('durable'), hv.commit('received')];
      setTimeout(() => console.log('later'), 5);
      await Promise.all(both);
      console.log('both');
      await hv.commit('sure').catch(({ code, message }) => console.log(code, message));
    })`).run();
    expect(guest.stdout.split('\n')).toEqual([
      'async 0',
      'later',
      'both',
      "ERR_INVALID_ARG_VALUE The argument 'level' must be one of: 'async', 'received', 'replayed', 'verified', 'durable'. Received 'sure'",
      '',
    ]);
    expect(guest.exitCode).toBe(0);
    expect(guest.machine.pendingCommits).toEqual([]);
    expect(guest.replayed()).toBe(guest.memoryHash);
  });
});
