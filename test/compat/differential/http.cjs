const http = require('node:http');
const net = require('node:net');
const { cases, failure, once, thrown } = require('./cases.cjs');

/** Runs `talk` with the port of a server; closes it then. */
async function withServer(handler, talk, options = {}) {
  const server = http.createServer(options, handler);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await talk(server.address().port, server);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** What comes back for bytes on a socket, as they are but for the date. */
function raw(port, text) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
    let all = '';
    socket
      .on('data', (chunk) => {
        all += chunk.toString('latin1');
      })
      .on('error', () => {})
      .on('close', () =>
        resolve(all.replace(/Date: .*GMT/g, 'Date: ...').replaceAll('\r\n', '\n')),
      );
  });
}

const request = (port, options, body) =>
  new Promise((resolve, reject) => {
    const sent = http.request({ port, host: '127.0.0.1', agent: false, ...options }, (response) => {
      let text = '';
      response
        .setEncoding('utf8')
        .on('data', (chunk) => {
          text += chunk;
        })
        .on('end', () =>
          resolve({
            status: response.statusCode,
            message: response.statusMessage,
            headers: { ...response.headers, date: undefined },
            trailers: response.trailers,
            text,
          }),
        );
      response.on('error', reject);
    });
    sent.on('error', reject).end(body);
  });
const CLOSE = 'Host: x\r\nConnection: close\r\n\r\n';

