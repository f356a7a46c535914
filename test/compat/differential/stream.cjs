const {
  Duplex,
  PassThrough,
  Readable,
  Transform,
  Writable,
  finished,
  pipeline,
  addAbortSignal,
  compose,
} = require('node:stream');
const { pipeline: flow, finished: done } = require('node:stream/promises');
const consumers = require('node:stream/consumers');
const { cases, failure, thrown } = require('./cases.cjs');

const collect = async (stream) => {
  const all = [];
  for await (const one of stream) all.push(String(one));
  return all;
};
const sink = (log = []) =>
  Object.assign(
    new Writable({
      write(chunk, _e, next) {
        log.push(String(chunk));
        setImmediate(next);
      },
    }),
    { log },
  );

cases({
  'Readable.from': async () =>
    console.log(
      await collect(Readable.from(['a', 'b'])),
      await collect(Readable.from('text')),
      await collect(Readable.from(Buffer.from('x'))),
      await collect(
        Readable.from(
          (async function* () {
            yield 1;
            yield 2;
          })(),
        ),
      ),
    ),
  'push, read and end': async () => {
    const r = new Readable({ read() {} });
    r.push('ab');
    r.push('cd');
    r.push(null);
    await new Promise((resolve) => r.once('readable', resolve));
    console.log(String(r.read(3)), String(r.read(3)), String(r.read()), r.readableEnded);
    r.read();
    await new Promise((resolve) => r.once('end', resolve));
    console.log(r.readableEnded, r.destroyed);
  },
  'flowing and paused': async () => {
    const r = Readable.from(['1', '2', '3']);
    const log = [];
    console.log(r.readableFlowing);
    r.on('data', (chunk) => {
      log.push(chunk);
      if (chunk === '2') {
        r.pause();
        setTimeout(() => r.resume(), 2);
      }
    });
    console.log(r.readableFlowing, r.isPaused());
    await done(r);
    console.log(log, r.readableFlowing);
  },
  'events of a readable in order': async () => {
    const r = new Readable({
      read() {
        this.push(this.n++ < 2 ? 'x' : null);
      },
    });
    r.n = 0;
    const log = [];
    for (const name of ['readable', 'data', 'end', 'close', 'pause', 'resume'])
      if (name !== 'readable') r.on(name, () => log.push(name));
    await new Promise((resolve) => r.once('close', resolve));
    console.log(log.join(' '));
  },
  'setEncoding over a split character': async () => {
    const r = Readable.from([Buffer.from([0xe2, 0x82]), Buffer.from([0xac, 0x61])], {
      objectMode: false,
    });
    r.setEncoding('utf8');
    console.log(await collect(r), r.readableEncoding);
  },
  unshift: async () => {
    const r = new Readable({ read() {} });
    r.push('world');
    r.unshift('hello ');
    r.push(null);
    console.log(
      (await collect(r)).join(''),
      thrown(() => r.push('late')),
    );
  },
  'object mode and marks': () => {
    const r = new Readable({ objectMode: true, highWaterMark: 2, read() {} });
    console.log(
      r.push(1),
      r.push(2),
      r.push({}),
      r.readableLength,
      r.readableHighWaterMark,
      r.readableObjectMode,
    );
    console.log(
      new Readable().readableHighWaterMark,
      new Writable({ highWaterMark: 5 }).writableHighWaterMark,
      thrown(() => new Readable({ highWaterMark: -1 })),
    );
  },
  'a writable and its back pressure': async () => {
    const w = new Writable({
      highWaterMark: 3,
      write(_c, _e, next) {
        setImmediate(next);
      },
    });
    console.log(w.write('ab'), w.write('cd'), w.writableLength, w.writableNeedDrain);
    await new Promise((resolve) => w.once('drain', resolve));
    console.log(w.writableLength, w.writableNeedDrain);
  },
  'events of a writable in order': async () => {
    const w = sink();
    const log = [];
    for (const name of ['drain', 'finish', 'close', 'prefinish']) w.on(name, () => log.push(name));
    w.write('a', () => log.push('written'));
    w.end('b', () => log.push('ended'));
    await new Promise((resolve) => w.once('close', resolve));
    console.log(log.join(' '), w.log, w.writableFinished, w.writableEnded);
  },
  'cork and writev': async () => {
    const log = [];
    const w = new Writable({
      writev(chunks, next) {
        log.push(chunks.map(({ chunk, encoding }) => `${chunk} ${encoding}`));
        next();
      },
    });
    w.cork();
    w.write('a');
    w.write('b', 'latin1');
    w.write(Buffer.from('c'));
    console.log(w.writableCorked);
    w.uncork();
    w.end();
    await done(w);
    console.log(log);
  },
  'decodeStrings and default encodings': async () => {
    const log = [];
    const w = new Writable({
      decodeStrings: false,
      write(chunk, encoding, next) {
        log.push([chunk, encoding]);
        next();
      },
    });
    w.setDefaultEncoding('hex');
    w.write('61');
    w.write('x', 'utf8');
    console.log(
      log,
      thrown(() => w.setDefaultEncoding('nope')),
    );
  },
  'write after end, and of nothing': async () => {
    const w = sink();
    w.end();
    const error = new Promise((resolve) => w.on('error', resolve));
    w.write('x');
    console.log(
      (await error).code,
      thrown(() => sink().write(null)),
      thrown(() => sink().write(5)),
      thrown(() => new Writable({ objectMode: true, write() {} }).write(null)),
    );
  },
  'destroy of a readable': async () => {
    const r = new Readable({
      read() {},
      destroy(error, next) {
        console.log('destroy', error?.message);
        next(error);
      },
    });
    r.on('error', (error) => console.log('error', error.message)).on('close', () =>
      console.log('close'),
    );
    r.destroy(new Error('x'));
    r.destroy(new Error('y'));
    await new Promise((resolve) => setImmediate(resolve));
    console.log(r.destroyed, r.errored?.message, r.readableAborted);
  },
  'destroy of a writable with writes': async () => {
    const w = new Writable({ write() {} });
    w.on('error', () => {});
    w.write('a', (error) => console.log('first', error?.code, error?.message));
    w.write('b', (error) => console.log('second', error?.code, error?.message));
    w.destroy();
    await new Promise((resolve) => w.once('close', resolve));
  },
  'construct and final': async () => {
    const log = [];
    const w = new Writable({
      construct(next) {
        log.push('construct');
        setImmediate(next);
      },
      write(_c, _e, next) {
        log.push('write');
        next();
      },
      final(next) {
        log.push('final');
        next();
      },
      destroy(e, next) {
        log.push('destroy');
        next(e);
      },
    });
    w.end('x');
    await done(w);
    await new Promise((resolve) => setImmediate(resolve));
    console.log(log.join(' '));
  },
  'Transform and flush': async () => {
    const t = new Transform({
      transform(chunk, _e, next) {
        next(null, String(chunk).toUpperCase());
      },
      flush(next) {
        this.push('!');
        next();
      },
    });
    t.write('a');
    t.end('b');
    console.log(await collect(t));
  },
  'a Transform that fails': async () => {
    const t = new Transform({
      transform(_c, _e, next) {
        next(new Error('bad'));
      },
    });
    t.write('a');
    console.log(await failure(() => collect(t)), t.destroyed);
  },
  'pipe and unpipe': async () => {
    const [from, to] = [new PassThrough(), sink()];
    to.on('pipe', () => console.log('pipe')).on('unpipe', () => console.log('unpipe'));
    from.pipe(to);
    from.write('a');
    await new Promise((resolve) => setTimeout(resolve, 2));
    from.unpipe(to);
    from.write('b');
    await new Promise((resolve) => setTimeout(resolve, 2));
    console.log(to.log, from.readableLength);
  },
  'pipe with end: false': async () => {
    const to = sink();
    const from = Readable.from(['a']);
    from.pipe(to, { end: false });
    await done(from);
    await new Promise((resolve) => setImmediate(resolve));
    console.log(to.writableEnded);
  },
  'pipeline of generators': async () => {
    const to = sink();
    await flow(
      ['a', 'b'],
      async function* (source) {
        for await (const one of source) yield `${one}${one}`;
      },
      to,
    );
    console.log(to.log);
  },
  'pipeline gives a value': () =>
    new Promise((resolve) =>
      pipeline(
        Readable.from(['a', 'b']),
        async (source) => (await collect(source)).join('+'),
        (error, value) => {
          console.log(error, value);
          resolve();
        },
      ),
    ),
  'pipeline that fails destroys all': async () => {
    const [a, b] = [new PassThrough(), new PassThrough()];
    const error = failure(() =>
      flow(
        a,
        new Transform({
          transform(_c, _e, next) {
            next(new Error('mid'));
          },
        }),
        b,
      ),
    );
    a.write('x');
    console.log(await error, a.destroyed, b.destroyed);
  },
  'pipeline with a signal': async () => {
    const c = new AbortController();
    const error = failure(() => flow(new Readable({ read() {} }), sink(), { signal: c.signal }));
    c.abort();
    console.log(
      await error,
      thrown(() => pipeline(new PassThrough())),
      thrown(() => pipeline(new PassThrough(), () => {})),
    );
  },
  'finished sees early ends': async () => {
    const r = new Readable({ read() {} });
    const early = new Promise((resolve) => finished(r, (error) => resolve(error.code)));
    r.destroy();
    console.log(await early, await failure(() => done(5)));
  },
  'an iterator that breaks off destroys': async () => {
    const r = Readable.from([1, 2, 3]);
    for await (const _ of r) break;
    console.log(r.destroyed);
    const kept = Readable.from([1, 2, 3]);
    for await (const _ of kept.iterator({ destroyOnReturn: false })) break;
    console.log(kept.destroyed, await collect(kept));
  },
  'helpers: map, filter, take, drop': async () => {
    const numbers = () => Readable.from([1, 2, 3, 4]);
    console.log(
      await numbers()
        .map(async (x) => x * 2)
        .filter((x) => x > 2)
        .toArray(),
      await numbers().take(2).toArray(),
      await numbers().drop(3).toArray(),
    );
    console.log(
      await numbers().reduce((a, b) => a + b),
      await numbers().some((x) => x > 3),
      await numbers().every((x) => x > 3),
      await numbers().find((x) => x > 2),
      await numbers()
        .flatMap((x) => [x, x])
        .toArray(),
    );
    await numbers().forEach((x) => console.log(x));
  },
  'helpers that are wrong': async () =>
    console.log(
      thrown(() => Readable.from([]).map(5)),
      await failure(() => Readable.from([]).reduce((a) => a)),
      thrown(() => Readable.from([]).take(-1)),
    ),
  addAbortSignal: async () => {
    const c = new AbortController();
    const r = addAbortSignal(c.signal, new Readable({ read() {} }));
    const error = failure(() => collect(r));
    c.abort();
    console.log(await error);
  },
  'Duplex halves': async () => {
    const d = new Duplex({
      read() {
        this.push('r');
        this.push(null);
      },
      write(_c, _e, next) {
        next();
      },
      allowHalfOpen: false,
    });
    const log = [];
    d.on('end', () => log.push('end'))
      .on('finish', () => log.push('finish'))
      .on('close', () => log.push('close'))
      .resume();
    await new Promise((resolve) => d.once('close', resolve));
    console.log(log.join(' '));
  },
  'Duplex.from and compose': async () => {
    console.log(
      await collect(Duplex.from(['a', 'b'])),
      await collect(Duplex.from(Promise.resolve('p'))),
    );
    const both = compose(async function* (source) {
      for await (const one of source) yield String(one).toUpperCase();
    });
    both.end('x');
    console.log(await collect(both));
  },
  consumers: async () =>
    console.log(
      await consumers.text(Readable.from(['a', 'b'])),
      await consumers.json(Readable.from(['{"a":', '1}'])),
      await consumers.buffer(Readable.from([Buffer.from('x')])),
      (await consumers.blob(Readable.from([Buffer.from('xy')]))).size,
    ),
  'web streams and back': async () => {
    const web = Readable.toWeb(Readable.from([Buffer.from('a')]));
    console.log(web.constructor.name, await collect(Readable.fromWeb(web)));
    const log = [];
    const writer = Writable.toWeb(sink(log)).getWriter();
    await writer.write('w');
    await writer.close();
    console.log(log);
  },
  'static tests': () =>
    console.log(
      Readable.isDisturbed(new PassThrough()),
      require('node:stream').isErrored(new PassThrough()),
      require('node:stream').isReadable(new PassThrough()),
      new PassThrough() instanceof Writable,
      require('node:stream') === require('node:stream').Stream,
    ),
  'what is not implemented': async () => {
    const errors = [];
    new Readable().on('error', (e) => errors.push(e.message)).read();
    new Writable().on('error', (e) => errors.push(e.message)).write('x');
    await new Promise((resolve) => setImmediate(resolve));
    console.log(errors);
  },
});
