const net = require('node:net');
const { cases, failure, once, thrown } = require('./cases.cjs');

async function pair(act, options = {}) {
  const server = net.createServer(options);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect(server.address().port, '127.0.0.1');
  const [[socket]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
  try {
    await act(client, socket, server);
  } finally {
    client.destroy();
    socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
const text = async (stream) => {
  let all = '';
  for await (const part of stream) all += part;
  return all;
};

cases({
  'there and back': () =>
    pair(async (a, b) => {
      a.write('hello');
      console.log(String((await once(b, 'data'))[0]));
      b.end('bye');
      console.log(await text(a));
    }),
  'half open': () =>
    pair(
      async (a, b) => {
        a.end('x');
        console.log(await text(b), b.writable, b.readyState);
        b.end('still');
        console.log(await text(a));
      },
      { allowHalfOpen: true },
    ),
  'events in order': () =>
    pair(async (a, b) => {
      const log = [];
      for (const name of ['end', 'finish', 'close', 'drain', 'error'])
        b.on(name, (x) => log.push(`${name} ${x ?? ''}`));
      b.resume();
      a.end('x');
      await once(b, 'close');
      console.log(log.join(', '));
    }),
  states: () =>
    pair(async (a, b, server) => {
      console.log(
        a.readyState,
        a.connecting,
        a.pending,
        a.remoteFamily,
        a.remoteAddress,
        a.localAddress === b.remoteAddress,
        a.remotePort === server.address().port,
        server.address().family,
        b.bytesRead,
        a.destroyed,
      );
      a.destroy();
      await once(a, 'close');
      console.log(a.readyState, a.destroyed, a.remoteAddress);
    }),
  'bytes are counted': () =>
    pair(async (a, b) => {
      a.write('héllo');
      await once(b, 'data');
      console.log(a.bytesWritten, b.bytesRead);
    }),
  encodings: () =>
    pair(async (a, b) => {
      b.setEncoding('utf8');
      a.write(Buffer.from([0xe2, 0x82]));
      setTimeout(() => a.end(Buffer.from([0xac])), 5);
      console.log(await text(b));
    }),
  'large writes and back pressure': () =>
    pair(async (a, b) => {
      const big = Buffer.alloc(3_000_000, 'x');
      b.pause();
      a.write(big);
      let n = 0;
      b.on('data', (part) => {
        n += part.length;
      });
      b.resume();
      a.end();
      await once(b, 'end');
      console.log(n);
    }),
  'write callbacks': () =>
    pair(async (a, b) => {
      b.resume();
      const log = [];
      a.write('1', () => log.push(1));
      a.write('2', () => log.push(2));
      await new Promise((resolve) => a.end('3', resolve));
      console.log(log);
    }),
  refused: async () => {
    const s = net.connect(1, '127.0.0.1');
    const [error] = await once(s, 'error');
    console.log(error.code, error.syscall, error.address, error.port, error.message, s.destroyed);
  },
  'a port in use': async () => {
    const a = net.createServer().listen(0, '127.0.0.1');
    await once(a, 'listening');
    const b = net.createServer().listen(a.address().port, '127.0.0.1');
    const [error] = await once(b, 'error');
    console.log(error.code, error.syscall, error.message.replace(/:\d+/, ':P'), b.listening);
    a.close();
  },
  'wrong arguments': async () => {
    for (const act of [
      () => net.connect(),
      () => net.connect(99999),
      () => net.createServer().listen(-1),
      () => net.createServer(5),
      () => new net.Socket().setTimeout('x'),
      () => net.connect({ port: 'x' }),
      () => net.createServer().listen({}),
      () => net.connect({ port: 1, host: 5 }),
      () => net.connect({ port: 1, lookup: 5 }),
    ])
      console.log(thrown(act));
  },
  'close of a server': async () => {
    const s = net.createServer();
    console.log(
      await failure(
        () => new Promise((resolve, reject) => s.close((e) => (e ? reject(e) : resolve()))),
      ),
    );
    s.listen(0);
    await once(s, 'listening');
    console.log(thrown(() => s.listen(0)));
    s.close();
    console.log(s.address(), s.listening);
    await once(s, 'close');
  },
  'a closed socket': () =>
    pair(async (a) => {
      a.destroy();
      const error = await new Promise((resolve) => a.write('x', resolve));
      console.log(error.code);
    }),
  'write after end': () =>
    pair(async (a, b) => {
      b.resume();
      a.end();
      const error = new Promise((resolve) => a.once('error', resolve));
      a.write('x');
      console.log((await error).code, (await error).message);
    }),
  timeouts: () =>
    pair(async (a) => {
      a.setTimeout(5);
      await once(a, 'timeout');
      console.log('timeout', a.timeout, a.destroyed, a.setTimeout(0) === a);
    }),
  resetAndDestroy: () =>
    pair(async (a, b) => {
      const error = once(b, 'error');
      a.resetAndDestroy();
      console.log((await error)[0].code);
    }),
  'destroySoon and error': () =>
    pair(async (a, b) => {
      b.resume();
      a.write('x');
      a.destroySoon();
      await once(a, 'close');
      console.log(a.destroyed);
      const gone = once(b, 'close');
      b.destroy(new Error('mine'));
      b.on('error', (e) => console.log(e.message));
      console.log(await gone);
    }),
  isIP: () => {
    for (const one of [
      '127.0.0.1',
      '1.2.3',
      '::1',
      '::ffff:1.2.3.4',
      'fe80::1%eth0',
      '',
      '256.1.1.1',
      'a',
      '1::2::3',
    ])
      console.log(one, net.isIP(one), net.isIPv4(one), net.isIPv6(one));
  },
  BlockList: () => {
    const b = new net.BlockList();
    b.addAddress('1.1.1.1');
    b.addRange('2.0.0.1', '2.0.0.9');
    b.addSubnet('10.0.0.0', 8);
    b.addSubnet('fe80::', 10, 'ipv6');
    console.log(
      b.check('1.1.1.1'),
      b.check('2.0.0.10'),
      b.check('10.9.9.9'),
      b.check('::ffff:10.1.1.1', 'ipv6'),
      b.rules,
      thrown(() => b.addAddress('x')),
      net.BlockList.isBlockList?.(b),
    );
  },
  SocketAddress: () => {
    const s = new net.SocketAddress({ address: '1.2.3.4', port: 80 });
    console.log(
      s.address,
      s.port,
      s.family,
      s.flowlabel,
      thrown(() => new net.SocketAddress({ address: 'x' })),
    );
  },
  'options of sockets': () =>
    pair(async (a) =>
      console.log(
        a.setNoDelay() === a,
        a.setKeepAlive(true, 5) === a,
        a.ref() === a,
        a.unref() === a,
        a.setEncoding('utf8') === a,
        a.allowHalfOpen,
      ),
    ),
  'connections are counted': () =>
    pair(async (_a, _b, server) =>
      console.log(
        await new Promise((resolve) => server.getConnections((_e, n) => resolve(n))),
        server.maxConnections,
      ),
    ),
  maxConnections: async () => {
    const s = net.createServer((c) => c.resume());
    s.maxConnections = 1;
    s.listen(0, '127.0.0.1');
    await once(s, 'listening');
    const dropped = once(s, 'drop');
    const a = net.connect(s.address().port, '127.0.0.1');
    await once(a, 'connect');
    const b = net.connect(s.address().port, '127.0.0.1');
    const [data] = await dropped;
    console.log(Object.keys(data).sort());
    await once(b, 'close');
    a.destroy();
    s.close();
  },
  'async iteration of a socket': () =>
    pair(async (a, b) => {
      a.write('1');
      a.end('2');
      console.log(await text(b));
    }),
  'pipe as an echo': () =>
    pair(
      async (a, b) => {
        b.pipe(b);
        a.end('echo');
        console.log(await text(a));
      },
      { allowHalfOpen: true },
    ),
  pauseOnConnect: () =>
    pair(
      async (a, b) => {
        console.log(b.isPaused());
        a.end('x');
        b.resume();
        console.log(await text(b));
      },
      { pauseOnConnect: true },
    ),
});