cases({
  'a plain answer': () =>
    withServer(
      (_q, r) => r.end('hello'),
      async (port) => console.log(await raw(port, `GET / HTTP/1.1\r\n${CLOSE}`)),
    ),
  'HEAD, 204 and 304 have no body': () =>
    withServer(
      (q, r) => {
        r.statusCode = Number(q.url.slice(1)) || 200;
        r.end('body');
      },
      async (port) => {
        for (const line of ['HEAD /', 'GET /204', 'GET /304'])
          console.log(await raw(port, `${line} HTTP/1.1\r\n${CLOSE}`));
      },
    ),
  'chunks and trailers': () =>
    withServer(
      (_q, r) => {
        r.writeHead(200, { Trailer: 'X-T' });
        r.write('a');
        r.write('bc');
        r.addTrailers({ 'X-T': 'v' });
        r.end();
      },
      async (port) => console.log(await raw(port, `GET / HTTP/1.1\r\n${CLOSE}`)),
    ),
  'HTTP/1.0': () =>
    withServer(
      (_q, r) => {
        r.write('a');
        r.end('b');
      },
      async (port) =>
        console.log(
          await raw(port, 'GET / HTTP/1.0\r\n\r\n'),
          await raw(
            port,
            'GET / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.0\r\n\r\n',
          ),
        ),
    ),
  'pipelined requests are answered in order': () =>
    withServer(
      (q, r) => setTimeout(() => r.end(q.url), q.url === '/1' ? 10 : 0),
      async (port) =>
        console.log(
          await raw(port, `GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\n${CLOSE}`),
        ),
    ),
  'what is no HTTP': () =>
    withServer(
      (_q, r) => r.end(),
      async (port) => {
        for (const text of [
          'nonsense\r\n\r\n',
          'GET / HTTP/1.1\r\n\r\n',
          'GET / HTTP/9.9\r\nHost: x\r\n\r\n',
          'GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n',
          'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: a\r\n\r\n',
          'FOO / HTTP/1.1\r\nHost: x\r\n\r\n',
          'GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n',
          `GET / HTTP/1.1\r\nHost: x\r\nA: ${'y'.repeat(20000)}\r\n\r\n`,
        ])
          console.log(JSON.stringify(text.slice(0, 60)), await raw(port, text));
      },
    ),
  'headers as they come': () =>
    withServer(
      (q, r) => {
        console.log(q.headers, q.rawHeaders, q.headersDistinct, q.method, q.url, q.httpVersion);
        r.end();
      },
      (port) =>
        raw(
          port,
          `PUT /a?b HTTP/1.1\r\nX-A: 1\r\nx-a: 2\r\nCookie: a\r\nCookie: b\r\nSet-Cookie: s\r\nContent-Type: t\r\nContent-Type: u\r\nSpace:   v  \r\n${CLOSE}`,
        ),
    ),
  'a body in chunks': () =>
    withServer(
      async (q, r) => {
        const parts = [];
        for await (const part of q) parts.push(String(part));
        r.end(`${parts.join('')} ${JSON.stringify(q.trailers)} ${q.complete}`);
      },
      async (port) =>
        console.log(
          await raw(
            port,
            'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n',
          ),
        ),
    ),
  'headers of an answer': () =>
    withServer(
      (_q, r) => {
        r.setHeader('X-Many', ['a', 'b']);
        r.setHeader('x-one', 1);
        r.appendHeader('x-one', '2');
        console.log(
          r.getHeader('X-ONE'),
          r.hasHeader('x-many'),
          r.getHeaderNames(),
          r.getRawHeaderNames(),
          r.getHeaders(),
          r.headersSent,
        );
        r.removeHeader('x-one');
        r.flushHeaders();
        console.log(
          r.headersSent,
          thrown(() => r.setHeader('a', 'b')),
          thrown(() => r.writeHead(200)),
        );
        r.end();
      },
      async (port) => console.log(await raw(port, `GET / HTTP/1.1\r\n${CLOSE}`)),
    ),
  'wrong headers': () => {
    const r = new http.ServerResponse({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 });
    for (const act of [
      () => r.setHeader('a b', 'c'),
      () => r.setHeader('a', 'b\nc'),
      () => r.setHeader('a'),
      () => r.setHeader(5, 'x'),
      () => r.writeHead(99),
      () => r.writeHead('x'),
      () => r.setHeader('a', '\u20ac'),
      () => http.validateHeaderName(''),
      () => http.validateHeaderValue('x', undefined),
    ])
      console.log(thrown(act));
  },
  'writeHead in its forms': () =>
    withServer(
      (q, r) => {
        if (q.url === '/a') r.writeHead(201, 'Made', { A: 1 });
        else if (q.url === '/b') r.writeHead(200, ['A', '1', 'a', '2']);
        else {
          r.setHeader('a', 'old');
          r.writeHead(404, { a: 'new' });
        }
        r.end();
      },
      async (port) => {
        for (const p of ['/a', '/b', '/c'])
          console.log(await raw(port, `GET ${p} HTTP/1.1\r\n${CLOSE}`));
      },
    ),
  'Content-Length that does not fit': () =>
    withServer(
      (_q, r) => {
        r.strictContentLength = true;
        r.setHeader('Content-Length', 2);
        r.write('a');
        console.log(thrown(() => r.write('bc')));
        r.end('b');
      },
      async (port) => console.log(await raw(port, `GET / HTTP/1.1\r\n${CLOSE}`)),
    ),
  'write after end': () =>
    withServer(
      (_q, r) => {
        r.on('error', (e) => console.log(e.code));
        r.end('x');
        console.log(r.write('y'), r.writableEnded, r.finished);
        r.end(() => {});
      },
      async (port) => console.log((await request(port, {})).text),
    ),
  'Expect: 100-continue': () =>
    withServer(
      (_q, r) => r.end('after'),
      async (port) =>
        console.log(
          await raw(
            port,
            `POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n${CLOSE}x`,
          ),
          await raw(port, `GET / HTTP/1.1\r\nExpect: nothing\r\n${CLOSE}`),
        ),
    ),
  'early hints and processing': () =>
    withServer(
      (_q, r) => {
        r.writeEarlyHints({ link: '</a>; rel=x' });
        r.writeProcessing();
        r.writeContinue();
        r.end('x');
      },
      async (port) => console.log(await raw(port, `GET / HTTP/1.1\r\n${CLOSE}`)),
    ),
  upgrade: async () => {
    const server = http.createServer().on('upgrade', (q, socket, head) => {
      socket.write('HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n');
      socket.end(`${q.headers.upgrade} ${head}`);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const sent = http.get({
      port: server.address().port,
      headers: { Connection: 'upgrade', Upgrade: 'x' },
    });
    const [response, socket] = await once(sent, 'upgrade');
    let text = '';
    for await (const part of socket) text += part;
    console.log(response.statusCode, text);
    server.close();
  },
  CONNECT: async () => {
    const server = http
      .createServer()
      .on('connect', (q, socket) => socket.end(`HTTP/1.1 200 OK\r\n\r\nto ${q.url}`));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const sent = http
      .request({ port: server.address().port, method: 'CONNECT', path: 'h:1' })
      .end();
    const [response, socket, head] = await once(sent, 'connect');
    let text = String(head);
    for await (const part of socket) text += part;
    console.log(response.statusCode, text);
    server.close();
  },
  'a client sends': () =>
    withServer(
      async (q, r) => {
        let text = '';
        for await (const part of q) text += part;
        r.end(
          JSON.stringify([
            q.method,
            q.url,
            q.headers['content-length'],
            q.headers['transfer-encoding'],
            q.headers.authorization,
            text,
          ]),
        );
      },
      async (port) => {
        for (const [options, body] of [
          [{ method: 'POST', path: '/p' }, 'body'],
          [{ method: 'DELETE' }],
          [{ auth: 'u:p' }],
          [{ method: 'POST', headers: { 'Content-Length': 2 } }, 'ab'],
          [{ method: 'PUT', headers: ['X-A', '1', 'Host', 'h'] }, ''],
        ]) {
          const { status, text } = await request(port, options, body);
          console.log(status, text);
        }
      },
    ),
  'what a client refuses': async () => {
    for (const options of [
      { path: '/a b' },
      { method: 'A B' },
      { protocol: 'ftp:' },
      { headers: { 'a b': 1 } },
      { host: 5 },
      { insecureHTTPParser: 5 },
    ])
      console.log(thrown(() => http.request(options)));
    console.log(
      await failure(() => request(1, {})),
      thrown(() => http.request('nope')),
    );
  },
  'a client gets': () =>
    withServer(
      (_q, r) => {
        r.writeHead(299, 'Odd', { 'Set-Cookie': ['a', 'b'], 'X-A': ['1', '2'], Trailer: 'T' });
        r.addTrailers({ T: 'x' });
        r.end('text');
      },
      async (port) => console.log(await request(port, {})),
    ),
  'hang ups': () =>
    withServer(
      (q, r) =>
        q.url === '/early'
          ? q.socket.destroy()
          : (r.writeHead(200, { 'Content-Length': 9 }), r.write('x', () => q.socket.destroy())),
      async (port) =>
        console.log(
          await failure(() => request(port, { path: '/early' })),
          await failure(() => request(port, { path: '/mid' })),
        ),
    ),
  'abort and destroy': () =>
    withServer(
      () => {},
      async (port) => {
        const sent = http.get({ port });
        const log = [];
        for (const name of ['abort', 'error', 'close'])
          sent.on(name, (e) => log.push(e?.code ?? name));
        sent.destroy();
        await once(sent, 'close');
        console.log(log, sent.destroyed, sent.aborted);
        const c = new AbortController();
        const other = http.get({ port, signal: c.signal });
        setImmediate(() => c.abort());
        console.log((await once(other, 'error'))[0].name);
      },
    ),
  timeouts: () =>
    withServer(
      () => {},
      async (port) => {
        const sent = http.get({ port, timeout: 10 });
        await once(sent, 'timeout');
        console.log('timeout', sent.destroyed);
        sent.on('error', (e) => console.log(e.code));
        sent.destroy();
        await once(sent, 'close');
      },
    ),
  'keep-alive and its agent': () =>
    withServer(
      (q, r) => r.end(String((q.socket.n = (q.socket.n ?? 0) + 1))),
      async (port) => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        const texts = [];
        for (let i = 0; i < 3; i++) texts.push((await request(port, { agent })).text);
        console.log(
          texts,
          (await request(port, { agent })).headers,
          Object.keys(agent.freeSockets).length,
          agent.totalSocketCount,
        );
        agent.destroy();
        const many = new http.Agent({ maxSockets: 1 });
        console.log(
          await Promise.all([1, 2, 3].map(async () => (await request(port, { agent: many })).text)),
        );
      },
    ),
  'events of a request and an answer': () =>
    withServer(
      (q, r) => {
        const log = [];
        for (const name of ['finish', 'close', 'prefinish'])
          r.on(name, () => log.push(`r ${name}`));
        for (const name of ['end', 'close', 'data']) q.on(name, () => log.push(`q ${name}`));
        r.on('close', () => setImmediate(() => console.log(log.join(', '))));
        q.on('end', () => r.end());
      },
      async (port) => {
        await request(port, { method: 'POST' }, 'x');
        await new Promise((resolve) => setTimeout(resolve, 10));
      },
    ),
  'server events and limits': () =>
    withServer(
      (_q, r) => r.end(),
      async (port, server) => {
        console.log(
          server.listening,
          server.timeout,
          server.keepAliveTimeout,
          server.headersTimeout,
          server.requestTimeout,
          server.maxHeadersCount,
          typeof port,
        );
        server.once('clientError', (e, socket) => {
          console.log(e.code, e.bytesParsed);
          socket.end('HTTP/1.1 400 Mine\r\n\r\n');
        });
        console.log(await raw(port, 'bad\r\n\r\n'));
      },
    ),
  'close waits for answers': async () => {
    const server = http.createServer((_q, r) => setTimeout(() => r.end('late'), 10));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const answer = request(server.address().port, {});
    await once(server, 'request');
    const closed = once(server, 'close');
    server.close();
    console.log((await answer).text, await closed, server.listening);
  },
  tables: () =>
    console.log(
      http.METHODS.length > 30,
      http.STATUS_CODES[418],
      http.STATUS_CODES[299],
      http.maxHeaderSize,
      http.globalAgent.keepAlive,
    ),
  'cookies and joins': () =>
    withServer(
      (_q, r) => {
        r.setHeader('Set-Cookie', 'a=1');
        r.appendHeader('Set-Cookie', ['b=2', 'c=3']);
        r.end();
      },
      async (port) => console.log((await request(port, {})).headers['set-cookie']),
    ),
  'uniqueHeaders and joinDuplicateHeaders': () =>
    withServer(
      (q, r) => r.end(JSON.stringify(q.headers)),
      async (port) =>
        console.log(await raw(port, `GET / HTTP/1.1\r\nReferer: a\r\nReferer: b\r\n${CLOSE}`)),
      { joinDuplicateHeaders: true },
    ),
});
