/** Requests of a client: how they are named, answered and given up. */

const http = require('node:http'),
  net = require('node:net');
const log = console.log;
const read = (q) =>
  new Promise((r) => {
    let b = '';
    q.setEncoding('utf8');
    q.on('data', (d) => (b += d));
    q.on('end', () => r(b));
    q.on('error', (e) => r(`!${e.code} ${e.message}`));
  });
const strip = (e, port) =>
  [e.name, e.code, e.message.replaceAll(port === 1 ? ':1' : port, 'P')].join('|');
function serve(handler, talk) {
  return new Promise((done) => {
    const s = http.createServer(handler);
    s.on('close', done);
    s.listen(0, '127.0.0.1', () => talk(s, s.address().port));
  });
}
function rawServe(reply, talk) {
  return new Promise((done) => {
    const s = net.createServer((c) => {
      c.on('error', () => {});
      c.once('data', (d) => reply(c, String(d)));
      c.resume();
    });
    s.on('close', done);
    s.listen(0, '127.0.0.1', () => talk(s, s.address().port));
  });
}
const ask = (options, send, more) =>
  new Promise((r) => {
    const events = [];
    let q;
    try {
      q = http.request(options);
    } catch (e) {
      return r(['throws', e.name, e.code, e.message]);
    }
    const e = (...a) => events.push(a.join(' '));
    for (const n of [
      'socket',
      'abort',
      'timeout',
      'continue',
      'finish',
      'upgrade',
      'connect',
      'drain',
    ])
      q.on(n, () => e(n));
    q.on('information', (i) => e('info', i.statusCode, i.statusMessage, JSON.stringify(i.headers)));
    q.on('error', (x) => {
      e('error', strip(x, options.port), q.destroyed, q.aborted);
      // A request without a socket says no more.
      if (!q.socket) setTimeout(() => r(events), 5);
    });
    q.on('close', () => {
      e('close', q.destroyed, q.closed);
      setTimeout(() => r(events), 5);
    });
    q.on('response', (m) => {
      e('response', m.statusCode, m.statusMessage, m.httpVersion);
      m.on('aborted', () => e('aborted'));
      m.on('error', (x) => e('res error', strip(x)));
      m.on('end', () => e('end', m.complete, JSON.stringify(m.trailers)));
      m.on('close', () => e('res close', m.complete, m.destroyed, m.aborted));
      m.resume();
    });
    more?.(q, e);
    send ? send(q) : q.end();
  });
