import { describe, expect, test } from 'vitest';
import { runInGuest, runInNode, scripts } from './kernel-runner.ts';

/** Scripts whose order of output Node defines; each ends its first turn late enough for timers. */
const SPIN = '{ const start = Date.now(); while (Date.now() - start < 5); }';

const CASES: Readonly<Record<string, string>> = {
  'ticks, jobs, timers and immediates': `
    const log = console.log;
    setTimeout(() => { log('t0'); process.nextTick(log, 't0 tick');
      Promise.resolve().then(() => { log('t0 job'); process.nextTick(log, 't0 job tick'); });
      setImmediate(log, 't0 immediate'); }, 0);
    setTimeout(log, 0, 't0b'); setTimeout(log, 2, 't2'); setTimeout(log, 1, 't1');
    setImmediate(() => { log('i1'); process.nextTick(log, 'i1 tick');
      setImmediate(log, 'nested'); Promise.resolve().then(() => log('i1 job')); });
    setImmediate(log, 'i2');
    process.nextTick(() => { log('tick1'); process.nextTick(log, 'tick nested'); Promise.resolve().then(() => log('tick job')); });
    process.nextTick((a, b) => log('tick2', a, b), 1, 2);
    Promise.resolve().then(() => { log('job1'); process.nextTick(log, 'job tick'); }).then(() => log('job2'));
    queueMicrotask(() => log('microtask'));
    (async () => { log('async'); await null; log('after await'); await new Promise((r) => setTimeout(r, 500)); log('later'); })();
    log('sync');`,
  'beforeExit comes once per emptiness and may revive the loop': `
    let times = 0;
    process.on('beforeExit', (code) => { console.log('beforeExit', code); if (times++ < 2) setTimeout(() => console.log('revived'), 1); });
    process.on('exit', (code) => { console.log('exit', code); process.nextTick(() => console.log('never')); });`,
  'an immediate queued by an immediate waits a round': `
    let rounds = 0;
    const again = () => { console.log(rounds); process.nextTick(() => console.log('tick')); if (++rounds < 4) setImmediate(again); };
    setImmediate(again); setImmediate(() => console.log('other'));`,
  'a cleared immediate or timer does not run, also from its neighbour': `
    const a = setImmediate(() => clearImmediate(b)); const b = setImmediate(() => console.log('wrong'));
    const t = setTimeout(() => clearTimeout(u), 1); const u = setTimeout(() => console.log('wrong'), 1);
    setTimeout(() => console.log('right', a._destroyed, t._destroyed), 2);`,
  'uncaught errors leave the others their turn': `
    process.on('uncaughtException', (error, origin) => console.log('caught', error.message ?? error, origin));
    queueMicrotask(() => { throw new Error('job'); }); queueMicrotask(() => console.log('next job'));
    setTimeout(() => { throw new Error('timer'); }, 1); setTimeout(console.log, 1, 'next timer');
    setImmediate(() => { throw new Error('immediate'); }); setImmediate(console.log, 'next immediate');`,
  'an error in a tick is caught before the next turn': `
    process.on('uncaughtException', (error) => { console.log(error.message); setImmediate(console.log, 'immediate'); process.nextTick(console.log, 'tick'); });
    process.nextTick(() => { throw new Error('in a tick'); });`,
  'rejections are reported between callbacks and may be handled late': `
    process.on('unhandledRejection', (reason, promise) => console.log('unhandled', reason.message, promise instanceof Promise));
    process.on('rejectionHandled', () => console.log('handled late'));
    const late = Promise.reject(new Error('late')); setTimeout(() => late.catch(() => console.log('caught')), 60);
    Promise.reject(new Error('in time')).catch(() => {});
    setImmediate(() => { Promise.reject(new Error('immediate')); process.nextTick(console.log, 'tick'); }); setImmediate(console.log, 'next');`,
};

describe('the loop runs callbacks in the order of Node:', () => {
  for (const [name, source] of Object.entries(CASES)) {
    test(name, async () => {
      const file = scripts({ 'order.js': `${source}\n${SPIN}` });
      const guest = await runInGuest(file);
      expect(guest).toEqual(runInNode(file));
      expect(guest.stdout).not.toBe('');
    });
  }
});

describe('timers', () => {
  test('fall due by duration and start, and an interval keeps its period', async () => {
    const file = scripts({
      'timers.js': `
        let n = 0; const since = Date.now();
        const interval = setInterval(() => { console.log('interval', ++n, Date.now() - since); if (n === 3) clearInterval(interval); }, 10);
        const moved = setTimeout(() => console.log('moved', Date.now() - since), 15); setTimeout(() => moved.refresh(), 12);
        setTimeout(() => console.log('at 25'), 25); setTimeout(() => console.log('at 5'), 5);
        setTimeout(() => console.log('unreferenced'), 1e6).unref();`,
    });
    const { stdout, code } = await runInGuest(file);
    expect(stdout.trim().split('\n')).toEqual([
      'at 5',
      'interval 1 10',
      'interval 2 20',
      'at 25',
      'moved 27',
      'interval 3 30',
    ]);
    expect(code).toBe(0);
  });

  test('have the methods, numbers, errors and promise forms of Node', async () => {
    const file = scripts({
      'api.js': `
        const t = setTimeout(() => console.log('wrong'), 5); console.log(typeof +t, t[Symbol.toPrimitive]() === +t, t.hasRef(), t.unref().hasRef(), t.ref() === t); clearTimeout(String(+t));
        for (const f of [() => setTimeout('x'), () => setTimeout(), () => setImmediate(1), () => setInterval(null), () => queueMicrotask(2)]) try { f(); } catch (e) { console.log(e.name, e.code, e.message); }
        setTimeout(function (a, b) { console.log(this.constructor.name, a, b); }, 1, 'x', 'y');
        const timers = require('timers/promises');
        (async () => {
          console.log(await timers.setTimeout(1, 'value'), await timers.setImmediate('now'), await require('util').promisify(setTimeout)(1, 'promisified'));
          const seen = []; for await (const v of timers.setInterval(1, 'i')) { seen.push(v); if (seen.length === 3) break; } console.log(seen);
          const abort = new AbortController(); setTimeout(() => abort.abort(), 1);
          await timers.setTimeout(1000, 0, { signal: abort.signal }).catch((e) => console.log(e.name, e.code, e.message));
          await timers.setTimeout(1, 0, { signal: 5 }).catch((e) => console.log(e.code, e.message));
        })();`,
    });
    expect(await runInGuest(file)).toEqual(runInNode(file));
  });
});
