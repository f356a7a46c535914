import shared from './cases.cjs';

const { cases, failure, thrown } = shared;
const from = (values) =>
  new ReadableStream({
    start(c) {
      for (const v of values) c.enqueue(v);
      c.close();
    },
  });
const all = async (s) => {
  const out = [];
  for await (const v of s) out.push(v);
  return out;
};

cases({
  'a reader': async () => {
    const r = from([1, 2]).getReader();
    console.log(await r.read(), await r.read(), await r.read(), await r.closed);
  },
  locks: async () => {
    const s = from([1]);
    const r = s.getReader();
    console.log(
      s.locked,
      thrown(() => s.getReader()),
      await failure(() => s.cancel()),
    );
    r.releaseLock();
    console.log(s.locked, await failure(() => r.read()));
  },
  'pull and back pressure': async () => {
    const log = [];
    const s = new ReadableStream(
      {
        pull(c) {
          log.push(`pull ${c.desiredSize}`);
          c.enqueue(log.length);
          if (log.length === 3) c.close();
        },
      },
      { highWaterMark: 2 },
    );
    await null;
    await null;
    console.log(log.length);
    console.log(await all(s), log);
  },
  cancel: async () => {
    const log = [];
    const s = new ReadableStream({
      cancel(why) {
        log.push(why);
      },
    });
    await s.cancel('why');
    console.log(log, await s.getReader().closed);
  },
  errors: async () => {
    const s = new ReadableStream({
      start(c) {
        c.error(new Error('bad'));
      },
    });
    console.log(
      await failure(() => s.getReader().read()),
      thrown(() => new ReadableStream({ type: 'x' })),
      await failure(() =>
        all(
          new ReadableStream({
            pull() {
              throw new Error('pulled');
            },
          }),
        ),
      ),
    );
  },
  tee: async () => {
    const [a, b] = from([1, 2]).tee();
    console.log(await all(a), await all(b));
  },
  pipeTo: async () => {
    const log = [];
    await from([1, 2]).pipeTo(
      new WritableStream({
        write(v) {
          log.push(v);
        },
        close() {
          log.push('close');
        },
      }),
    );
    console.log(
      log,
      await failure(() =>
        from([1]).pipeTo(
          new WritableStream({
            write() {
              throw new Error('full');
            },
          }),
        ),
      ),
    );
  },
  'pipeTo that is aborted': async () => {
    const c = new AbortController();
    const p = failure(() =>
      new ReadableStream().pipeTo(new WritableStream(), { signal: c.signal }),
    );
    c.abort();
    console.log(await p);
  },
  TransformStream: async () =>
    console.log(
      await all(
        from(['a', 'b']).pipeThrough(
          new TransformStream({
            transform(v, c) {
              c.enqueue(v + v);
            },
            flush(c) {
              c.enqueue('end');
            },
          }),
        ),
      ),
      await failure(() =>
        all(
          from([1]).pipeThrough(
            new TransformStream({
              transform() {
                throw new RangeError('t');
              },
            }),
          ),
        ),
      ),
    ),
  'a writer': async () => {
    const log = [];
    const w = new WritableStream(
      {
        write: (v) => {
          log.push(v);
        },
      },
      { highWaterMark: 2 },
    ).getWriter();
    console.log(w.desiredSize, await w.ready);
    w.write(1);
    w.write(2);
    console.log(w.desiredSize);
    await w.close();
    console.log(log, await w.closed);
  },
  'abort of a writer': async () => {
    const log = [];
    const s = new WritableStream({
      abort(why) {
        log.push(why);
      },
    });
    await s.abort('x');
    console.log(log, await failure(() => s.getWriter().closed));
  },
  'byte streams': async () => {
    const s = new ReadableStream({
      type: 'bytes',
      start(c) {
        c.enqueue(new Uint8Array([1, 2, 3]));
        c.close();
      },
    });
    const r = s.getReader({ mode: 'byob' });
    const { value, done } = await r.read(new Uint8Array(2));
    console.log(
      value,
      done,
      (await r.read(new Uint8Array(2))).value,
      (await r.read(new Uint8Array(2))).done,
    );
  },
  'byob requests': async () => {
    const s = new ReadableStream({
      type: 'bytes',
      pull(c) {
        const { byobRequest: q } = c;
        q.view[0] = 7;
        q.respond(1);
      },
    });
    const r = s.getReader({ mode: 'byob' });
    console.log((await r.read(new Uint8Array(4))).value);
    await r.cancel();
  },
  strategies: () =>
    console.log(
      new CountQueuingStrategy({ highWaterMark: 3 }).size('x'),
      new ByteLengthQueuingStrategy({ highWaterMark: 3 }).size(new Uint8Array(5)),
      thrown(() => new CountQueuingStrategy()),
      thrown(() => new ReadableStream({}, { highWaterMark: -1 })),
    ),
  'ReadableStream.from': async () =>
    console.log(
      await all(ReadableStream.from(['a', 'b'])),
      await all(
        ReadableStream.from(
          (async function* () {
            yield 1;
          })(),
        ),
      ),
    ),
  'iteration that breaks off': async () => {
    const log = [];
    const s = new ReadableStream({
      pull(c) {
        c.enqueue(1);
      },
      cancel() {
        log.push('cancel');
      },
    });
    for await (const _ of s) break;
    console.log(log, s.locked);
    const kept = from([1, 2]);
    for await (const _ of kept.values({ preventCancel: true })) break;
    console.log(await all(kept));
  },
  'inspection and names': () =>
    console.log(
      Object.prototype.toString.call(new ReadableStream()),
      new WritableStream().constructor.name,
      typeof ReadableStreamDefaultReader,
      thrown(() => new ReadableStreamDefaultReader({})),
    ),
});
