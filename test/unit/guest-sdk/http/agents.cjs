/** Agents, classes that others derive from, and streams of messages. */

const http = require('node:http'),
  _net = require('node:net'),
  util = require('node:util');
const log = console.log;
const read = (q) =>
  new Promise((r) => {
    let b = '';
    q.setEncoding('utf8');
    q.on('data', (d) => (b += d));
    q.on('end', () => r(b));
  });
function serve(handler, talk) {
  return new Promise((done) => {
    const s = http.createServer(handler);
    s.on('close', done);
    s.listen(0, '127.0.0.1', () => talk(s, s.address().port));
  });
}
const counts = (a) =>
  JSON.stringify([
    Object.values(a.sockets).map((l) => l.length),
    Object.values(a.freeSockets).map((l) => l.length),
    Object.values(a.requests).map((l) => l.length),
    a.totalSocketCount,
  ]);
module.exports = async () => {
  const seen = new Map();
  let n = 0;
  await serve(
    (q, r) => {
      if (!seen.has(q.socket)) seen.set(q.socket, ++n);
      setTimeout(() => r.end(`${seen.get(q.socket)} ${q.url} ${q.headers.connection}`), 5);
    },
    async (s, port) => {
      const at = { port, host: '127.0.0.1' };
      const get = (agent, path, o) =>
        new Promise((r) => {
          const q = http.get({ ...at, agent, path, ...o }, (m) =>
            read(m).then((b) => r(`${b} ${q.reusedSocket}`)),
          );
          q.on('error', (e) => r(e.code));
        });
      const keep = new http.Agent({ keepAlive: true, maxSockets: 2, maxFreeSockets: 1 });
      keep.on('free', (c, o) => log('free', o.port === port, c.writable));
      const all = Promise.all(['/1', '/2', '/3', '/4', '/5'].map((p) => get(keep, p)));
      log(counts(keep));
      log(await all);
      log(counts(keep));
      await new Promise((r) => setTimeout(r, 5));
      log(counts(keep));
      log(await get(keep, '/6'), counts(keep));
      keep.destroy();
      await new Promise((r) => setTimeout(r, 5));
      log(counts(keep));
      const once = new http.Agent();
      log(await get(once, '/a'), await get(once, '/b'), counts(once));
      const total = new http.Agent({ maxTotalSockets: 1, keepAlive: true, scheduling: 'fifo' });
      log(await Promise.all([get(total, '/x'), get(total, '/y'), get(total, '/z')]), counts(total));
      total.destroy();
      log(
        await get(undefined, '/global1'),
        await get(undefined, '/global2'),
        http.globalAgent.keepAlive,
        http.globalAgent.options.timeout,
      );
      http.globalAgent.destroy();
      const dying = new http.Agent({ keepAlive: true, maxSockets: 1 });
      const first = get(dying, '/f', {});
      const queued = http.get({ ...at, agent: dying, path: '/q' });
      queued.on('error', (e) => log('queued', e.code, e.message));
      queued.on('close', () => log('queued close'));
      queued.destroy();
      log(await first);
      await new Promise((r) => setTimeout(r, 20));
      log(counts(dying));
      dying.destroy();
      class Mine extends http.Agent {
        createConnection(o, cb) {
          log('create', o.port === port, typeof cb);
          return super.createConnection(o, cb);
        }
        keepSocketAlive(c) {
          log('keepSocketAlive');
          return super.keepSocketAlive(c);
        }
        reuseSocket(c, q) {
          log('reuseSocket');
          super.reuseSocket(c, q);
        }
      }
      const mine = new Mine({ keepAlive: true });
      log(await get(mine, '/m1'));
      await new Promise((r) => setTimeout(r, 5));
      log(await get(mine, '/m2'));
      mine.destroy();
      s.close();
    },
  );
  const a = new http.Agent({ timeout: 7 });
  log(
    a.getName({ port: 1, host: 'h' }),
    a.getName(),
    a.getName({ port: 1, localAddress: 'l', family: 4, socketPath: '/s' }),
    a.defaultPort,
    a.protocol,
    a.maxSockets,
    a.maxFreeSockets,
    a.scheduling,
    http.Agent.defaultMaxSockets,
    http.Agent() instanceof http.Agent,
    http.globalAgent instanceof http.Agent,
    a.options,
  );
  for (const f of [
    () => new http.Agent({ scheduling: 'x' }),
    () => new http.Agent({ maxTotalSockets: 0 }),
    () => new http.Agent({ maxTotalSockets: 'x' }),
  ])
    try {
      f();
    } catch (e) {
      log(e.name, e.code, e.message);
    }
  function Res(q) {
    http.ServerResponse.call(this, q);
    this.mine = 1;
  }
  util.inherits(Res, http.ServerResponse);
  function Req(c) {
    http.IncomingMessage.call(this, c);
    this.extra = 2;
  }
  util.inherits(Req, http.IncomingMessage);
  await new Promise((done) => {
    const s = http.createServer({ ServerResponse: Res, IncomingMessage: Req }, (q, r) => {
      log(
        q instanceof Req,
        r instanceof Res,
        q.extra,
        r.mine,
        r.req === q,
        q instanceof http.IncomingMessage,
        q instanceof require('node:stream').Readable,
        r instanceof require('node:stream'),
      );
      r.end();
      s.close(done);
    });
    s.listen(0, '127.0.0.1', () =>
      http.get({ port: s.address().port, host: '127.0.0.1', agent: false }, (m) => m.resume()),
    );
  });
  const fake = new http.ServerResponse({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 });
  fake.setHeader('A', 1);
  fake.write('x');
  fake.end('y');
  log(
    fake.outputData.map((o) => String(o.data).replace(/Date: [^\r]*/, 'Date')).join(''),
    fake.writableLength > 0,
    fake.finished,
    fake.writableFinished,
    fake.headersSent,
  );
  const { Writable } = require('node:stream');
  const out = [];
  const w = new Writable({
    write(c, _e, d) {
      out.push(String(c).replace(/Date: [^\r]*/, 'Date'));
      d();
    },
  });
  const res = new http.ServerResponse({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 });
  res.assignSocket(w);
  try {
    res.assignSocket(w);
  } catch (e) {
    log(e.code);
  }
  res.on('finish', () => {
    res.detachSocket(w);
    log(out.join(''), res.socket);
  });
  res.end('to a writable');
  const im = new http.IncomingMessage(null);
  log(
    im.readable,
    im.destroyed,
    im.headers,
    im.trailers,
    im.complete,
    im.readableEnded,
    im.readableFlowing,
  );
  im.push('a');
  im.push(null);
  log(await read(im), im.readableEnded);
  const om = new http.OutgoingMessage();
  om.on('error', (e) => log('om', e.code));
  om.pipe();
  try {
    om._implicitHeader();
  } catch (e) {
    log(e.code, e.message);
  }
  om.destroy();
  log(
    om.destroyed,
    om.writable,
    om.writableObjectMode,
    om.writableHighWaterMark,
    om.writableCorked,
    om.connection,
  );
  for (const c of [
    'Server',
    'Agent',
    'IncomingMessage',
    'OutgoingMessage',
    'ServerResponse',
    'ClientRequest',
  ])
    log(
      c,
      http[c].name,
      Object.keys(http[c].prototype)
        .filter((k) => k !== 'connection')
        .sort()
        .join(),
      Object.getPrototypeOf(http[c]).name,
    );
  // A whole pipe, with back-pressure both ways.
  const big = 'abcdefghij'.repeat(60000);
  await serve(
    (q, r) => q.pipe(r),
    async (s, port) => {
      const q = http.request(
        { port, host: '127.0.0.1', method: 'POST', agent: false },
        async (m) => {
          const b = await read(m);
          log(b === big, m.headers['transfer-encoding']);
          s.close();
        },
      );
      for (let i = 0; i < big.length; i += 50000) {
        if (!q.write(big.slice(i, i + 50000))) await new Promise((r) => q.once('drain', r));
      }
      q.end();
    },
  );
  const ee = require('node:events');
  ee.captureRejections = true;
  await serve(
    async () => {
      throw new Error('rejected');
    },
    async (s, port) => {
      http.get({ port, host: '127.0.0.1', agent: false }, async (m) => {
        log(m.statusCode, await read(m));
        s.close();
      });
    },
  );
};
