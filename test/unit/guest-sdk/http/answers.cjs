/** What a server writes for what a handler does. */

const http = require('node:http'),
  net = require('node:net');
const log = console.log;
const plain = (t) => t.replace(/Date: [^\r]*\r\n/g, 'Date\r\n');
function serve(options, handler, talk) {
  return new Promise((done) => {
    const s = http.createServer(options, handler);
    s.on('close', done);
    s.listen(0, '127.0.0.1', () => talk(s));
  });
}
const raw = (s, text, ended = true) =>
  new Promise((r) => {
    const c = net.connect(
      { port: s.address().port, host: '127.0.0.1', allowHalfOpen: true },
      () => {
        c.write(text);
        if (ended) c.end();
      },
    );
    let b = '';
    c.setEncoding('latin1');
    c.on('data', (d) => (b += d));
    c.on('error', (e) => log('client', e.code));
    c.on('end', () => c.end());
    c.on('close', () => r(plain(b)));
  });
const H = 'HTTP/1.1\r\nHost: a\r\n';
const CLOSE = 'Connection: close\r\n\r\n';
module.exports = async () => {
  await serve(
    {},
    (q, r) => {
      const { pathname } = { pathname: q.url };
      switch (pathname) {
        case '/end':
          return r.end('whole');
        case '/buf':
          return r.end(Buffer.from('bytes'));
        case '/none':
          return r.end();
        case '/write':
          r.write('a');
          r.write(Buffer.from('bc'));
          return setImmediate(() => r.end('d'));
        case '/set':
          r.setHeader('X-One', 'é');
          r.setHeader('Set-Cookie', ['a=1', 'b=2']);
          r.appendHeader('X-Two', 1);
          r.appendHeader('x-two', ['2', '3']);
          log(
            r.getHeader('x-two'),
            r.getHeaderNames(),
            r.getRawHeaderNames(),
            r.hasHeader('X-ONE'),
            r.getHeaders(),
          );
          r.removeHeader('X-One');
          return r.end('ü');
        case '/head1':
          r.writeHead(201, 'Made', { A: 1, 'Content-Length': 2 });
          return r.end('ok');
        case '/head2':
          r.setHeader('B', 'b');
          r.writeHead(202, ['A', '1', 'C', 'c']);
          return r.end();
        case '/head3':
          r.writeHead(203, [
            ['A', '1'],
            ['A', '2'],
          ]);
          return r.end('x');
        case '/204':
          r.statusCode = 204;
          r.write('no');
          return r.end('no');
        case '/304':
          r.writeHead(304);
          return r.end();
        case '/trailers':
          r.setHeader('Trailer', 'X-T');
          r.write('body');
          r.addTrailers({ 'X-T': 'end', 'X-U': ['1', '2'] });
          return r.end();
        case '/hints':
          r.writeContinue();
          r.writeProcessing();
          r.writeEarlyHints({ link: ['</a>; rel=preload', '</b>; rel=preload'], 'x-k': 'v' });
          return r.end('hinted');
        case '/noconn':
          r.removeHeader('connection');
          r.sendDate = false;
          return r.end('x');
        case '/note':
          r.removeHeader('transfer-encoding');
          r.write('x');
          return r.end('y');
        case '/flush':
          r.flushHeaders();
          log(r.headersSent, r.writableEnded, r.finished);
          return r.end('late');
        case '/len':
          r.setHeader('Content-Length', 3);
          r.write('abc');
          return r.end();
        case '/status':
          r.statusCode = 299;
          r.statusMessage = 'Odd';
          return r.end();
        case '/cork':
          r.cork();
          r.write('one');
          r.write('two');
          r.uncork();
          return r.end();
        case '/keep':
          r.setHeader('Keep-Alive', 'timeout=9');
          return r.end();
        case '/te':
          r.setHeader('Transfer-Encoding', 'chunked');
          return r.end('in chunks');
        case '/cb':
          r.write('w', () => log('written'));
          return r.end('x', 'utf8', () =>
            log('ended', r.writableFinished, r.writableEnded, r.writableLength),
          );
        case '/errors':
          for (const f of [
            () => r.writeHead(99),
            () => r.writeHead(1000),
            () => r.writeHead('x'),
            () => r.setHeader('a b', 1),
            () => r.setHeader('', 1),
            () => r.setHeader('a'),
            () => r.setHeader('a', 'x\n'),
            () => r.getHeader(),
            () => r.write(null),
            () => r.write(5),
            () => r.setHeaders([]),
            () => r.writeHead(200, ['a']),
            () => r.addTrailers({ 'a b': 1 }),
            () => r.addTrailers({ a: '\n' }),
            () => r.writeEarlyHints({ link: 'bad' }),
            () => r.writeHead(200, 'a\nb'),
            () => {
              r.writeHead(200, { Trailer: 'x', 'Content-Length': 1 });
            },
          ])
            try {
              log(f());
            } catch (e) {
              log(e.name, e.code, e.message);
            }
          r.statusMessage = 'OK';
          r.removeHeader('trailer');
          r._header = null;
          r.writeHead(200, { Connection: 'close' });
          for (const f of [
            () => r.setHeader('a', 1),
            () => r.removeHeader('a'),
            () => r.writeHead(200),
            () => r.appendHeader('a', 1),
            () => r._renderHeaders(),
          ])
            try {
              log(f());
            } catch (e) {
              log(e.name, e.code, e.message);
            }
          r.on('error', (e) => log('error', e.code));
          r.end('done');
          r.write('late', (e) => log('late', e.code));
          r.end('later', (e) => log('later', e.code));
          return r.end((e) => log('again', e?.code));
        default:
          r.statusCode = 404;
          return r.end(q.method);
      }
    },
    async (s) => {
      for (const p of [
        '/end',
        '/buf',
        '/none',
        '/write',
        '/set',
        '/head1',
        '/head2',
        '/head3',
        '/204',
        '/304',
        '/trailers',
        '/hints',
        '/noconn',
        '/note',
        '/flush',
        '/len',
        '/status',
        '/cork',
        '/keep',
        '/te',
        '/cb',
        '/errors',
        '/nope',
      ])
        log(p, JSON.stringify(await raw(s, `GET ${p} ${H}\r\n`)));
      for (const p of ['/end', '/write', '/head1', '/te'])
        log('HEAD', p, JSON.stringify(await raw(s, `HEAD ${p} ${H}\r\n`)));
      for (const p of ['/end', '/write', '/te'])
        log(
          '1.0',
          p,
          JSON.stringify(await raw(s, `GET ${p} HTTP/1.0\r\n\r\n`)),
          JSON.stringify(await raw(s, `GET ${p} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`)),
        );
      log('close', JSON.stringify(await raw(s, `GET /end ${H}${CLOSE}`, false)));
      log(
        'many',
        JSON.stringify(
          await raw(s, `GET /write ${H}\r\nGET /end ${H}\r\nGET /none ${H}${CLOSE}`, false),
        ),
      );
      s.close();
    },
  );
};
