const { Console } = require('node:console');
const { PassThrough } = require('node:stream');
const { cases, thrown } = require('./cases.cjs');

const made = (options = {}) => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const c = new Console({ stdout, stderr, ...options });
  return { c, out: () => String(stdout.read() ?? ''), err: () => String(stderr.read() ?? '') };
};
cases({
  'where it goes': () => {
    const { c, out, err } = made();
    c.log('a %d', 1);
    c.info({ b: 1 });
    c.debug('c');
    c.error('d');
    c.warn('e');
    c.trace?.call;
    console.log(out(), err());
  },
  groups: () => {
    const { c, out } = made({ groupIndentation: 3 });
    c.group('one');
    c.log('two\nlines');
    c.groupCollapsed();
    c.log('deep');
    c.groupEnd();
    c.groupEnd();
    c.groupEnd();
    c.log('out');
    console.log(out());
  },
  tables: () => {
    const { c, out } = made();
    c.table([
      { a: 1, b: 'x' },
      { a: 2, c: true },
    ]);
    c.table([[1, 2], [3]]);
    c.table(new Map([['k', 1]]));
    c.table([{ a: 1, b: 2 }], ['b']);
    c.table(5);
    c.table(new Set([1]));
    c.table({ x: { y: 1 }, z: 2 });
    console.log(out());
  },
  counts: () => {
    const { c, out, err } = made();
    c.count();
    c.count('x');
    c.count('x');
    c.countReset('x');
    c.count('x');
    console.log(out(), err());
  },
  assert: () => {
    const { c, err } = made();
    c.assert(true, 'no');
    c.assert(false);
    c.assert(0, 'a %s', 'b');
    c.assert(false, { a: 1 });
    console.log(err());
  },
  times: () => {
    const { c, out } = made();
    c.time('t');
    c.timeLog('t', 'x');
    c.timeEnd('t');
    console.log(out().replace(/[\d.]+ms/g, 'N'));
  },
  'dir and options': () => {
    const { c, out } = made({ inspectOptions: { depth: 0 } });
    c.log({ a: { b: 1 } });
    c.dir({ a: { b: { c: 1 } } }, { depth: 1 });
    c.dirxml([1], { a: 1 });
    console.log(out());
  },
  colors: () => {
    const { c, out } = made({ colorMode: true });
    c.log({ a: 1 }, 'text');
    console.log(
      JSON.stringify(out()),
      thrown(() => made({ colorMode: 'x' })),
    );
  },
  'no arguments and formats': () => {
    const { c, out } = made();
    c.log();
    c.log('');
    c.log('%s %o', 'a', {});
    c.log('%%', 1);
    c.log(Symbol('x'), -0, 1n, null);
    console.log(out());
  },
  'wrong streams': () =>
    console.log(
      thrown(() => new Console()),
      thrown(() => new Console({ stdout: {} })),
      typeof Console.call,
    ),
  trace: () => {
    const { c, err } = made();
    c.trace('here %d', 1);
    console.log(err().split('\n')[0]);
  },
});
