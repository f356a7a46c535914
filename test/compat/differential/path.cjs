const path = require('node:path');
const { cases, thrown } = require('./cases.cjs');

const PATHS = [
  '',
  '.',
  '..',
  '/',
  '//',
  '/a',
  'a/',
  'a/b.c',
  '/a/b.tar.gz',
  './a/../b',
  '../../a',
  '.hidden',
  'a..',
  'a.',
  '/a//b/./c/../d/',
  'C:\\a\\b.txt',
  'C:a',
  '\\\\server\\share\\x',
  'c:/a/../..',
  'a\\b/c',
];
const each = (act) => () => {
  for (const one of PATHS)
    console.log(
      JSON.stringify(one),
      JSON.stringify(act(path.posix, one)),
      JSON.stringify(act(path.win32, one)),
    );
};

cases({
  normalize: each((p, one) => p.normalize(one)),
  dirname: each((p, one) => p.dirname(one)),
  basename: each((p, one) => [
    p.basename(one),
    p.basename(one, '.c'),
    p.basename(one, p.basename(one)),
  ]),
  extname: each((p, one) => p.extname(one)),
  parse: each((p, one) => p.parse(one)),
  'format of parse': each((p, one) => p.format(p.parse(one))),
  isAbsolute: each((p, one) => p.isAbsolute(one)),
  'join with each other': () => {
    for (const a of PATHS)
      console.log(
        PATHS.slice(0, 12)
          .map((b) => path.posix.join(a, b))
          .join(' | '),
        PATHS.map((b) => path.win32.join(a, b)).join(' | '),
      );
  },
  'resolve from a root': () => {
    for (const a of PATHS)
      console.log(
        PATHS.map((b) => path.posix.resolve('/root/x', a, b)).join(' | '),
        PATHS.map((b) => path.win32.resolve('D:\\root', a, b)).join(' | '),
      );
  },
  relative: () => {
    for (const a of ['/a/b', '/a/b/', '/', '/a/bc', '/x'])
      for (const b of ['/a/b/c', '/a', '/', '/a/b'])
        console.log(a, b, path.relative(a, b), path.win32.relative(`C:${a}`, `c:${b}`));
  },
  toNamespacedPath: each((p, one) =>
    p === path.win32 && !p.isAbsolute(one) ? '' : p.toNamespacedPath(one),
  ),
  'what is no text': () => {
    for (const value of [undefined, null, 5, {}, true])
      console.log(
        thrown(() => path.join(value)),
        thrown(() => path.basename(value)),
        thrown(() => path.parse(value)),
      );
  },
  separators: () =>
    console.log(
      path.sep,
      path.delimiter,
      path.win32.sep,
      path.win32.delimiter,
      path.posix === path,
      path.win32.win32 === path.win32,
    ),
  'format of parts': () =>
    console.log(
      path.format({ dir: '/a', base: 'b' }),
      path.format({ root: '/', name: 'n', ext: '.x' }),
      path.format({ root: '/', name: 'n', ext: 'x' }),
      thrown(() => path.format('x')),
    ),
  'matchesGlob or not there': () =>
    console.log(
      typeof path.resolve,
      path.basename('a.html', '.html'),
      path.basename('a.html', 'a.html'),
    ),
});
