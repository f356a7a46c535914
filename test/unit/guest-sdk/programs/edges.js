// Arguments and moments at the edges of Node's interfaces.
const assert = require('node:assert');
const { isBuiltin } = require('node:module');
const net = require('node:net');

function told(act) {
  try {
    return act();
  } catch (error) {
    return `${error.name} ${error.code}: ${error.message}`;
  }
}
function show(...acts) {
  for (const act of acts) console.log(told(act));
}

show(
  () => Buffer.concat([], 5).length,
  () => isBuiltin(undefined),
  () =>
    told(() => assert.deepStrictEqual(new Error('a', { cause: 1 }), new Error('a', { cause: 1 }))),
  () =>
    /AssertionError/.test(
      told(() =>
        assert.deepStrictEqual(new Error('a', { cause: 1 }), new Error('a', { cause: 2 })),
      ),
    ),
  () =>
    /AssertionError/.test(
      told(() => assert.deepEqual(new AggregateError([1]), new AggregateError([2]))),
    ),
  () => process.kill('SIGTERM'),
  () => process.kill(Number.NaN),
  () => process.kill(0, 'none'),
  () => process.kill(0, 987),
  () => process.kill(String(process.pid), 0),
  () => process.cpuUsage({}),
  () => process.cpuUsage({ user: 1, system: null }),
  () => process.cpuUsage({ user: -1, system: 1 }),
  () => Object.defineProperty(process.env, 'edge', { value: 1 }),
  () => Object.defineProperty(process.env, 'edge', { get: () => 1 }),
  () =>
    Object.defineProperty(process.env, 'edge', {
      value: 1,
      writable: true,
      enumerable: true,
      configurable: true,
    }) === process.env,
  () => process.env.edge,
  () => net.connect({ port: 1, localAddress: 'nowhere' }),
  () => net.connect({ port: 1, localPort: 'none' }),
  () => net.connect({ port: 1, autoSelectFamily: 'yes' }),
  () => net.connect({ port: 1, lookup: 'name' }),
  () => new net.Socket().setTimeout(Number.POSITIVE_INFINITY),
  () => new net.Socket().setTimeout(-1),
);

process.on('warning', () => {});
const tracker = new assert.CallTracker();
const twice = tracker.calls((a, b) => a + b, 2);
show(
  () => twice(1, 2),
  () => JSON.stringify(tracker.getCalls(twice)),
  () => tracker.verify(),
  () => JSON.stringify(tracker.report().map(({ stack, ...rest }) => rest)),
  () => tracker.calls(1.5),
  () => tracker.getCalls(() => {}),
  () => [twice(0, 0), tracker.verify()].join(),
);

const bare = () => {
  console.log('timer');
  sockets();
};
bare.call = bare.apply = undefined;
setTimeout(bare, 1);

function sockets() {
  // One that keeps nothing alive still hears where it listens.
  const quiet = net.createServer().unref();
  quiet.listen(0, '127.0.0.1', () => {
    console.log('listening', quiet.address().port > 0);
    lookups();
  });
}

function lookups() {
  const server = net.createServer((socket) => socket.end('hello'));
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    const lookup = (name, options, done) => {
      console.log('lookup', name, options.all, options.hints);
      setImmediate(done, null, [{ address: '127.0.0.1', family: 4 }]);
    };
    const socket = net.connect({ host: 'name.test', port, lookup });
    socket.on('lookup', (...args) => console.log('found', ...args));
    socket.on('data', (data) => console.log(String(data), socket.remoteAddress));
    socket.on('close', () => wrong(server, port));
  });
}

function wrong(server, port) {
  const cases = [
    (_name, _options, done) => done(new Error('no such name')),
    (_name, _options, done) => done(null, [{ address: undefined, family: 4 }]),
    (_name, _options, done) => done(null, [{ address: '127.0.0.1', family: 100 }]),
  ];
  const next = () => {
    const lookup = cases.shift();
    if (lookup === undefined) {
      ends(server);
      return;
    }
    const socket = net.connect({ host: 'name.test', port, lookup });
    socket.on('error', (error) =>
      console.log('error', error.code, error.message.replace(/\d{5}/, 'PORT')),
    );
    socket.on('close', next);
  };
  next();
}

async function ends(server) {
  await server[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  console.log('disposed', server.listening);
  const rejecting = new net.Server({ captureRejections: true });
  rejecting[Symbol.for('nodejs.rejection')](new Error('of a connection'), 'connection', {
    destroy: (error) => console.log('destroyed by', error.message),
  });
  rejecting.on('error', (error) => console.log('server error', error.message));
  rejecting[Symbol.for('nodejs.rejection')](new Error('of something else'), 'listening');
}
