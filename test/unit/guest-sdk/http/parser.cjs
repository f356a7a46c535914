/** What a server accepts and what it refuses, byte by byte. */

const http = require('node:http');
const net = require('node:net');
const H = 'Host: a\r\n';
const inputs = {
  badmethod: 'Oopsie-doopsie\r\n',
  lower: `get / HTTP/1.1\r\n${H}\r\n`,
  badproto: 'GET / HTTX/1.1\r\n\r\n',
  ver: `GET / HTTP/1.2\r\n${H}\r\n`,
  ver9: 'GET / HTTP/0.9\r\n\r\n',
  ver11x: 'GET / HTTP/1.12\r\n\r\n',
  ver2: `GET / HTTP/2.0\r\n${H}\r\n`,
  simple: 'GET /\r\n\r\n',
  sp2: `GET  / HTTP/1.1\r\n${H}\r\n`,
  sp3: `GET / x HTTP/1.1\r\n${H}\r\n`,
  hi: `GET /\x80 HTTP/1.1\r\n${H}\r\n`,
  ctl: `GET /\x01 HTTP/1.1\r\n${H}\r\n`,
  tab: `GET /\t HTTP/1.1\r\n${H}\r\n`,
  nourl: 'GET HTTP/1.1\r\n\r\n',
  star: `OPTIONS * HTTP/1.1\r\n${H}\r\n`,
  rel: `GET foo HTTP/1.1\r\n${H}\r\n`,
  conn: `CONNECT a:1 HTTP/1.1\r\n${H}\r\n`,
  lf: `GET / HTTP/1.1\n${H}\r\n`,
  lf2: 'GET / HTTP/1.1\r\nHost: a\n\r\n',
  lf3: 'GET / HTTP/1.1\r\nHost: a\r\n\n',
  cr: 'GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n',
  crline: 'GET / HTTP/1.1\rX',
  fold: 'GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n',
  spcolon: 'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
  noname: 'GET / HTTP/1.1\r\n: a\r\n\r\n',
  nocolon: 'GET / HTTP/1.1\r\nHost\r\n\r\n',
  badname: 'GET / HTTP/1.1\r\nHo(st: a\r\n\r\n',
  badval: 'GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n',
  nul: 'GET / HTTP/1.1\r\nHost: a\0\r\n\r\n',
  del: 'GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n',
  hival: 'GET / HTTP/1.1\r\nHost: a\xff\r\n\r\n',
  lead: `\r\n\r\nGET / HTTP/1.1\r\n${H}\r\n`,
  firstfold: 'GET / HTTP/1.1\r\n Host: a\r\n\r\n',
  nohost: 'GET / HTTP/1.1\r\n\r\n',
  host2: `GET / HTTP/1.1\r\n${H}${H}\r\n`,
  cl2: `POST / HTTP/1.1\r\n${H}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`,
  clbad: `POST / HTTP/1.1\r\n${H}Content-Length: 1a\r\n\r\na`,
  clneg: `POST / HTTP/1.1\r\n${H}Content-Length: -1\r\n\r\na`,
  clplus: `POST / HTTP/1.1\r\n${H}Content-Length: +1\r\n\r\na`,
  clcomma: `POST / HTTP/1.1\r\n${H}Content-Length: 1, 1\r\n\r\na`,
  clbig: `POST / HTTP/1.1\r\n${H}Content-Length: 99999999999999999999\r\n\r\na`,
  clempty: `POST / HTTP/1.1\r\n${H}Content-Length: \r\n\r\na`,
  clsp: `POST / HTTP/1.1\r\n${H}Content-Length:  1 \r\n\r\na`,
  clspin: `POST / HTTP/1.1\r\n${H}Content-Length: 1 1\r\n\r\na`,
  clte: `POST / HTTP/1.1\r\n${H}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na`,
  tecl: `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\na`,
  teid: `POST / HTTP/1.1\r\n${H}Transfer-Encoding: identity\r\n\r\na`,
  tegz: `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked, gzip\r\n\r\na`,
  tegz2: `POST / HTTP/1.1\r\n${H}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  te2:
    'POST / HTTP/1.1\r\n' +
    H +
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  teidch:
    'POST / HTTP/1.1\r\n' +
    H +
    'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  tech2:
    'POST / HTTP/1.1\r\n' +
    H +
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n',
  techx: `POST / HTTP/1.1\r\n${H}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  te10: `POST / HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  teempty: `POST / HTTP/1.1\r\n${H}Transfer-Encoding: \r\n\r\n0\r\n\r\n`,
  tegzonly: `GET / HTTP/1.1\r\n${H}Transfer-Encoding: gzip\r\n\r\n`,
  ck1: 'x\r\n',
  ck2: '1 \r\na\r\n0\r\n\r\n',
  ck3: '1\na\n0\n\n',
  ck4: '1\r\nab\r\n0\r\n\r\n',
  ck5: '1;a=b;c="d"\r\na\r\n0\r\n\r\n',
  ck6: '0x1\r\na\r\n',
  ck7: '1\r\na\n0\r\n\r\n',
  ck8: '1\r\na\r\n0\r\nT: x\r\nU : y\r\n\r\n',
  ck9: '0\r\nT: x\r\n\r\n',
  ck10: 'fffffffffffffffff\r\n',
  ck11: '\r\n',
  ck12: '1;a\nb\r\n',
  ck13: '-1\r\n',
  ck14: '0\r\n\n',
  ck15: '1\r\r\n',
  ck16: '1;\r\na\r\n0\r\n\r\n',
  ck17: '00001\r\na\r\n000\r\n\r\n',
  ck18: '1;=\r\na\r\n0\r\n\r\n',
  ck19: '1; a\r\na\r\n0\r\n\r\n',
  closed: `GET / HTTP/1.1\r\n${H}Connection: close\r\n\r\nGET / HTTP/1.1\r\n${H}\r\n`,
  closedcrlf: `GET / HTTP/1.1\r\n${H}Connection: close\r\n\r\n\r\n\r\n`,
  big: `GET / HTTP/1.1\r\n${H}X: ${'a'.repeat(17000)}\r\n\r\n`,
  bigurl: `GET /${'a'.repeat(17000)} HTTP/1.1\r\n`,
  ctok: `GET / HTTP/1.1\r\n${H}Connection: foo, close\r\n\r\nGET`,
  tlsy: '\x16\x03\x01\x00',
  ext: `1;${'a'.repeat(17000)}\r\n`,
  get10ka: 'GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n',
  http: 'HTTP/1.1 200 OK\r\n\r\n',
  msearch: `M-SEARCH * HTTP/1.1\r\n${H}\r\n`,
  source: `SOURCE / HTTP/1.1\r\n${H}\r\n`,
  query: `QUERY / HTTP/1.1\r\n${H}\r\n`,
  ice: `SOURCE / ICE/1.0\r\n${H}\r\n`,
  methodlong: 'GETTT / HTTP/1.1\r\n\r\n',
  getnosp: 'GET/ HTTP/1.1\r\n\r\n',
  proxyc: `GET / HTTP/1.1\r\n${H}Proxy-Connection: close\r\n\r\nX`,
  obs: `GET / HTTP/1.1\r\n${H}X:\r\n\ty\r\n\r\n`,
  emptyval: `GET / HTTP/1.1\r\n${H}X:\r\n\r\n`,
  hash: `GET #x HTTP/1.1\r\n${H}\r\n`,
  abs: `GET http://u:p@h:1/p?q#f HTTP/1.1\r\n${H}\r\n`,
  connbad: `CONNECT / HTTP/1.1\r\n${H}\r\n`,
  abs2: `GET httpx HTTP/1.1\r\n${H}\r\n`,
  query2: `GET ?a HTTP/1.1\r\n${H}\r\n`,
};
for (const [k, v] of Object.entries(inputs))
  if (/^(ck|ext)/.test(k))
    inputs[k] = `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n${v}`;
