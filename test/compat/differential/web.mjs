import shared from './cases.cjs';

const { cases, failure, thrown } = shared;
cases({
  Headers: () => {
    const h = new Headers([
      ['B', '1'],
      ['a', '2'],
    ]);
    h.append('a', ' 3 ');
    h.append('Set-Cookie', 'x');
    h.append('set-cookie', 'y');
    console.log(
      [...h],
      h.getSetCookie(),
      h.get('A'),
      h.has('b'),
      thrown(() => h.set('a b', 'c')),
      thrown(() => h.get()),
    );
    h.delete('a');
    console.log(h);
  },
  Request: async () => {
    const r = new Request('http://a/b?c', {
      method: 'post',
      body: 'text',
      headers: { 'X-A': '1' },
    });
    console.log(
      r.method,
      r.url,
      r.headers.get('content-type'),
      r.redirect,
      r.signal.aborted,
      r.bodyUsed,
      await r.clone().text(),
      await r.text(),
      r.bodyUsed,
      await failure(() => r.text()),
      thrown(() => new Request('/x')),
      thrown(() => new Request('http://a', { body: 'x' })),
      thrown(() => new Request('http://a', { method: 'TRACE' })),
    );
  },
  Response: async () => {
    const r = new Response('{"a":1}', { status: 201, headers: { A: 'b' } });
    console.log(
      r.status,
      r.ok,
      r.statusText,
      r.type,
      await r.clone().json(),
      await r.arrayBuffer().then((b) => b.byteLength),
      Response.json({ x: 1 }).headers.get('content-type'),
      Response.redirect('http://a/b', 301).headers.get('location'),
      Response.error().type,
      thrown(() => new Response('', { status: 99 })),
      thrown(() => new Response('x', { status: 204 })),
    );
  },
  'bodies of every kind': async () => {
    for (const body of [
      's',
      new Uint8Array([97]),
      new Blob(['b'], { type: 'a/b' }),
      new URLSearchParams('a=b'),
      new ReadableStream({
        start(c) {
          c.enqueue(new TextEncoder().encode('st'));
          c.close();
        },
      }),
      null,
    ]) {
      const r = new Response(body);
      console.log(r.headers.get('content-type'), await r.text());
    }
  },
  FormData: async () => {
    const f = new FormData();
    f.append('a', 'b');
    f.append('a', 'c');
    f.append('f', new Blob(['x']), 'n.txt');
    f.set('a', 'd');
    console.log(
      [...f.keys()],
      f.getAll('a'),
      f.get('f').name,
      f.get('f').size,
      thrown(() => f.append('x', 'y', 'z')),
    );
    const r = new Response(f);
    console.log(r.headers.get('content-type').replace(/boundary=.*/, 'boundary=...'));
    const back = await r.formData();
    console.log([...back.keys()], await back.get('f').text());
  },
  'formData of urlencoded': async () =>
    console.log(
      [
        ...(await new Response('a=1&b=%20', {
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        }).formData()),
      ],
      await failure(() => new Response('x').formData()),
    ),
  structuredClone: () => {
    const a = {
      d: new Date(5),
      r: /x/gi,
      m: new Map([[1, new Set([2])]]),
      e: new RangeError('e'),
      b: new Uint8Array([1]),
      n: [1, , 3],
      u: undefined,
      g: 10n,
    };
    a.self = a;
    const c = structuredClone(a);
    c.e.stack = '';
    console.log(
      c,
      c.self === c,
      c.e instanceof RangeError,
      thrown(() => structuredClone(Math.max)).split('|')[0],
      thrown(() => structuredClone(Symbol('s'))),
    );
    const buffer = new ArrayBuffer(4);
    structuredClone(buffer, { transfer: [buffer] });
    console.log(buffer.byteLength);
  },
  MessageChannel: async () => {
    const { port1, port2 } = new MessageChannel();
    const got = new Promise((resolve) => {
      port2.onmessage = ({ data }) => resolve(data);
    });
    port1.postMessage({ a: [1] });
    console.log(await got);
    port1.close();
    await new Promise((resolve) => port2.once('close', resolve));
    console.log('closed');
  },
  BroadcastChannel: async () => {
    const [a, b] = [new BroadcastChannel('n'), new BroadcastChannel('n')];
    const got = new Promise((resolve) => {
      b.onmessage = ({ data }) => resolve(data);
    });
    a.postMessage('hi');
    console.log(await got, a.name);
    a.close();
    b.close();
    console.log(thrown(() => a.postMessage('x')));
  },
  performance: () => {
    performance.mark('a', { detail: 5 });
    performance.mark('b');
    const m = performance.measure('m', 'a', 'b');
    console.log(
      m.name,
      m.entryType,
      m.duration >= 0,
      performance.getEntriesByName('a')[0].detail,
      performance.getEntriesByType('mark').length,
      typeof performance.timeOrigin,
      thrown(() => performance.measure('x', 'none')),
    );
    performance.clearMarks();
    console.log(performance.getEntriesByType('mark').length);
  },
  DOMException: () => {
    const e = new DOMException('m', 'AbortError');
    console.log(
      e.name,
      e.code,
      e.message,
      e instanceof Error,
      String(e),
      DOMException.NOT_FOUND_ERR,
      new DOMException().name,
    );
  },
  globals: () =>
    console.log(
      [
        'fetch',
        'Response',
        'CompressionStream',
        'crypto',
        'structuredClone',
        'BroadcastChannel',
      ].map((name) => `${name} ${typeof globalThis[name]}`),
      globalThis === global,
      Object.prototype.toString.call(globalThis),
    ),
  'queueMicrotask and order': async () => {
    const log = [];
    queueMicrotask(() => log.push(1));
    Promise.resolve().then(() => log.push(2));
    await null;
    await null;
    console.log(log);
  },
  TextDecoderStream: async () => {
    const s = new ReadableStream({
      start(c) {
        c.enqueue(new Uint8Array([0xe2, 0x82]));
        c.enqueue(new Uint8Array([0xac]));
        c.close();
      },
    });
    let text = '';
    for await (const part of s.pipeThrough(new TextDecoderStream())) text += part;
    console.log(text);
  },
  CompressionStream: async () => {
    for (const kind of ['gzip', 'deflate', 'deflate-raw'])
      console.log(
        kind,
        await new Response(
          new Blob(['hello'])
            .stream()
            .pipeThrough(new CompressionStream(kind))
            .pipeThrough(new DecompressionStream(kind)),
        ).text(),
      );
  },
  'object URLs': () => {
    const u = URL.createObjectURL(new Blob(['x']));
    console.log(u.startsWith('blob:nodedata:'));
    URL.revokeObjectURL(u);
  },
  'fetch of data and nonsense': async () => {
    console.log(
      await (await fetch('data:text/plain;base64,aGk=')).text(),
      (await fetch('data:,x%20y')).headers.get('content-type'),
    );
    console.log(
      (await failure(() => fetch('nope'))).split('|')[0],
      await failure(() => fetch('ftp://a')),
      await failure(() => fetch('http://127.0.0.1:1')),
      (await fetch('http://127.0.0.1:1').catch((e) => e)).cause.code,
    );
  },
});
