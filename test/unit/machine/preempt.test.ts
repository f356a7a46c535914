import { describe, expect, test } from 'vitest';
import { MID_TURN_TICKS_MAX } from '../../../hypervisor/base/limits.ts';
import { LiveGuest } from '../../support/live-guest.ts';

const main = (body: string): string =>
  `(function hvMain(require) { const { preempt } = require('hv/guest'); ${body} })`;

/** Runs `body` twice and replays the first: all three must be one history. */
function thrice(body: string): LiveGuest {
  const [first, second] = [new LiveGuest(main(body)).run(), new LiveGuest(main(body)).run()];
  expect(second.records).toEqual(first.records);
  expect(second.memoryHash).toBe(first.memoryHash);
  expect(first.replayed()).toBe(first.memoryHash);
  return first;
}

describe('a preemptive timer', () => {
  test('ends a loop that only a handler can end, the same way in a replay', () => {
    const guest = thrice(`let flag = false, n = 0;
      preempt.after(3, () => { flag = true; });
      while (!flag) n++;
      console.log('ended', n > 1000, Date.now() % 1000);`);
    expect(guest.stdout).toMatch(/^ended true 3\n$/);
    expect(guest.preempts).toBe(1);
  });

  test('runs a thousand times in one turn, each at a recorded tick', () => {
    const guest = thrice(`let count = 0;
      const timer = preempt.every(1, () => { count += 1; });
      while (count < 1000);
      timer.cancel();
      console.log(count);`);
    expect(guest.stdout).toBe('1000\n');
    expect(guest.preempts).toBeGreaterThanOrEqual(1000);
    const ticks = guest.records.flatMap((record) =>
      record.type === 'preempt' ? [record.ticks] : [],
    );
    expect(new Set(ticks).size).toBe(ticks.length);
  });

  test('fires as an ordinary timer in an idle guest, without a record of its own', () => {
    const guest = thrice(`let left = 3;
      preempt.after(1, () => console.log('once'));
      const timer = preempt.every(10, () => { console.log('again', left); if (--left === 0) timer.cancel(); });`);
    expect(guest.stdout).toBe('once\nagain 3\nagain 2\nagain 1\n');
    expect(guest.preempts).toBe(0);
    expect(guest.exitCode).toBe(0);
  });

  test.each([
    ['a generator', 'function* g() { while (!stop()) yield 1; } for (const x of g());'],
    ['a comparator', 'while (!stop()) [3, 1, 2, 5, 4].sort((a, b) => a - b);'],
    ['try and finally', 'while (!stop()) { try { try { work(); } finally { work(); } } catch {} }'],
    ['a getter', 'const o = { get x() { work(); return 1; } }; while (!stop()) o.x;'],
    ['a proxy', 'const p = new Proxy({}, { get: () => work() }); while (!stop()) p.x;'],
    ['a reviver', 'while (!stop()) JSON.parse("[1,[2,[3]]]", (k, v) => { work(); return v; });'],
    [
      'a class',
      'class A { #x = work(); static make() { return new A(); } } while (!stop()) A.make();',
    ],
    ['eval', 'while (!stop()) eval("for (let i = 0; i < 100; i++);");'],
    ['a replacer', 'while (!stop()) "aaaa".replace(/a/g, () => work());'],
  ])('runs in %s', (_, loop) => {
    const guest = thrice(`let hits = 0, calls = 0;
      const stop = () => hits >= 40;
      const work = () => { for (let i = 0; i < 50; i++) calls += i; };
      const timer = preempt.every(1, () => { hits += 1; calls ^= hits; });
      ${loop}
      timer.cancel();
      console.log(hits, Number.isInteger(calls));`);
    expect(guest.stdout).toBe('40 true\n');
    expect(guest.preempts).toBeGreaterThanOrEqual(40);
  });

  test('runs between the steps of async functions, and what it queues waits for the turn', () => {
    const guest = thrice(`const seen = [];
      let stop = false;
      preempt.after(2, () => {
        process.nextTick(() => seen.push('tick'));
        Promise.resolve().then(() => seen.push('job'));
        setTimeout(() => console.log(seen.join()), 0);
        seen.push('handler');
        stop = true;
      });
      (async () => { while (!stop) { await null; for (let i = 0; i < 100; i++); } seen.push('loop'); })();`);
    expect(guest.stdout).toBe('handler,loop,job,tick\n');
  });

  test('never runs inside another handler, nor in the firmware', () => {
    const guest = thrice(`let depth = 0, deepest = 0, runs = 0;
      const spin = () => { const end = Date.now() + 2; while (Date.now() < end); };
      const timer = preempt.every(1, () => { depth++; deepest = Math.max(deepest, depth); runs++; spin(); depth--; });
      const { inspect } = require('util');
      while (runs < 1) inspect({ a: [1, { b: new Map([[1, 2]]) }], c: 'text' });
      timer.cancel();
      console.log(deepest, runs);`);
    expect(guest.stdout).toBe('1 1\n');
    // Most tries came while the firmware was at work, and were put off.
    expect(guest.preempts).toBeGreaterThan(5);
  });

  test('never runs inside a package that the firmware compiles when it is needed', () => {
    const guest = thrice(`let runs = 0;
      const where = new Set();
      const { deflateSync } = require('zlib');
      const timer = preempt.every(1, () => { runs++; where.add(new Error().stack.split('\\n')[2]); });
      for (let i = 0; i < 4; i++) {
        deflateSync('some text. '.repeat(2000));
        for (const until = runs; runs === until; );
      }
      timer.cancel();
      console.log(where.size, runs);`);
    // At the loop, and nowhere else.
    expect(guest.stdout).toBe('1 4\n');
  });
});

