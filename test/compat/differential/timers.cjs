const {
  setTimeout: wait,
  setImmediate: soon,
  setInterval: every,
  scheduler,
} = require('node:timers/promises');
const { cases, failure, thrown } = require('./cases.cjs');

const log = [];
const flush = () => console.log(log.splice(0).join(' '));

cases({
  'ticks, microtasks, immediates': async () => {
    setImmediate(() => log.push('immediate'));
    process.nextTick(() => log.push('tick'));
    Promise.resolve().then(() => log.push('micro'));
    queueMicrotask(() => process.nextTick(() => log.push('tick of micro')));
    log.push('now');
    await soon();
    await soon();
    await soon();
    flush();
  },
  'ticks between timers': async () => {
    setTimeout(() => {
      log.push('a');
      process.nextTick(() => log.push('tick'));
      Promise.resolve().then(() => log.push('micro'));
    }, 1);
    setTimeout(() => log.push('b'), 1);
    await wait(60);
    flush();
  },
  'an immediate of an immediate waits a round': async () => {
    setImmediate(() => {
      log.push('1');
      setImmediate(() => log.push('3'));
      process.nextTick(() => log.push('tick'));
    });
    setImmediate(() => log.push('2'));
    await soon();
    await soon();
    await soon();
    flush();
  },
  'timers in the order of their times': async () => {
    setTimeout(() => log.push('20'), 20);
    setTimeout(() => log.push('5'), 5);
    setTimeout(() => log.push('1'), 1);
    setTimeout(() => log.push('5 again'), 5);
    await wait(40);
    flush();
  },
  'odd delays are one millisecond': async () => {
    for (const delay of [0, -5, undefined, null, Number.NaN, '2', 0.5])
      setTimeout(() => log.push(String(delay)), delay);
    await wait(20);
    console.log(log.splice(0).sort().join(' '));
  },
  arguments: async () => {
    setTimeout((...args) => log.push(args.join()), 1, 1, 2, 3, 4);
    setImmediate((...args) => log.push(args.join()), 'i', 'j');
    await wait(60);
    console.log(log.splice(0).sort());
  },
  'cleared in time': async () => {
    clearTimeout(setTimeout(() => log.push('no'), 1));
    clearImmediate(setImmediate(() => log.push('no')));
    const t = setTimeout(() => log.push('no'), 1);
    clearTimeout(String(Number(t)) in {} ? null : t[Symbol.toPrimitive]());
    clearTimeout(undefined);
    clearTimeout({});
    clearInterval('x');
    await wait(60);
    flush();
  },
  'an interval and its end': async () => {
    await new Promise((resolve) => {
      let n = 0;
      const i = setInterval(() => {
        log.push(++n);
        if (n === 3) {
          clearInterval(i);
          resolve();
        }
      }, 1);
    });
    flush();
  },
  'ref, unref, refresh': async () => {
    const t = setTimeout(() => log.push('fired'), 2);
    console.log(
      t.hasRef(),
      t.unref().hasRef(),
      t.ref().hasRef(),
      t.refresh() === t,
      typeof +t,
      t.constructor.name,
    );
    const i = setImmediate(() => {});
    console.log(i.hasRef(), i.unref().hasRef(), i.constructor.name);
    await wait(10);
    t.refresh();
    await wait(10);
    flush();
  },
  'wrong callbacks': () =>
    console.log(
      thrown(() => setTimeout('code', 1)),
      thrown(() => setImmediate()),
      thrown(() => setInterval(null)),
      thrown(() => queueMicrotask(5)),
      thrown(() => process.nextTick('x')),
    ),
  promises: async () => {
    console.log(
      await wait(1, 'value'),
      await soon('soon'),
      await scheduler.wait(1),
      await scheduler.yield(),
    );
    console.log(
      await failure(() => wait(1, 0, { signal: 5 })),
      await failure(() => wait(1, 0, { ref: 5 })),
    );
  },
  'promises that are aborted': async () => {
    const c = new AbortController();
    setImmediate(() => c.abort(new Error('why')));
    const error = await wait(1000, 0, { signal: c.signal }).catch((e) => e);
    console.log(error.name, error.code, error.message, error.cause.message);
  },
  'an interval of promises': async () => {
    let n = 0;
    for await (const value of every(1, 'v')) {
      log.push(value);
      if (++n === 3) break;
    }
    flush();
  },
  promisify: async () =>
    console.log(
      await require('node:util').promisify(setTimeout)(1, 'p'),
      await require('node:util').promisify(setImmediate)('q'),
    ),
  disposal: async () => {
    setTimeout(() => log.push('no'), 1)[Symbol.dispose]();
    await wait(5);
    flush();
  },
  'nested timers': async () => {
    let depth = 0;
    await new Promise((resolve) => {
      const next = () => (++depth === 10 ? resolve() : setTimeout(next, 0));
      next();
    });
    console.log(depth);
  },
  'a tick that starves nobody': async () => {
    let n = 0;
    const again = () => {
      if (++n < 1000) process.nextTick(again);
    };
    again();
    await null;
    await soon();
    console.log(n);
  },
  'hrtime grows': () => {
    const a = process.hrtime.bigint();
    const b = process.hrtime([0, 0]);
    console.log(
      typeof a,
      b.length,
      process.hrtime.bigint() >= a,
      performance.now() >= 0,
      thrown(() => process.hrtime(5)),
      thrown(() => process.hrtime([1])),
    );
  },
});