async function one(name, text) {
  const out = [];
  const server = http.createServer((q, r) => {
    let b = '';
    q.setEncoding('latin1');
    q.on('data', (d) => (b += d));
    q.on('end', () => {
      out.push(['end', b, JSON.stringify(q.trailers), q.complete]);
    });
    q.on('error', (e) => out.push(['qerr', e.code]));
    out.push([
      q.method,
      q.url.length > 50 ? q.url.length : q.url,
      q.httpVersion,
      q.headers.host,
      q.headers.connection,
      JSON.stringify(q.rawHeaders).length,
    ]);
    q.on('close', () => {});
    setImmediate(() => setImmediate(() => r.end('x')));
  });
  server.on('clientError', (e, s) => {
    out.push(['refused', e.code, e.reason, e.message, e.rawPacket?.length]);
    s.destroy();
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  await new Promise((done) => {
    const c = net.connect(server.address().port, '127.0.0.1', () =>
      c.write(Buffer.from(text, 'latin1')),
    );
    let b = '';
    c.on('data', (d) => {
      b += d;
      if (b.includes('\r\n\r\nx') || b.includes('\r\n1\r\nx')) c.end();
    });
    c.on('error', () => {});
    const t = setTimeout(() => c.end(), 100);
    c.on('close', () => {
      clearTimeout(t);
      out.push(b.split('\r\n')[0]);
      done();
    });
  });
  server.close();
  console.log(name, JSON.stringify(out));
}
module.exports = async () => {
  for (const [name, text] of Object.entries(inputs)) await one(name, text);
};
