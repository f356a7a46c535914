/** What is there beside the large modules: users, files of variables, arguments, media types. */

const show = (...a) => console.log(...a);
const tryIt = (f) => {
  try {
    show(f());
  } catch (e) {
    show(e.name, e.code, e.message);
  }
};
const util = require('node:util');
const os = require('node:os');
const events = require('node:events');
const {
  AsyncLocalStorage,
  AsyncResource,
  createHook,
  executionAsyncId,
} = require('node:async_hooks');

show(util.parseEnv('A=1\n#c\nexport B="x\\ny"\nC=\'q # r\' # z\nD=a # b\nE=\nG=`m\nn`\n H = i j '));
tryIt(() => util.parseEnv(5));
show(
  util.parseArgs({
    args: ['-f', '--bar', 'b', 'pos'],
    options: {
      f: { type: 'boolean', short: 'f' },
      bar: { type: 'string' },
      d: { type: 'string', default: 'z' },
    },
    allowPositionals: true,
  }),
);
tryIt(() => util.parseArgs({ args: ['--nope'], options: {} }));
tryIt(() => util.parseArgs({ args: ['x'] }));
show(util.parseArgs({ strict: false, args: ['-ab', '--c=d'], tokens: true }).tokens.length);
const mime = new util.MIMEType(' Text/HTML ; charset="utf-8"; a=b;a=c; q="x y\\"z" ');
show(
  String(mime),
  mime.essence,
  mime.params.get('q'),
  mime.params.has('zz'),
  [...mime.params],
  JSON.stringify({ mime }),
);
mime.type = 'application';
mime.params.set('n', 'a b');
mime.params.delete('charset');
show(`${mime}`);
for (const bad of ['', 'text', 'te xt/html', 'text/', 'text/ht ml', '/x'])
  tryIt(() => new util.MIMEType(bad));
tryIt(() => mime.params.set('a b', 'c'));
tryIt(() => mime.params.set('a', 'é€'));
show(
  os.getPriority(),
  os.constants.priority.PRIORITY_LOW,
  os.constants.errno.EPERM,
  Object.keys(os.userInfo()),
  typeof os.freemem(),
  typeof os.release(),
);
tryIt(() => os.setPriority(0, 99));
tryIt(() => os.getPriority('x'));
tryIt(() => process.setUncaughtExceptionCaptureCallback(5));
show(process.hasUncaughtExceptionCaptureCallback());
process.setUncaughtExceptionCaptureCallback((e) => show('captured', e.message));
tryIt(() => process.setUncaughtExceptionCaptureCallback(() => {}));
setTimeout(() => {
  setImmediate(() => process.setUncaughtExceptionCaptureCallback(null));
  throw new Error('late');
}, 1);
tryIt(() => process.setuid(1.5));
tryIt(() => process.setgid());
tryIt(() => process.setSourceMapsEnabled(5));
tryIt(() => process.initgroups());
show(
  process.sourceMapsEnabled,
  process.mainModule === module,
  require('node:module').wrap('x'),
  require('node:module')._nodeModulePaths('/a/node_modules/b'),
);
show(
  util.transferableAbortSignal(AbortSignal.abort()).aborted,
  typeof console.createTask('t').run(() => 1),
);
const timers = require('node:timers');
const item = { _onTimeout: () => show('enrolled', item._idleTimeout) };
timers.enroll(item, 2);
timers.active(item);
const other = { _onTimeout: () => show('never') };
timers.enroll(other, 1);
timers.active(other);
timers.unenroll(other);
const als = new AsyncLocalStorage();
const ee = als.run('EE', () => new events.EventEmitterAsyncResource({ name: 'Q' }));
ee.on('x', (v) => show('x', v, als.getStore(), executionAsyncId() === ee.asyncId));
ee.emit('x', 1);
show(ee.asyncResource.eventEmitter === ee, ee instanceof events, typeof ee.triggerAsyncId);
tryIt(() => new events.EventEmitterAsyncResource());
tryIt(() => new AsyncResource());
tryIt(() => new AsyncResource('t', { triggerAsyncId: -2 }));
tryIt(() => createHook({ init: 5 }));
tryIt(() => AsyncResource.bind(5));
const seen = [];
const ids = new Map();
const hook = createHook({
  init(id, type) {
    if (/^(?:MINE|Timeout)$/.test(type)) ids.set(id, type);
    if (ids.has(id)) seen.push(`init ${type}`);
  },
  before: (id) => ids.has(id) && seen.push(`before ${ids.get(id)}`),
  after: (id) => ids.has(id) && seen.push(`after ${ids.get(id)}`),
  destroy: (id) => ids.has(id) && seen.push(`destroy ${ids.get(id)}`),
}).enable();
setTimeout(() => {
  setImmediate(() =>
    process.nextTick(() => {
      hook.disable();
      setTimeout(() => show(seen.join('\n')), 20);
    }),
  );
}, 1);
const mine = new AsyncResource('MINE');
mine.runInAsyncScope(() => seen.push(executionAsyncId() === mine.asyncId()));
mine.emitDestroy();
for (const bits of [0, 1, 32, 33, 63, 64, 65, 128]) {
  const values = [-1n, -5n, 2n ** 64n - 1n, 2n ** 63n, 2n ** 130n - 3n, 7n];
  show(bits, ...values.map((value) => BigInt.asUintN(bits, value)));
}
tryIt(() => [BigInt.asUintN.name, BigInt.asUintN.length].join());