test('a wall clock that is set back takes no record back in time', () => {
  const body = main(`let count = 0;
    const timer = preempt.every(1, () => { count += 1; });
    while (count < 300);
    timer.cancel();`);
  const guest = new LiveGuest(body, { wallStepsBackAt: 2_000_000 }).run();
  const times = guest.records.flatMap((one) => ('time' in one ? [one.time] : []));
  expect(times.length).toBeGreaterThan(300);
  expect(times).toEqual([...times].sort((one, two) => one - two));
  expect(guest.replayed()).toBe(guest.memoryHash);
});

describe('a takeover in the middle of a turn', () => {
  const WAITS = main(`let count = 0;
    const timer = preempt.every(1, () => { count += 1; console.log(count); });
    while (count < 600);
    timer.cancel();
    console.log('ended');`);

  test('preempts again from the tick that the dead primary cannot have passed unseen', () => {
    const dead = new LiveGuest(WAITS).run();
    const kept = 21;
    const last = dead.records[kept - 1];
    if (last?.type !== 'preempt') throw new Error('the cut is behind a preemption');
    const winner = LiveGuest.takeOver(dead, kept);
    const first = winner.records[kept];
    expect(first).toMatchObject({ type: 'preempt', ticks: last.ticks + MID_TURN_TICKS_MAX });
    // The same words as ever, whoever says them.
    expect(winner.stdout).toBe(dead.stdout);
    expect(winner.replayed()).toBe(winner.memoryHash);
  });

  test('takes no record before one it has, nor in a turn that came to its end', () => {
    const dead = new LiveGuest(WAITS).run();
    const kept = dead.records.findIndex(({ type }) => type === 'end');
    const winner = LiveGuest.takeOver(dead, kept);
    expect(winner.records).toEqual(dead.records.slice(0, kept + 1));
    expect(dead.records.length).toBeGreaterThan(500);
  });

  test('cannot come too late: a live turn has a record at least so often', () => {
    const guest = new LiveGuest('(function hvMain() { for (let i = 0; i < 5e6; i++); })', {}).run();
    const cuts = guest.records.flatMap((one) => ('ticks' in one ? [one.ticks] : []));
    expect(cuts.length).toBeGreaterThan(1);
    cuts.reduce((before, at) => {
      expect(at - before).toBeLessThanOrEqual(MID_TURN_TICKS_MAX);
      return at;
    });
  });
});

describe('a handler', () => {
  test('that throws is an uncaught exception, in the middle of the turn', () => {
    const guest = thrice(`preempt.after(2, () => { throw new Error('from the handler'); });
      try { for (;;); } finally { console.log('never'); }`);
    expect(guest.exitCode).toBe(1);
    expect(guest.stdout).toBe('');
    expect(guest.stderr).toContain('Error: from the handler');
  });

  test('that throws may be caught by the process, and the code goes on', () => {
    const guest = thrice(`let caught = 0;
      process.on('uncaughtException', (error) => { caught += 1; });
      preempt.after(2, () => { throw new Error('once'); });
      while (caught === 0);
      console.log('went on', caught);`);
    expect(guest.stdout).toBe('went on 1\n');
    expect(guest.exitCode).toBe(0);
  });

  test('may end the process at its tick', () => {
    const guest = thrice(`process.on('exit', (code) => console.log('exit', code));
      preempt.after(2, () => process.exit(7));
      for (;;) { try { for (;;); } catch {} }`);
    expect(guest.stdout).toBe('exit 7\n');
    expect(guest.exitCode).toBe(7);
  });

  test('is stopped by the limits of the guest as everything else', () => {
    const body = main('preempt.after(1, () => { for (;;); }); for (;;);');
    const guest = new LiveGuest(body, { turnTicksMax: 300_000 }).run();
    expect(guest.exitCode).toBe(124);
    expect(guest.replayed()).toBe(guest.memoryHash);
  });
});

describe('the module', () => {
  test('refuses what is no handler and no time', () => {
    const guest = new LiveGuest(
      main(`for (const bad of [[1], [1, 'x'], ['1', () => {}], [-1, () => {}], [2 ** 31, () => {}], [NaN, () => {}]])
        try { preempt.after(...bad); console.log('taken'); } catch (error) { console.log(error.code); }
      const { builtinModules, isBuiltin } = require('module');
      console.log(builtinModules.includes('hv/guest'), isBuiltin('hv/guest'));`),
    ).run();
    expect(guest.stdout).toBe(
      'ERR_INVALID_ARG_TYPE\nERR_INVALID_ARG_TYPE\nERR_INVALID_ARG_TYPE\nERR_OUT_OF_RANGE\nERR_OUT_OF_RANGE\nERR_OUT_OF_RANGE\nfalse false\n',
    );
  });
});
