/** Bodies, expectations, upgrades, limits, timeouts and the end of connections. */

const http = require('node:http'),
  net = require('node:net');
const log = console.log;
const plain = (t) => t.replace(/Date: [^\r]*\r\n/g, 'Date\r\n');
const H = 'HTTP/1.1\r\nHost: a\r\n';
function serve(options, setup, talk) {
  return new Promise((done) => {
    const s = http.createServer(options);
    setup(s);
    s.on('close', done);
    s.listen(0, '127.0.0.1', () => talk(s));
  });
}
const raw = (s, ...texts) =>
  new Promise((r) => {
    const c = net.connect({ port: s.address().port, host: '127.0.0.1', allowHalfOpen: true }, () =>
      c.write(texts.shift()),
    );
    let b = '';
    c.setEncoding('latin1');
    c.on('data', (d) => {
      b += d;
      const t = texts.shift();
      if (t) c.write(t);
      else if (t === '') c.end();
    });
    c.on('error', (e) => log('client', e.code));
    c.on('end', () => c.end());
    c.on('close', () => r(JSON.stringify(plain(b))));
  });
const body = (q, then) => {
  let b = '';
  q.setEncoding('utf8');
  q.on('data', (d) => (b += d));
  q.on('end', () => then(b));
};
module.exports = async () => {
  await serve(
    {},
    (s) =>
      s.on('request', (q, r) => {
        body(q, (b) => {
          log(q.method, b, q.rawTrailers, q.trailers, q.complete, q.readableEnded);
          r.end(b.toUpperCase());
        });
        q.on('close', () => log('req close'));
        r.on('close', () => log('res close', r.destroyed, r.writableFinished));
        r.on('finish', () => log('finish'));
      }),
    async (s) => {
      log(
        await raw(
          s,
          `POST / ${H}Content-Length: 5\r\n\r\nabcde`,
          `POST / ${H}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-T: v\r\n\r\n`,
          '',
        ),
      );
      log(await raw(s, `POST / ${H}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`, 'ok', ''));
      log(await raw(s, `POST / ${H}Expect: odd\r\nContent-Length: 2\r\n\r\n`, ''));
      s.close();
    },
  );
  await serve(
    {},
    (s) => {
      s.on('checkContinue', (q, r) => {
        log('checkContinue', q.url);
        if (q.url === '/no') {
          r.writeHead(413);
          return r.end();
        }
        r.writeContinue(() => log('continued'));
        body(q, (b) => r.end(b));
      });
      s.on('checkExpectation', (q, r) => {
        log('expectation', q.headers.expect);
        r.end('fine');
      });
    },
    async (s) => {
      log(await raw(s, `POST / ${H}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`, 'ok', ''));
      log(await raw(s, `POST /no ${H}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`));
      log(await raw(s, `GET / ${H}Expect: odd\r\n\r\n`, ''));
      s.close();
    },
  );
  await serve(
    {},
    (s) => {
      s.on('upgrade', (q, c, head) => {
        log(
          'upgrade',
          q.headers.upgrade,
          q.upgrade,
          String(head),
          c.listenerCount('data'),
          c.listenerCount('end'),
        );
        c.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
        c.on('data', (d) => {
          c.write(`echo:${d}`);
        });
        c.on('end', () => c.end());
      });
      s.on('connect', (q, c, head) => {
        log('connect', q.url, String(head));
        c.end('HTTP/1.1 200 OK\r\n\r\nbye');
      });
      s.on('request', (_q, r) => r.end('plain'));
    },
    async (s) => {
      log(await raw(s, `GET / ${H}Connection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst`, 'hi', ''));
      log(await raw(s, `CONNECT a:1 ${H}\r\nhello`));
      s.removeAllListeners('upgrade');
      log(await raw(s, `GET / ${H}Connection: Upgrade\r\nUpgrade: echo\r\n\r\n`, ''));
      s.removeAllListeners('connect');
      log(await raw(s, `CONNECT a:1 ${H}\r\nhello`));
      s.close();
    },
  );
  await serve(
    {
      maxHeaderSize: 200,
      requireHostHeader: false,
      uniqueHeaders: ['x-u'],
      joinDuplicateHeaders: true,
    },
    (s) => {
      s.maxRequestsPerSocket = 2;
      s.on('dropRequest', (q) => log('drop', q.url));
      s.on('request', (q, r) => {
        log(q.headers, q.headersDistinct['x-a']);
        r.setHeader('X-U', ['a', 'b']);
        r.end();
      });
    },
    async (s) => {
      log(
        await raw(
          s,
          `GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nAge: 1\r\nAge: 2\r\nX-A: 1\r\nx-a: 2\r\nCookie: a\r\nCookie: b\r\nSet-Cookie: c\r\nConstructor: k\r\n__proto__: p\r\n\r\nGET /3 HTTP/1.1\r\n\r\n`,
          '',
        ),
      );
      log(await raw(s, `GET / HTTP/1.1\r\nX: ${'a'.repeat(300)}\r\n\r\n`));
      s.close();
    },
  );
  await serve(
    { keepAliveTimeout: 0 },
    (s) => {
      s.on('clientError', (e, c) => {
        log(
          'clientError',
          e.code,
          e.message,
          e.bytesParsed,
          e.rawPacket && String(e.rawPacket),
          c.writable,
        );
        c.end('HTTP/1.1 400 Mine\r\n\r\n');
      });
      s.on('request', (q, r) => {
        q.on('error', (e) => log('req error', e.code, e.message, q.aborted));
        q.on('aborted', () => log('aborted'));
        q.on('close', () => log('req closed', q.destroyed));
        r.on('close', () => log('res closed', r.writableEnded, r.writableFinished));
        q.resume();
      });
    },
    async (s) => {
      log(await raw(s, 'BAD\r\n\r\n'));

      const c = net.connect(s.address().port, '127.0.0.1', () => {
        c.write(`POST / ${H}Content-Length: 9\r\n\r\nabc`);
        setTimeout(() => c.destroy(), 20);
      });
      await new Promise((r) => c.on('close', r));
      setTimeout(() => {
        s.closeAllConnections();
        s.close();
      }, 20);
    },
  );
  await serve(
    { keepAliveTimeout: 30 },
    (s) => s.on('request', (_q, r) => r.end('x')),
    async (s) => {
      log(await raw(s, `GET / ${H}\r\n`));
      s.timeout = 25;
      s.on('timeout', (c) => {
        log('timeout', c.destroyed);
        c.end();
      });
      log(await raw(s, `POST / ${H}Content-Length: 2\r\n\r\n`));
      s.close();
    },
  );
  await serve(
    { headersTimeout: 20, requestTimeout: 30, connectionsCheckingInterval: 10 },
    (s) =>
      s.on('request', (q, _r) => {
        q.on('error', (e) => log(e.code));
        q.resume();
      }),
    async (s) => {
      log(await raw(s, `GET / HTTP/1.1\r\nHo`));
      log(await raw(s, `POST / ${H}Content-Length: 2\r\n\r\n`));
      s.close();
    },
  );
  await serve(
    {},
    (s) =>
      s.on('request', (q, r) => {
        if (q.url === '/slow') setTimeout(() => r.end('slow'), 30);
        else r.end('x');
      }),
    async (s) => {
      const idle = raw(s, `GET / ${H}\r\n`);
      const busy = raw(s, `GET /slow ${H}\r\n`);
      setTimeout(async () => {
        s.close((e) => log('closed', e));
        log(await idle, s.listening);
        s.closeIdleConnections();
        setTimeout(() => s.closeAllConnections(), 60);
        log(await busy);
      }, 15);
    },
  );
  for (const f of [
    () => http.createServer(5),
    () => http.createServer({ headersTimeout: 10, requestTimeout: 5 }),
    () => http.createServer({ insecureHTTPParser: 1 }),
    () => http.createServer({ maxHeaderSize: -1 }),
    () => http.createServer({ requireHostHeader: 'x' }),
    () => http.createServer({ joinDuplicateHeaders: 1 }),
    () => http.createServer({ keepAliveTimeout: 'x' }),
  ])
    try {
      f();
      log('fine');
    } catch (e) {
      log(e.name, e.code, e.message);
    }
  await serve(
    { insecureHTTPParser: true },
    (s) => s.on('request', (q, r) => r.end(q.headers['x-a'])),
    async (s) => {
      log(
        await raw(
          s,
          `GET / ${H}X-A: a\x01b\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
          '',
        ),
      );
      s.close();
    },
  );
  // Who keeps a connection that is not understood hears of all that comes on it.
  await serve(
    {},
    (s) => s.on('clientError', (e) => log(e.code, e.message, String(e.rawPacket))),
    (s) => {
      const c = net.connect(s.address().port, '127.0.0.1', () => c.write('*'));
      setTimeout(() => c.write('GET / HTTP/1.1\r\n'), 20);
      setTimeout(() => c.end(), 40);
      c.on('close', () => s.close());
    },
  );
  // A body nobody reads is read away when its request is answered, and the connection goes on.
  await serve(
    {},
    (s) =>
      s.on('request', (q, r) => {
        log(q.method);
        if (q.method === 'GET') {
          r.end();
          return;
        }
        r.flushHeaders();
        q.socket.once('pause', () => {
          r.end('answered');
          q.on('close', () => log('closed', q._dumped));
          s.emit('answered');
        });
      }),
    (s) => {
      const agent = new http.Agent({ maxSockets: 1, keepAlive: true });
      const place = { agent, port: s.address().port, host: '127.0.0.1' };
      const post = http.request({ ...place, method: 'POST' }, (r) => {
        r.resume();
        post.write(Buffer.alloc(65_536, 'x'));
      });
      s.on('answered', () => post.end('and more'));
      post.write('first');
      const then = http.get(place, (r) => {
        log(r.statusCode, then.reusedSocket);
        r.resume();
        r.on('end', () => {
          agent.destroy();
          s.close();
        });
      });
    },
  );
  await new Promise((done) => {
    const lost = http.get({ host: '127.0.0.1', port: 1, localAddress: '1.2.3.4' });
    lost.on('error', (e) => {
      log(e.message, e.code, e.syscall, e.address);
      done();
    });
  });
};