module.exports = async () => {
  await serve(
    (q, r) => {
      if (q.url === '/slow') return setTimeout(() => r.end('slow'), 60);
      if (q.url === '/die') return q.socket.destroy();
      if (q.url === '/cut') {
        r.write('some');
        return setTimeout(() => q.socket.destroy(), 5);
      }
      if (q.url === '/redirect') r.writeHead(302, { Location: '/x' });
      read(q).then((b) =>
        r.end(
          JSON.stringify([
            q.method,
            q.url,
            q.rawHeaders.map((h) => h.replace(String(q.socket.localPort), 'P')),
            b,
          ]),
        ),
      );
    },
    async (s, port) => {
      const at = { port, host: '127.0.0.1' };
      const json = (o, send) =>
        new Promise((r) => {
          const q = http.request(o, (m) => read(m).then((b) => r(b)));
          q.on('error', (e) => r(strip(e, port)));
          send ? send(q) : q.end();
        });
      log(await json(at));
      log(await json(`http://127.0.0.1:${port}/a/b?c=d#e`));
      log(
        await new Promise((r) =>
          http.get(`http://u:p@127.0.0.1:${port}`, { headers: { X: 1 }, method: 'GET' }, (m) =>
            read(m).then(r),
          ),
        ),
      );
      log(
        await json(
          { ...at, method: 'POST', path: '/p', headers: { A: ['1', '2'], 'Content-Type': 'x' } },
          (q) => {
            q.write('one');
            q.end('two');
          },
        ),
      );
      log(await json({ ...at, method: 'post' }, (q) => q.end('body')));
      log(await json({ ...at, method: 'PUT' }, (q) => q.end()));
      log(await json({ ...at, method: 'DELETE' }, (q) => q.end('x')));
      log(await json({ ...at, headers: ['Host', 'h', 'B', '2'], agent: false }));
      log(await json({ ...at, auth: 'me:you', setHost: false, headers: { host: 'mine' } }));
      log(
        await json(
          { ...at, headers: { Connection: 'close', Expect: '100-continue' }, method: 'POST' },
          (q) => q.on('continue', () => q.end('went on')),
        ),
      );
      log(
        await json({ ...at, method: 'POST', headers: { 'Content-Length': 2 } }, (q) => q.end('ok')),
      );
      log(
        await json({ ...at, method: 'POST' }, (q) => {
          q.setNoDelay(true);
          q.setSocketKeepAlive(true);
          q.flushHeaders();
          q.addTrailers({ T: '1' });
          q.write('x');
          q.end();
        }),
      );
      for (const o of [
        { path: '/' },
        { path: '/', method: 'HEAD' },
        { path: '/redirect' },
        { path: '/die' },
        { path: '/cut' },
      ])
        log(o.path, await ask({ ...at, ...o }));
      log(
        'abort',
        await ask({ ...at, path: '/slow' }, null, (q) => setTimeout(() => q.abort(), 10)),
      );
      log(
        'destroy',
        await ask({ ...at, path: '/slow' }, null, (q) =>
          setTimeout(() => q.destroy(new Error('mine')), 10),
        ),
      );
      log('early', await ask({ ...at, path: '/slow' }, null, (q) => q.destroy()));
      log(
        'mid',
        await ask({ ...at, path: '/cut' }, null, (q) => q.on('response', (m) => m.destroy())),
      );
      log(
        'timeout',
        await ask({ ...at, path: '/slow', timeout: 10 }, null, (q) =>
          q.on('timeout', () => q.destroy()),
        ),
      );
      log(
        'setTimeout',
        await ask({ ...at, path: '/slow' }, null, (q) => q.setTimeout(10, () => q.destroy())),
      );
      const ac = new AbortController();
      log(
        'signal',
        await ask({ ...at, path: '/slow', signal: ac.signal }, null, () =>
          setTimeout(() => ac.abort(), 10),
        ),
      );
      log('aborted', await ask({ ...at, signal: AbortSignal.abort() }));
      log('refused', await ask({ port: 1, host: '127.0.0.1' }));
      log(
        'agentless',
        await ask({ ...at, agent: false }),
        await ask({ ...at, createConnection: (o) => net.connect(o.port, o.host) }),
        await ask({
          ...at,
          createConnection: () => {
            throw new Error('no connection');
          },
        }),
        await ask({
          ...at,
          createConnection: (_o, cb) => {
            setImmediate(cb, new Error('later'));
          },
        }),
      );
      for (const o of [
        { method: 'a b' },
        { method: 5 },
        { path: '/a b' },
        { protocol: 'https:' },
        { host: 5 },
        { hostname: true },
        { agent: 5 },
        { headers: { 'a b': 1 } },
        { headers: { a: undefined } },
        { headers: { a: 'x\r' } },
        { timeout: 'x' },
        { insecureHTTPParser: 1 },
        { maxHeaderSize: -1 },
        { joinDuplicateHeaders: 'x' },
        { signal: 5 },
      ])
        log(JSON.stringify(o), await ask({ ...at, ...o }));
      s.close();
    },
  );
  const replies = {
    plain: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    eof: 'HTTP/1.1 200 OK\r\n\r\nall of it',
    old: 'HTTP/1.0 200 OK\r\n\r\nold',
    none: '',
    bad: 'HTTQ/1.1 200 OK\r\n\r\n',
    status: 'HTTP/1.1 2x0 OK\r\n\r\n',
    short: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc',
    chunky: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n',
    info: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 None\r\n\r\n',
    twice:
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    upgrade: 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhead',
    cl2: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    both: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na',
    reason: 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
    headerlf: 'HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n',
    partial: 'HTTP/1.1 200 OK\r\nA: ',
    gz: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nzz',
    big: `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(20000)}\r\n\r\n`,
    304: 'HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n',
  };
  for (const [k, v] of Object.entries(replies))
    await rawServe(
      (c) => c.end(v),
      async (s, port) => {
        log(
          k,
          await ask({ port, host: '127.0.0.1' }, null, (q, e) => {
            if (k === 'upgrade')
              q.on('upgrade', (m, c, h) => {
                e('upgraded', m.statusCode, String(h));
                c.destroy();
              });
          }),
        );
        s.close();
      },
    );
  await rawServe(
    (c, d) => {
      log(JSON.stringify(d).replace(/:\d+/g, ':P'));
      c.write('HTTP/1.1 200 OK\r\n\r\ntunnel');
      setTimeout(() => c.end(), 5);
    },
    async (s, port) => {
      log(
        'connect',
        await ask({ port, host: '127.0.0.1', method: 'CONNECT', path: 'a:1' }, null, (q, e) =>
          q.on('connect', (m, c, h) => {
            e('connected', m.statusCode, String(h), c.listenerCount('data'));
            c.on('end', () => c.destroy());
            c.resume();
          }),
        ),
      );
      s.close();
    },
  );
  log(
    Object.keys(http).join(),
    http.maxHeaderSize,
    http.METHODS.join(),
    Object.keys(http.STATUS_CODES).length,
    http.STATUS_CODES[418],
  );
  for (const f of [
    () => http.validateHeaderName('a b'),
    () => http.validateHeaderName('a b', 'Label'),
    () => http.validateHeaderName('ok'),
    () => http.validateHeaderValue('a', undefined),
    () => http.validateHeaderValue('a', '\n'),
    () => http.setMaxIdleHTTPParsers(0),
  ])
    try {
      log(f());
    } catch (e) {
      log(e.name, e.code, e.message);
    }
};
