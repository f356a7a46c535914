/** What follows code through callbacks, promises, awaits, streams and sockets. */

const { AsyncLocalStorage, AsyncResource } = require('node:async_hooks');
const als = new AsyncLocalStorage();
const log = (...a) => console.log(...a, als.getStore());
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
async function deep(n) {
  if (n === 0) {
    await null;
    return als.getStore();
  }
  await sleep(1);
  return (await deep(n - 1)) + n;
}
async function* gen() {
  try {
    for (let i = 0; i < 3; i++) {
      await sleep(1);
      log('gen', i);
      yield i;
    }
  } finally {
    await null;
    log('finally');
  }
}
als.run('A', async () => {
  log('a start');
  console.log(await deep(2));
  for await (const x of gen()) {
    log('a loop', x);
    if (x === 1) break;
  }
  try {
    await Promise.reject(new Error('x'));
  } catch (_e) {
    log('a caught');
  } finally {
    log('a finally');
  }
  await Promise.all([1, sleep(2), deep(1)]);
  log('a all');
  process.nextTick(() => log('a tick'));
  setImmediate(() => log('a immediate'));
  queueMicrotask(() => log('a micro'));
  als.exit(() => {
    log('a exit');
    setTimeout(() => log('a exited'), 3);
  });
  await als.run('A2', async () => {
    await 1;
    log('nested');
  });
  log('a after nested');
  await {
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what is awaited here.
    then(r) {
      log('thenable');
      r(1);
    },
  };
  log('a after thenable');
  als.enterWith('A3');
  await 0;
  log('a entered');
});
als.run('B', () => {
  Promise.resolve()
    .then(() => {
      log('b then');
      return sleep(1);
    })
    .then(() => log('b then2'))
    .finally(() => log('b finally'));
  const t = setInterval(() => {
    log('b interval');
    clearInterval(t);
  }, 1);
  const ee = new (require('node:events'))();
  ee.on('x', () => log('b event'));
  setTimeout(() => ee.emit('x'), 2);
});
log('main');
const r = als.run('R', () => new AsyncResource('MINE'));
r.runInAsyncScope(() => log('resource'));
const bound = als.run('S', () => AsyncResource.bind((a) => log('bound', a)));
bound(5);
const snap = als.run('T', () => AsyncLocalStorage.snapshot());
snap(() => log('snap'));
setTimeout(() => log('none'), 30);
const order = [];
(async () => {
  order.push(1);
  await 0;
  order.push(3);
  await new Promise((r) => r());
  order.push(5);
  return Promise.resolve();
})().then(() => {
  order.push(8);
});
Promise.resolve()
  .then(() => order.push(4))
  .then(() => order.push(6))
  .then(() => order.push(7))
  .then(() => order.push(9))
  .then(() => order.push('x'));
order.push(2);
setTimeout(() => console.log(order.join()), 40);
const { Readable, pipeline } = require('node:stream');
als.run('P', () =>
  pipeline(
    Readable.from(gen()),
    async (src) => {
      for await (const c of src) log('pipe', c);
    },
    (e) => log('pipe done', e),
  ),
);
const net = require('node:net');
const server = net.createServer((s) => {
  log('conn');
  s.on('data', (d) => {
    log(`data ${d}`);
    s.end('bye');
  });
});
als.run('SRV', () =>
  server.listen(0, () => {
    log('listening');
    als.run('CLI', () => {
      const c = net.connect(server.address().port, () => {
        log('connected');
        c.write('hi');
      });
      c.on('data', (d) => log(`cli ${d}`));
      c.on('close', () => {
        log('cli close');
        server.close(() => console.log('closed'));
      });
    });
  }),
);
