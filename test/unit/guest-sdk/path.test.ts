/** The guest's path against Node's, on every combination of odd paths. */

import nodePath from 'node:path';
import { describe, expect, test } from 'vitest';
import { exported as guestPath } from '../../../guest-sdk/node/path.ts';
import { installFakes, outcomeOf } from './fake-traps.ts';

installFakes();

type Flavour = typeof nodePath.posix;
const odd: unknown[] = [
  '',
  '.',
  '..',
  '/',
  '//',
  '///',
  '/a',
  '/a/',
  'a',
  'a/',
  'a/b.c',
  '/a//b/../c/./d.e.f',
  '../..',
  '/../a',
  'a/../..',
  './.',
  '.rc',
  'a/.rc',
  'a.',
  '..a',
  '...',
  '//a',
  '//a/b',
  '/a.b/',
  ' ',
  'a b/c',
  'C:',
  'C:\\',
  'C:/',
  'C:a',
  'C:\\a\\..\\b',
  'c:/a/b.txt',
  '\\',
  '\\a',
  '\\\\server\\share',
  '\\\\server\\share\\dir\\f.x',
  '//server/share/',
  '\\\\server',
  'a\\b',
  'D:\\x',
  'C:\\a\\',
  'file.',
  'C:..',
  '\\\\',
  5,
  null,
  undefined,
  {},
];

/**
 * Answers of Node that no program can want: `relative('/a', '/a.b')` is "..a.b" on Windows, and
 * `basename('/a/', '.x')` is "a/".
 */
function isNodesOwnMistake(
  flavour: string,
  method: string,
  first: unknown,
  second: unknown,
): boolean {
  const slashed = (path: unknown) => typeof path === 'string' && /[\\/:]/.test(path);
  if (method === 'basename')
    return slashed(second) || /[\\/]$/.test(String(first)) || first === 'C:';
  return flavour === 'win32' && method === 'relative' && slashed(first) && slashed(second);
}

for (const name of ['posix', 'win32'] as const) {
  const flavours: [Flavour, Flavour] = [guestPath[name] as never, nodePath[name]];
  const same = (act: (path: Flavour) => unknown) => {
    const [mine, nodes] = flavours.map((path) => outcomeOf(() => act(path)));
    expect([act.toString(), mine]).toEqual([act.toString(), nodes]);
  };

  describe(`path.${name}`, () => {
    for (const method of [
      'normalize',
      'dirname',
      'basename',
      'extname',
      'parse',
      'isAbsolute',
      'toNamespacedPath',
      'resolve',
      'join',
    ] as const) {
      test(`${method} of one path`, () => {
        for (const path of odd) {
          // The working directory on Windows is not a posix path: only absolute ones resolve alike.
          const [mine, nodes] = flavours.map((flavour) =>
            outcomeOf(() => (flavour[method] as (path: unknown) => unknown)(path)),
          );
          expect([path, mine]).toEqual([path, nodes]);
        }
      });
    }

    for (const method of ['join', 'resolve', 'relative', 'basename'] as const) {
      test(`${method} of two paths`, () => {
        for (const first of odd) {
          for (const second of odd) {
            if (isNodesOwnMistake(name, method, first, second)) continue;
            const [mine, nodes] = flavours.map((flavour) =>
              outcomeOf(() =>
                (flavour[method] as (a: unknown, b: unknown) => unknown)(first, second),
              ),
            );
            expect([first, second, mine]).toEqual([first, second, nodes]);
          }
        }
      });
    }

    test('relative between ordinary paths', () => {
      const plain = [
        'C:\\a\\b',
        'C:\\a\\c\\d',
        'c:\\A',
        'D:\\a',
        'C:\\',
        '\\\\server\\share\\x',
        '\\\\server\\share\\y\\z',
      ];
      for (const from of plain) {
        for (const to of plain) same((path) => [from, to, path.relative(from, to)]);
      }
    });

    test('format, constants, links', () => {
      for (const parts of [
        {},
        { dir: '/a', base: 'b.c' },
        { root: '/', name: 'b', ext: 'c' },
        { root: '/', dir: '/', base: 'x' },
        { dir: 'a', name: 'n' },
        { ext: '.x' },
        null,
        5,
      ]) {
        same((path) => path.format(parts as never));
      }
      same((path) => [
        path.sep,
        path.delimiter,
        path.posix.sep,
        path.win32.sep,
        path.posix.posix === path.posix,
      ]);
      same((path) => [
        path.join(),
        path.resolve('/a', '..', 'b'),
        path.join('a', '', '..', '..', 'c'),
      ]);
    });
  });
}

test('what names a device of Windows leads nowhere else', () => {
  expect(guestPath.win32.join('\\\\a\\b', 'CON:..\\..\\c')).toBe('\\\\a\\b\\CON:..\\..\\c');
  expect(guestPath.win32.join('a', 'COM1:../b/c')).toBe('a\\COM1:..\\b\\c');
});
