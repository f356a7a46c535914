const module_ = require('node:module');
const os = require('node:os');
const v8 = require('node:v8');
const vm = require('node:vm');
const { cases, thrown } = require('./cases.cjs');

cases({
  'require and its errors': () =>
    console.log(
      thrown(() => require('nowhere-to-be-found')).split('\n')[0],
      require('fs') === require('node:fs'),
      thrown(() => require('node:nope')),
      thrown(() => require('')),
    ),
  'module and exports': () =>
    console.log(
      module.exports === exports,
      require.main === module,
      module.id,
      module.loaded,
      module.children.length > 0,
      typeof require.resolve,
      __filename.endsWith('modules.cjs'),
    ),
  builtinModules: () =>
    console.log(
      ['fs', 'http', 'stream/web', 'util/types'].every((name) =>
        module_.builtinModules.includes(name),
      ),
      module_.isBuiltin('node:test'),
      module_.isBuiltin('test'),
      module_.isBuiltin('x'),
    ),
  createRequire: () =>
    console.log(
      module_.createRequire(__filename)('./cases.cjs') === require('./cases.cjs'),
      thrown(() => module_.createRequire('x')),
    ),
  os: () =>
    console.log(
      os.EOL,
      os.platform(),
      os.type(),
      os.endianness(),
      os.arch(),
      typeof os.hostname(),
      os.cpus().length > 0,
      os.totalmem() >= os.freemem(),
      os.loadavg().length,
      os.constants.signals.SIGKILL,
      os.constants.errno.ENOENT,
      os.devNull,
      typeof os.userInfo().username,
      os.homedir().startsWith('/'),
      os.tmpdir().startsWith('/'),
    ),
  'v8.serialize': () => {
    const value = {
      a: [1, -1, 1.5, 2 ** 40, 10n, 'x', 'ä', '€'],
      d: new Date(5),
      m: new Map([[1, 2]]),
      s: new Set(['s']),
      r: /x/g,
      u: undefined,
      n: null,
      b: Buffer.from('b'),
      h: [1, , 3],
    };
    value.self = value;
    console.log(
      v8.serialize(value).toString('hex'),
      v8.deserialize(v8.serialize(value)),
      thrown(() => v8.serialize(() => {})).split('|')[0],
    );
  },
  'v8 figures': () =>
    console.log(
      v8.getHeapStatistics().heap_size_limit > 0,
      Array.isArray(v8.getHeapSpaceStatistics()),
      typeof v8.cachedDataVersionTag(),
    ),
  'vm.runInThisContext': () => {
    globalThis.fromOutside = 5;
    console.log(
      vm.runInThisContext('fromOutside + 1'),
      new vm.Script('1 + 1').runInThisContext(),
      thrown(() => new vm.Script('let =')).split('|')[0],
      thrown(() => vm.runInThisContext('throw new RangeError("in vm")')),
    );
  },
  'vm contexts': () => {
    const c = vm.createContext({ a: 1 });
    console.log(
      vm.isContext(c),
      vm.runInContext('b = a + 1', c),
      c.b,
      vm.runInNewContext('x * 2', { x: 21 }),
    );
  },
  'vm.compileFunction': () =>
    console.log(
      vm.compileFunction('return a + b', ['a', 'b'])(1, 2),
      new Function('a', 'return a')(3),
      (0, eval)('1 + 2'),
    ),
  'util.types and classes of modules': () =>
    console.log(
      require('node:events').name,
      require('node:stream').name,
      require('node:assert').name,
      Object.prototype.toString.call(require('node:fs')),
    ),
  'tty and punycode': () =>
    console.log(
      require('node:tty').isatty(1),
      require('node:tty').isatty(-1),
      require('node:punycode').toASCII('mañana.com'),
      require('node:punycode').ucs2.decode('a😀'),
    ),
  perf_hooks: () => {
    const {
      createHistogram,
      PerformanceObserver,
      performance,
      monitorEventLoopDelay,
    } = require('node:perf_hooks');
    const h = createHistogram();
    h.record(5);
    h.record(10);
    console.log(
      h.min,
      h.max,
      h.mean,
      h.count,
      h.percentile(50),
      PerformanceObserver.supportedEntryTypes.includes('mark'),
      typeof performance.timerify(() => {}),
      typeof monitorEventLoopDelay().enable,
      performance.toJSON().nodeTiming !== undefined,
    );
  },
  'stack traces': () => {
    const e = new Error('m');
    console.log(e.stack.split('\n')[0], /modules\.cjs:\d+:\d+/.test(e.stack.split('\n')[1]));
    const o = {};
    Error.captureStackTrace(o);
    console.log(typeof o.stack);
    const before = Error.prepareStackTrace;
    Error.prepareStackTrace = (_e, frames) =>
      frames.map((f) => [typeof f.getFileName(), typeof f.getLineNumber(), f.getFunctionName()])[0];
    console.log(new Error('x').stack);
    Error.prepareStackTrace = before;
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 1;
    console.log(new Error('y').stack.split('\n').length);
    Error.stackTraceLimit = limit;
  },
});
