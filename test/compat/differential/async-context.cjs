const {
  AsyncLocalStorage,
  AsyncResource,
  executionAsyncId,
  triggerAsyncId,
} = require('node:async_hooks');
const dc = require('node:diagnostics_channel');
const { cases, failure, thrown } = require('./cases.cjs');

const als = new AsyncLocalStorage();
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
cases({
  'run and its end': () =>
    console.log(
      als.getStore(),
      als.run(1, (a, b) => [als.getStore(), a, b], 'a', 'b'),
      als.getStore(),
    ),
  'through await': () =>
    als.run('x', async () => {
      await null;
      const a = als.getStore();
      await later(1);
      console.log(a, als.getStore());
    }),
  'through timers, ticks, immediates, microtasks': () =>
    als.run('y', async () => {
      const seen = [];
      await Promise.all([
        new Promise((r) => setTimeout(() => r(seen.push(als.getStore())), 1)),
        new Promise((r) => setImmediate(() => r(seen.push(als.getStore())))),
        new Promise((r) => process.nextTick(() => r(seen.push(als.getStore())))),
        new Promise((r) => queueMicrotask(() => r(seen.push(als.getStore())))),
      ]);
      console.log(seen);
    }),
  'two at once do not mix': async () => {
    const seen = [];
    await Promise.all(
      [1, 2, 3].map((n) =>
        als.run(n, async () => {
          await later(4 - n);
          seen.push(als.getStore());
          await null;
          seen.push(als.getStore());
        }),
      ),
    );
    console.log(seen);
  },
  'nested, exit and enterWith': async () => {
    als.run(1, () => {
      als.run(2, () => console.log(als.getStore()));
      als.exit(() => console.log(als.getStore()));
      console.log(als.getStore());
    });
    await (async () => {
      als.enterWith('entered');
      await null;
      console.log(als.getStore());
    })();
    als.disable();
    console.log(als.getStore());
  },
  'two stores': () => {
    const other = new AsyncLocalStorage();
    als.run('a', () =>
      other.run('b', async () => {
        await null;
        console.log(als.getStore(), other.getStore());
      }),
    );
    return later(2);
  },
  'in emitters and callbacks': () =>
    als.run('e', async () => {
      const e = new (require('node:events'))();
      const seen = new Promise((resolve) => e.on('x', () => resolve(als.getStore())));
      als.run('inner', () => e.emit('x'));
      console.log(await seen);
    }),
  'async generators': () =>
    als.run('g', async () => {
      async function* g() {
        yield als.getStore();
        await null;
        yield als.getStore();
      }
      for await (const v of g()) console.log(v);
    }),
  'errors keep the store': () =>
    als.run('err', async () => {
      try {
        await Promise.reject(new Error('x'));
      } catch {
        console.log(als.getStore());
      }
      console.log(
        thrown(() =>
          als.run(1, () => {
            throw new Error('in run');
          }),
        ),
        als.getStore(),
      );
    }),
  'bind and snapshot': () => {
    const bound = als.run('bound', () => AsyncLocalStorage.bind(() => als.getStore()));
    const snap = als.run('snap', () => AsyncLocalStorage.snapshot());
    console.log(
      bound(),
      als.run('z', () => snap((x) => [als.getStore(), x], 5)),
    );
  },
  AsyncResource: () => {
    const r = als.run('res', () => new AsyncResource('MINE'));
    console.log(
      r.runInAsyncScope((x) => [als.getStore(), x], null, 7),
      r.type,
      r.asyncId() > 0,
      als.run('q', () => AsyncResource.bind(() => als.getStore()))(),
      thrown(() => new AsyncResource(5)),
      r.emitDestroy() === r,
    );
  },
  'file and http': () =>
    als.run('io', async () => {
      const fs = require('node:fs');
      await new Promise((r) =>
        fs.stat('/', () => {
          console.log(als.getStore());
          r();
        }),
      );
      await fs.promises.stat('/');
      console.log(als.getStore());
    }),
  ids: () => console.log(typeof executionAsyncId(), typeof triggerAsyncId()),
  channels: () => {
    const c = dc.channel('one');
    const log = [];
    const f = (m, n) => log.push([m, n]);
    console.log(c.hasSubscribers);
    dc.subscribe('one', f);
    c.publish({ a: 1 });
    console.log(
      c.hasSubscribers,
      dc.hasSubscribers('one'),
      dc.unsubscribe('one', f),
      dc.unsubscribe('one', f),
      log,
      c.name,
      thrown(() => c.subscribe(5)),
      thrown(() => dc.channel(5)),
    );
  },
  'channels with stores': () => {
    const c = dc.channel('two');
    c.bindStore(als, (m) => m.v);
    c.runStores({ v: 'stored' }, (x) => console.log(als.getStore(), x), null, 3);
    console.log(als.getStore(), c.unbindStore(als));
  },
  'tracing channels': async () => {
    const t = dc.tracingChannel('t');
    const log = [];
    const handlers = {};
    for (const name of ['start', 'end', 'asyncStart', 'asyncEnd', 'error'])
      handlers[name] = (m) => log.push(name, m.result ?? m.error?.message ?? '');
    t.subscribe(handlers);
    t.traceSync(() => 's');
    await t.tracePromise(async () => 'p');
    await failure(() =>
      t.tracePromise(async () => {
        throw new Error('e');
      }),
    );
    await new Promise((r) =>
      t.traceCallback((done) => setImmediate(done, null, 'c'), 0, {}, null, r),
    );
    console.log(log.join(' '));
  },
});
