/** Streams of the web, by themselves and joined with Node's. */

const { Readable, Writable, Duplex, pipeline, finished, PassThrough } = require('node:stream');
const consumers = require('node:stream/consumers');
const web = require('node:stream/web');
const told = (act) => {
  try {
    const r = act();
    return r;
  } catch (e) {
    return [e.name, e.code, e.message];
  }
};
console.log(Object.keys(web), web.ReadableStream === ReadableStream);
console.log(
  new ReadableStream(),
  new WritableStream(),
  new TransformStream(),
  new TextEncoderStream(),
  new TextDecoderStream(),
  new CompressionStream('gzip'),
  new CountQueuingStrategy({ highWaterMark: 1 }),
  new ReadableStream().getReader(),
);
for (const n of ['ReadableStream', 'CompressionStream'])
  console.log(Object.getOwnPropertyDescriptor(globalThis, n));
for (const f of [
  () => new CompressionStream('x'),
  () => new TextDecoderStream('x'),
  () => CompressionStream.prototype.readable,
  () => ReadableStream.prototype.locked,
  () => Readable.toWeb(1),
  () => Readable.fromWeb(1),
  () => Writable.toWeb(1),
  () => Writable.fromWeb(1),
  () => Duplex.toWeb(1),
  () => Duplex.fromWeb(1),
  () => Duplex.fromWeb({}),
  () => Readable.fromWeb(new ReadableStream({}), { encoding: 'x' }),
  () => Readable.fromWeb(new ReadableStream({}), { objectMode: 1 }),
  () => new ReadableStreamDefaultController(),
  () => {
    const s = new ReadableStream();
    s.getReader();
    s.getReader();
  },
])
  console.log(told(f));
(async () => {
  console.log(
    await consumers.text(
      new ReadableStream({
        start(c) {
          c.enqueue('a');
          c.enqueue('b');
          c.close();
        },
      }),
    ),
  );
  console.log(await consumers.buffer(new Blob(['abc', 'def']).stream()));
  console.log(
    await consumers.blob(Readable.from([Buffer.from('xyz')])),
    await consumers.json(Readable.from(['{"a":1}'])),
  );
  const src = new ReadableStream({
    start(c) {
      for (const w of ['one ', 'two ', '\ud83d', '\ude00', ' three']) c.enqueue(w);
      c.close();
    },
  });
  console.log(
    await consumers.text(
      src
        .pipeThrough(new TextEncoderStream())
        .pipeThrough(new CompressionStream('gzip'))
        .pipeThrough(new DecompressionStream('gzip'))
        .pipeThrough(new TextDecoderStream()),
    ),
  );
  const d = new DecompressionStream('gzip');
  const w = d.writable.getWriter();
  w.write(Buffer.from('xxxx')).catch(() => {});
  w.closed.catch(() => {});
  await d.readable
    .getReader()
    .read()
    .catch((e) => console.log('bad', e.code, e.name, e.message));
  const r = Readable.toWeb(Readable.from([Buffer.from('q'), Buffer.from('r')]));
  for await (const c of r) console.log(c);
  const back = Readable.fromWeb(ReadableStream.from(['x', 'y']), { encoding: 'utf8' });
  back.on('data', (c) => console.log('data', c)).on('close', () => console.log('closed'));
  await new Promise((x) => back.on('end', x));
  const got = [];
  const ww = Writable.fromWeb(
    new WritableStream({
      write(c) {
        got.push(c);
      },
      close() {
        console.log('web closed', got);
      },
    }),
  );
  ww.on('finish', () => console.log('finish'));
  ww.write('abc');
  ww.end('def');
  await new Promise((x) => ww.on('close', x));
  const pt = new PassThrough();
  const { readable, writable } = Duplex.toWeb(pt);
  const pw = writable.getWriter();
  pw.write(Buffer.from('through'));
  pw.close();
  console.log(await consumers.text(readable));
  const t = new TransformStream({
    transform(c, k) {
      k.enqueue(String(c).toUpperCase());
    },
  });
  const dup = Duplex.fromWeb(t, { encoding: 'utf8' });
  dup.end('upper');
  for await (const c of dup) console.log(c);
  await new Promise((ok) =>
    pipeline(
      ReadableStream.from(['p', 'q']),
      new TransformStream(),
      new WritableStream({
        write(c) {
          console.log('piped', c);
        },
      }),
      (e) => {
        console.log('pipeline', e);
        ok();
      },
    ),
  );
  const fin = new ReadableStream({
    start(c) {
      setTimeout(() => c.error(new Error('boom')), 5);
    },
  });
  await new Promise((ok) =>
    finished(fin, (e) => {
      console.log('finished', e.message);
      ok();
    }),
  );
  const [a, b] = ReadableStream.from([1, 2]).tee();
  console.log(await Promise.all([a.getReader().read(), b.getReader().read()]));
  const byob = new Blob(['0123456789']).stream().getReader({ mode: 'byob' });
  console.log(
    await byob.read(new Uint8Array(4)),
    await byob.read(new Uint8Array(20)),
    await byob.read(new Uint8Array(4)),
  );
  const ac = new AbortController();
  const p = new ReadableStream({}).pipeTo(new WritableStream(), { signal: ac.signal });
  ac.abort();
  await p.catch((e) => console.log(e.name));
  const des = new Readable({ read() {} });
  const dw = Readable.toWeb(des).getReader();
  des.destroy(new Error('gone'));
  await dw.read().catch((e) => console.log(e.message));
  const wt = Writable.toWeb(
    new Writable({
      highWaterMark: 1,
      write(_c, _e, cb) {
        setTimeout(cb, 1);
      },
    }),
  ).getWriter();
  await wt.write('aa');
  await wt.write('b');
  await wt.close();
  console.log('done');
})();
