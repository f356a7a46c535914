/** Parts of addresses on which parsers disagree, and a generator that puts them together. */

interface Parts {
  readonly schemes: readonly string[];
  readonly legacySchemes: readonly string[];
  readonly hosts: readonly string[];
  readonly paths: readonly string[];
  readonly queries: readonly string[];
  readonly hashes: readonly string[];
  readonly bases: readonly string[];
  readonly texts: readonly string[];
  /** Values of the fields of an object to format. */
  readonly fields: Readonly<Record<string, readonly unknown[]>>;
  readonly values: readonly unknown[];
  readonly decoder: { decodeURIComponent(text: string): string };
}

export const parts: Parts = {
  schemes:
    'http:// https:// ws:// wss:// file:// file:/// ftp:// http:/ http: HTTP:// // / mailto: foo:// blob:http:// data: redis://'
      .split(' ')
      .concat(['', 'https:\\\\']),
  legacySchemes:
    'http:// https:// HTTP:// file:// file:/// ftp:// http:/ http: // / mailto: foo:// foo: javascript: javascript:// gopher:// ws: xmpp: git+ssh:// x:'
      .split(' ')
      .concat(['', ' http://', 'http:\\\\', '\bhttp://']),
  hosts: [
    ...'a example.com EXAMPLE.com localhost 127.0.0.1 127.1 0x7f.1 1.2.3 256.1.1.1 a.1 1a.b [::1] [::1 xn--nxasmq6b ü.de a_b a%41 user@h u:p@h:1 a..b . a. C: C| a: a:80 a:443 a:8080 a:99999 a:08 a:x -a- a^b a*b .a a;b a@b@c :80'.split(
      ' ',
    ),
    '',
    'a b',
    'a\tb',
    'a"b@c',
    `${'x'.repeat(256)}.com`,
  ],
  paths: [
    ...'/ /a /a/b /./a /../a /a/.. /a/. /a/%2e%2E/b /a//b /é /"<>`{}^| \\x /C:/x /C|/x /a;b=c:d@e /%zz /.well-known/x /..a /a/... ./x ../y ../../z x x:y . .. /a/../../b/ //b ./ ../ g;x a@b.com /x/@y'.split(
      ' ',
    ),
    '',
    '/ b',
    '/\t',
    '/\u{1f600}',
    '/\ud800',
    "/'()~!$&*+,=[]",
  ],
  queries: [
    '',
    '?',
    '?a=b',
    '?a b',
    '?\'"<>`',
    '?é',
    '?x?y',
    '?a\\b',
    '?%41',
    '?a=1&b=2&a=3',
    '?a=%zz',
  ],
  hashes: ['', '#', '#f', '#a b"<>`', '#é', '#a#b', '#\\', '# ', '#?x'],
  bases: [
    'http://h/p/q?x#y',
    'file:///d/e',
    'file:///C:/d',
    'https://a.b:8443',
    'foo://b/c',
    'mailto:x',
    'http://u:p@h/',
    'file://srv/x/',
  ],
  texts: [
    'a',
    'b',
    '=',
    '&',
    '+',
    '%20',
    '%C3%A9',
    ';',
    ':',
    'a=b',
    '&&',
    '==',
    '%2',
    'x',
    '\u{1f600}',
    '~',
    "'()!*",
    '?',
  ],
  fields: {
    protocol: [undefined, null, 'http', 'http:', 'file', 'mailto:', 'foo'],
    slashes: [undefined, true, false],
    auth: [undefined, 'u:p', 'a b@:%', '\ud800x'],
    host: [undefined, null, 'h:80', 'h'],
    hostname: [undefined, 'h', '::1', '[::1]'],
    port: [undefined, 80, '81', ''],
    pathname: [undefined, '/x', 'x', 'a?b#c', ''],
    search: [undefined, '?a', 'a', '?a#b'],
    query: [undefined, null, { a: [1, 2] }, {}, 'x'],
    hash: [undefined, '#h', 'h', ''],
  },
  values: [
    1,
    Number.NaN,
    1e21,
    5n,
    true,
    null,
    undefined,
    'x y',
    '\ud800',
    {},
    [1, 'é'],
    [],
    [[1]],
    -0,
    1e-7,
  ],
  decoder: { decodeURIComponent: (text: string): string => `<${text}>` },
};

export interface Picker {
  pick<T>(from: readonly T[]): T;
  address(): string;
  legacyAddress(): string;
  text(): string;
}

/** Picks the same things for the same seed. */
export function makePick(seed: number): Picker {
  let state = seed;
  const below = (count: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % count;
  };
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  const build = (schemes: readonly string[], end: readonly string[]): string => {
    const host = below(3) > 0 ? pick(parts.hosts) : '';
    const more = below(4) > 0 ? '' : pick(parts.paths);
    const path = pick(parts.paths) + more;
    const rest = pick(parts.queries) + pick(parts.hashes);
    return pick(schemes) + host + path + rest + (below(20) > 0 ? '' : pick(end));
  };
  return {
    pick,
    address: () => build(parts.schemes, [' ', '\n', '\0']),
    legacyAddress: () => build(parts.legacySchemes, [' ', '\n', '\u00a0']),
    text: () => Array.from({ length: below(9) }, () => pick(parts.texts)).join(''),
  };
}
