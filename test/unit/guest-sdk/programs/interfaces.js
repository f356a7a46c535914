/** Lines, terminals, names, tables and channels. */

const show = (...a) => console.log(...a);
const tryIt = (f) => {
  try {
    show(f());
  } catch (e) {
    show(e.name, e.code, e.message);
  }
};
const readline = require('node:readline');
const { PassThrough, Writable } = require('node:stream');
const util = require('node:util');
const sink = () => {
  const parts = [];
  const w = new Writable({
    write(c, _e, d) {
      parts.push(String(c));
      d();
    },
  });
  w.parts = parts;
  w.on('error', () => {});
  return w;
};
(async () => {
  {
    const input = new PassThrough();
    const output = sink();
    const rl = readline.createInterface({ input, output });
    for (const e of ['line', 'close', 'pause', 'resume']) rl.on(e, (...a) => show(e, ...a));
    rl.setPrompt('? ');
    rl.prompt();
    rl.question('name: ', (a) => show('answer', a));
    input.write('ann\nfoo\r\nbar\rba');
    input.write('z\n€');
    input.end('tail');
    await new Promise((r) => rl.once('close', r));
    show(output.parts, rl.getPrompt(), rl.closed, rl.terminal, rl.line, rl.cursor);
    tryIt(() => rl.question('x', () => {}));
  }
  {
    const rl = readline.createInterface({
      input: require('node:stream').Readable.from(['a\nb', '\r', '\ncd']),
      crlfDelay: Infinity,
    });
    const lines = [];
    for await (const l of rl) lines.push(l);
    show(lines);
  }
  {
    const input = new PassThrough();
    const rl = readline.createInterface({ input });
    const it = rl[Symbol.asyncIterator]();
    input.write('1\n2\n3\n');
    for await (const l of it) {
      show('it', l);
      break;
    }
    show(Boolean(rl.closed));
    rl.close();
    show(rl.closed);
  }
  {
    const p = require('node:readline/promises');
    show(p === readline.promises, Object.keys(p));
    const input = new PassThrough(),
      output = sink();
    const rl = p.createInterface({ input, output });
    const q = rl.question('who? ');
    input.write('me\n');
    show(await q, output.parts);
    const ac = new AbortController();
    const q2 = rl.question('again? ', { signal: ac.signal });
    ac.abort();
    await q2.catch((e) => show(e.name, e.code));
    rl.close();
    await rl.question('z').catch((e) => show(e.code));
    const r = new p.Readline(output);
    output.parts.length = 0;
    r.clearLine(-1).cursorTo(3, 4).moveCursor(-1, 2).clearScreenDown();
    await r.commit();
    show(output.parts.map((s) => JSON.stringify(s)));
    tryIt(() => new p.Readline());
    tryIt(() => r.clearLine(5));
    tryIt(() => r.cursorTo('x'));
  }
  {
    const o = sink();
    show(
      readline.cursorTo(o, 1),
      readline.cursorTo(o, 1, 2),
      readline.moveCursor(o, -1, 3),
      readline.moveCursor(o, 0, 0),
      readline.clearLine(o, 0),
      readline.clearScreenDown(o),
    );
    show(JSON.stringify(o.parts));
    tryIt(() => readline.cursorTo(o, NaN));
    tryIt(() => readline.cursorTo(o, 'a', 1));
    tryIt(() => readline.clearLine(o, 0, 5));
    readline.cursorTo(null, 1, 1, (e) => show('cb', e));
  }
  {
    const input = new PassThrough();
    readline.emitKeypressEvents(input);
    input.on('keypress', (s, k) => show('key', s, k));
    input.write('aB\x01\r\n\t \x7f\x1b[A\x1bOP\x1b[3~\x1b[1;5C\x1b[Z\x1bx5€');
    await new Promise((r) => setTimeout(r, 5));
  }
  for (const o of [
    { completer: 5 },
    { historySize: -1 },
    { history: 5 },
    { tabSize: 0 },
    { escapeCodeTimeout: 'x' },
    { signal: 5 },
  ])
    tryIt(() => typeof readline.createInterface({ input: new PassThrough(), ...o }));
  {
    const ac = new AbortController();
    const rl = readline.createInterface({ input: new PassThrough(), signal: ac.signal });
    rl.on('close', () => show('aborted close'));
    ac.abort();
    const q = util.promisify(rl.question);
    show(
      typeof q,
      rl instanceof readline.Interface,
      rl instanceof require('node:events'),
      readline.Interface(new PassThrough()) instanceof readline.Interface,
    );
  }
  {
    const rl = readline.createInterface({ input: new PassThrough() });
    const q = util.promisify(rl.question).bind(rl)('q');
    rl.write('ok\n');
    show(await q);
    rl.pause();
    rl.resume();
    rl.close();
  }
  const tty = require('node:tty');
  show(tty.isatty(0), tty.isatty(9), tty.isatty('x'));
  tryIt(() => new tty.ReadStream(-1));
  tryIt(() => new tty.WriteStream(1.5));
  show(
    tty.WriteStream.prototype.getColorDepth({ TERM: 'xterm' }),
    tty.WriteStream.prototype.getColorDepth({ FORCE_COLOR: '3' }),
    tty.WriteStream.prototype.hasColors(256, { TERM: 'xterm-256color' }),
    process.stdout instanceof tty.WriteStream,
  );
  const dns = require('node:dns');
  const lookup = util.promisify(dns.lookup);
  dns.lookup('127.0.0.1', (...a) => show('l', a));
  dns.lookup('::1', { all: true }, (...a) => show('l', a));
  show(
    await lookup('1.2.3.4'),
    await dns.promises.lookup('::1'),
    await dns.promises.lookup('10.0.0.1', { all: true }),
    require('node:dns/promises') === dns.promises,
  );
  tryIt(() => dns.lookup('x'));
  tryIt(() => dns.lookup(5, () => {}));
  tryIt(() => dns.lookup('a', { family: 5 }, () => {}));
  tryIt(() => dns.lookup('a', { hints: 1 }, () => {}));
  tryIt(() => dns.lookup('a', 'x', () => {}));
  tryIt(() => dns.lookup('a', { all: 1 }, () => {}));
  tryIt(() => dns.setServers(['x']));
  tryIt(() => dns.setServers('x'));
  tryIt(() => dns.resolve('x', 'NOPE', () => {}));
  tryIt(() => dns.resolve4('x'));
  tryIt(() => dns.lookupService('1.1.1.1', 80));
  tryIt(() => dns.lookupService('x', 80, () => {}));
  tryIt(() => dns.lookupService('1.1.1.1', 'z', () => {}));
  dns.setServers(['1.1.1.1', '[::1]:53', '8.8.8.8:5353']);
  show(
    dns.getServers(),
    dns.NOTFOUND,
    dns.CONNREFUSED,
    dns.TIMEOUT,
    dns.EOF,
    dns.ADDRCONFIG | dns.ALL | dns.V4MAPPED,
    dns.getDefaultResultOrder(),
  );
  for (const m of [
    'dns',
    'dns/promises',
    'readline',
    'readline/promises',
    'tty',
    'v8',
    'vm',
    'domain',
    'async_hooks',
    'diagnostics_channel',
    'trace_events',
    'child_process',
    'worker_threads',
    'inspector',
    'http2',
    'wasi',
    'cluster',
  ])
    show(
      m,
      Object.keys(require(m))
        .filter((k) => k[0] !== '_' && k !== 'isStringOneByteRepresentation')
        .sort()
        .join(),
    );
  const c = require('node:constants');
  show(
    c.EPERM,
    c.O_CREAT,
    c.SIGTERM,
    c.defaultCoreCipherList.length,
    Object.isFrozen(require('node:os').constants),
  );
  const h = require('node:http2').constants;
  show(
    Object.keys(h).length,
    h.HTTP2_HEADER_STATUS,
    h.HTTP2_HEADER_CONTENT_TYPE,
    h.HTTP2_METHOD_VERSION_CONTROL,
    h.HTTP_STATUS_OK,
    h.NGHTTP2_CANCEL,
  );
  show(
    JSON.stringify(Object.entries(h).sort()),
    JSON.stringify(
      Object.entries(c)
        .filter(([name]) => name !== 'defaultCipherList')
        .sort(),
    ),
  );
  const dc = require('node:diagnostics_channel');
  const ch = dc.channel('c');
  const sub = (m, n) => show('sub', m, n);
  show(ch.hasSubscribers, ch === dc.channel('c'));
  dc.subscribe('c', sub);
  show(dc.hasSubscribers('c'), ch.hasSubscribers);
  ch.publish({ a: 1 });
  show(
    dc.unsubscribe('c', sub),
    dc.unsubscribe('c', sub),
    ch.hasSubscribers,
    dc.hasSubscribers('none'),
  );
  tryIt(() => dc.channel(5));
  tryIt(() => ch.subscribe(null));
  const { AsyncLocalStorage } = require('node:async_hooks');
  const als = new AsyncLocalStorage();
  ch.bindStore(als, (d) => d.v);
  ch.runStores(
    { v: 9 },
    function (a) {
      show(als.getStore(), this, a);
    },
    'self',
    3,
  );
  show(als.getStore(), ch.unbindStore(als));
  const tc = dc.tracingChannel('t');
  const events = [];
  const handlers = Object.fromEntries(
    ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((n) => [
      n,
      (m) => events.push(n + JSON.stringify(m, (_k, v) => (v instanceof Error ? v.message : v))),
    ]),
  );
  tc.subscribe(handlers);
  show(tc.traceSync((a) => a + 1, { id: 1 }, null, 4));
  tryIt(() =>
    tc.traceSync(
      () => {
        throw new Error('bad');
      },
      { id: 2 },
    ),
  );
  show(await tc.tracePromise(async (v) => v, { id: 3 }, null, 'p'));
  await tc
    .tracePromise(
      async () => {
        throw new Error('rej');
      },
      { id: 4 },
    )
    .catch((e) => show(e.message));
  tc.traceCallback(
    (x, cb) => cb(null, x),
    -1,
    { id: 5 },
    null,
    'v',
    (e, r) => show('cb', e, r),
  );
  tryIt(() => tc.traceCallback(() => {}, 0, {}, null, 5));
  show(events, tc.unsubscribe(handlers), tc.hasSubscribers);
  tryIt(() => dc.tracingChannel(5));
  tryIt(() => dc.tracingChannel({ start: 1 }));
  process.on('uncaughtException', (e) => show('uncaught', e.message));
  ch.subscribe(() => {
    throw new Error('in sub');
  });
  ch.publish(1);
})();

