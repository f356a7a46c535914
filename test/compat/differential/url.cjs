const url = require('node:url');
const { cases, thrown } = require('./cases.cjs');

const GOOD = [
  'http://a',
  'HTTP://User:Pa%20ss@ExAmple.com:80/a/../b?x=1#h',
  'https://x:443/',
  'http://[::1]:8080/',
  'http://127.1/',
  'http://0x7f.1/',
  'ftp://h/%7Ea b',
  'file:///C:/a/../b',
  'file://host/p',
  'mailto:a@b',
  'data:text/plain,hi',
  'javascript:alert(1)',
  'http://ünïcode.example/ä?ö#ü',
  'http://a/?q=a b\'"<>',
  'ws://h:80/x',
  'about:blank',
  'http://a.b.c./',
  'blob:http://x/1',
  'http://h\\p\\q',
  'urn:isbn:1',
];
const BAD = [
  '',
  'a',
  '//x',
  'http://',
  'http://[::1',
  'http://a:99999',
  'http://a b',
  'http://%zz/',
  'http://1.2.3.4.5/',
  'http://256.1.1.1/',
  'https://exa%23mple/',
];

cases({
  'parts of good ones': () => {
    for (const one of GOOD) {
      const u = new URL(one);
      console.log(
        u.href,
        u.origin,
        u.protocol,
        u.username,
        u.password,
        u.host,
        u.port,
        u.pathname,
        u.search,
        u.hash,
      );
    }
  },
  'bad ones': () => {
    for (const one of BAD)
      console.log(
        JSON.stringify(one),
        thrown(() => new URL(one)),
        URL.canParse(one),
      );
  },
  'relative to a base': () => {
    for (const one of [
      '',
      'x',
      './x',
      '../x',
      '/x',
      '//h/x',
      '?q',
      '#f',
      '../../../../x',
      'x/./y/../z',
      'http:x',
    ])
      console.log(one, new URL(one, 'http://a/b/c/d?q#f').href);
  },
  'a base that is none': () =>
    console.log(
      thrown(() => new URL('x', 'nope')),
      thrown(() => new URL('x', 'mailto:a')),
      thrown(() => new URL()),
    ),
  setters: () => {
    const u = new URL('http://a/b');
    u.protocol = 'https';
    u.host = 'x:81';
    u.port = '443';
    u.pathname = 'ä b';
    u.search = 'q=1';
    u.hash = 'h';
    u.username = 'u@';
    u.password = 'p:';
    console.log(u.href);
    u.protocol = 'mailto';
    u.port = 'x';
    u.host = '';
    u.hostname = '[::1]';
    u.search = '';
    u.hash = '';
    console.log(
      u.href,
      thrown(() => {
        u.href = 'nope';
      }),
    );
  },
  'inspection and JSON': () =>
    console.log(
      new URL('http://u:p@a:8/b?c=d#e'),
      JSON.stringify({ u: new URL('http://a') }),
      String(new URL('http://a')),
      Object.prototype.toString.call(new URL('http://a')),
    ),
  'searchParams follow': () => {
    const u = new URL('http://a/?x=1&y=2&x=3');
    u.searchParams.append('z', 'ä &=');
    u.searchParams.delete('y');
    console.log(u.href, u.searchParams.getAll('x'), u.searchParams.size);
    u.search = '?n=1';
    console.log(u.searchParams.get('n'), u.searchParams);
  },
  'URLSearchParams from many things': () => {
    for (const init of [
      '?a=1&b',
      'a=1&a=2',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
      { a: 1, b: [2, 3] },
      new Map([['m', 'n']]),
      new URLSearchParams('x=y'),
      undefined,
      '%zz=%41+b',
    ])
      console.log(String(new URLSearchParams(init)));
    console.log(
      thrown(() => new URLSearchParams([['a']])),
      thrown(() => new URLSearchParams([5])),
      thrown(() => new URLSearchParams(5).get()),
    );
  },
  'URLSearchParams methods': () => {
    const p = new URLSearchParams('b=2&a=1&b=3&c=');
    p.sort();
    console.log(String(p), p.has('a'), p.has('b', '3'), p.get('none'));
    p.set('b', '9');
    p.delete('c', 'x');
    console.log([...p], [...p.keys()], [...p.values()]);
    p.forEach((value, key, all) => console.log(key, value, all === p));
    console.log(p, p.entries(), new URLSearchParams("a=~'()*-._ !").toString());
  },
  'domainToASCII and back': () =>
    console.log(
      url.domainToASCII('español.com'),
      url.domainToUnicode('xn--espaol-zwa.com'),
      url.domainToASCII('xn--iñvalid.com'),
      JSON.stringify(url.domainToASCII('a b')),
    ),
  files: () => {
    console.log(
      url.fileURLToPath('file:///a%20b/c'),
      url.pathToFileURL('/a b/#?%ä').href,
      url.pathToFileURL('/d/').href,
    );
    console.log(
      thrown(() => url.fileURLToPath('http://a')),
      thrown(() => url.fileURLToPath('file:///a%2fb')),
      thrown(() => url.fileURLToPath('file://host/x')),
      thrown(() => url.fileURLToPath(5)),
    );
  },
  urlToHttpOptions: () =>
    console.log(url.urlToHttpOptions(new URL('https://u%20:p@[::1]:8/a?b#c'))),
  'legacy parse': () => {
    for (const one of [
      ...GOOD.slice(0, 9),
      'a/b?c=d#e',
      '//host/p',
      '/p',
      'http://a b/c',
      'x:y',
      'http://h:/p',
    ])
      console.log({ ...url.parse(one) });
  },
  'legacy parse of queries and hosts': () =>
    console.log(
      url.parse('/a?b=c&d', true).query,
      url.parse('//h/p', false, true).host,
      thrown(() => url.parse(5)),
      thrown(() => url.parse('http://a:b:c/')),
    ),
  'legacy format': () =>
    console.log(
      url.format({
        protocol: 'http',
        hostname: 'h',
        port: 8,
        pathname: 'p',
        query: { a: [1, 2] },
        hash: 'x',
      }),
      url.format({ host: 'h', search: 'q' }),
      url.format({ protocol: 'mailto:', pathname: 'a' }),
      url.format('http://x'),
      url.format(new URL('http://u:p@ü/#h'), { auth: false, fragment: false, unicode: true }),
    ),
  'legacy resolve': () => {
    for (const [a, b] of [
      ['/one/two', 'three'],
      ['http://e/', '/one'],
      ['http://e/one', '/two'],
      ['/a/b/c', '../../d'],
      ['mailto:x@y', 'z'],
      ['http://a/b', '//c/d'],
      ['http://a/b?c', '#d'],
      ['', 'x'],
      ['http://a/b', '?q'],
    ])
      console.log(url.resolve(a, b));
  },
});
