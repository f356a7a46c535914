const querystring = require('node:querystring');
const { cases, thrown } = require('./cases.cjs');

const TEXTS = [
  '',
  'a=1',
  'a=1&a=2',
  'a&b=',
  '=x',
  '&&',
  'a=%20+b',
  'a=%zz',
  'a==b',
  'a=1;b=2',
  '%F0%9F%98%80=x',
  'a=%e4',
  '__proto__=1',
  'a[b]=c',
  '?a=1',
];
cases({
  parse: () => {
    for (const text of TEXTS) console.log(text, querystring.parse(text));
  },
  'parse with other separators': () =>
    console.log(
      querystring.parse('a:1;b:2', ';', ':'),
      querystring.parse('a=>1,b=>2', ',', '=>'),
      querystring.parse('a=1&b=2&c=3', null, null, { maxKeys: 2 }),
    ),
  'parse with a decoder': () =>
    console.log(
      querystring.parse('a=%41&b=x', null, null, { decodeURIComponent: (text) => `<${text}>` }),
      querystring.parse('a=%41', null, null, {
        decodeURIComponent: () => {
          throw new Error('no');
        },
      }),
    ),
  'parse of what is no text': () =>
    console.log(querystring.parse(5), querystring.parse(null), querystring.parse(undefined)),
  stringify: () =>
    console.log(
      querystring.stringify({
        a: 1,
        b: [1, 'x', true],
        c: null,
        d: undefined,
        e: Number.NaN,
        f: 10n,
        g: { h: 1 },
        'ä ': 'ü&',
      }),
      querystring.stringify('x'),
      querystring.stringify([1, 2]),
    ),
  'stringify with other separators': () =>
    console.log(
      querystring.stringify({ a: 'b', c: 'd e' }, ';', ':'),
      querystring.stringify({ a: 'b c' }, null, null, {
        encodeURIComponent: (text) => text.toUpperCase(),
      }),
    ),
  escape: () =>
    console.log(
      querystring.escape("a b&c=d/é€😀'()*~"),
      querystring.escape(5),
      querystring.escape({ toString: () => 'x' }),
      thrown(() => querystring.escape('\ud800')),
    ),
  unescape: () =>
    console.log(
      querystring.unescape('%41+%zz%E4'),
      querystring.unescape('%E2%82%AC'),
      String(querystring.unescapeBuffer('a%42%')),
    ),
  'round trips': () => {
    for (const text of TEXTS) console.log(querystring.stringify(querystring.parse(text)));
  },
  'prototype of the result': () =>
    console.log(
      Object.getPrototypeOf(querystring.parse('a=1')),
      querystring.decode === querystring.parse,
      querystring.encode === querystring.stringify,
    ),
});