{
  console.log(Object.getOwnPropertyDescriptor(Event, 'AT_TARGET'));
  const { MessageChannel, moveMessagePortToContext } = require('node:worker_threads');
  const { AsyncLocalStorage } = require('node:async_hooks');
  const store = new AsyncLocalStorage();
  const { port1, port2 } = store.run('made here', () => new MessageChannel());
  // Told at the end: where a message comes among what the host says is not ours to know.
  const told = [];
  process.on('exit', () => console.log(told));
  let count = 0;
  port1.on('message', (message) => {
    told.push(`message ${message}, ${store.getStore()}`);
    if (count++ === 0) port1.close();
  });
  port1.on('close', () => {
    told.push(`closed ${port1.hasRef()}`);
    try {
      moveMessagePortToContext(port1, {});
    } catch ({ code, message }) {
      told.push(code, message);
    }
  });
  for (const text of ['one', 'two']) port2.postMessage(text);
  const shared = new SharedArrayBuffer(2);
  const { a } = structuredClone({ a: [shared, shared] });
  console.log(structuredClone([shared])[0].byteLength, a[0] === a[1], a[0].constructor.name);
  new Uint8Array(a[0])[1] = 7;
  console.log(new Uint8Array(shared)[1]);
  const self = new MessageChannel();
  process.on('warning', ({ message }) => message.startsWith('The target') && console.log(message));
  self.port2.onmessage = () => console.log('never');
  self.port2.postMessage(null, [self.port1]);
}
