/**
 * URL, URLSearchParams and the older interface against Node's own, over addresses put together from
 * the parts that make parsers disagree; and the fast parser against the state machine below it.
 */

import nodeQuerystring from 'node:querystring';
import nodeUrl from 'node:url';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { exported as guestQuerystring } from '../../../guest-sdk/node/querystring.ts';
import { exported } from '../../../guest-sdk/node/url.ts';
import { contextOfRecord } from '../../../guest-sdk/web/url-context.ts';
import { urlMachine } from '../../../guest-sdk/web/url-machine.ts';
import { parseUrl } from '../../../guest-sdk/web/url-parser.ts';
import { LONG } from '../../support/long.ts';
import { installFakes } from './fake-traps.ts';
import { makePick, parts } from './url-parts.ts';

installFakes();

type UrlModule = typeof nodeUrl & { resolveObject(base: string, relative: string): unknown };
const ownUrl = nodeUrl as UrlModule;
const guestUrl = exported as unknown as UrlModule;
/** Where Node has no mistakes of its own, of which a longer run would find more. */
const rounds = (count: number): number => (LONG ? count * 20 : count);

/** Compares texts, and only builds what a failure shows when they differ. */
function agree(what: readonly unknown[], given: readonly unknown[]): void {
  const [mine, nodes] = given.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
  if (mine !== nodes) expect([...what, mine]).toEqual([...what, nodes]);
}

const FIELDS = [
  'href',
  'origin',
  'protocol',
  'username',
  'password',
  'host',
  'hostname',
  'port',
  'pathname',
  'search',
  'hash',
] as const;

/** The text of what `act` gives, or of what it throws. */
function told(act: () => unknown): string {
  try {
    return inspect(act(), { depth: 5 });
  } catch (error) {
    const { name, code, input } = error as { name: string; code?: unknown; input?: unknown };
    // Texts of the language's own errors are the engine's.
    return inspect([name, code, code === undefined ? '' : (error as Error).message, input]);
  }
}

function allFields(module: UrlModule, input: string, base: string | undefined): string {
  return told(() => {
    const url = new module.URL(input, base);
    return [...FIELDS.map((field) => url[field]), String(url.searchParams)];
  });
}

/** Beyond the schemes of the web, Node 20 is not at the standard when ".." meets the root or a drive. */
const isNodesOwnPath = (input: string, base: string | undefined): boolean =>
  /\.\.|%2e/i.test(input) &&
  !/^\s*(?:https?|wss?|ftp):/i.test(/^[a-z]+:/i.test(input) ? input : `${base}`);

/** Where the standard has changed since Node 20: "^" in paths, spaces at the end of opaque paths. */
function asOfNode20(text: string): string {
  return text.replaceAll('%5E', '^').replace(/%20(?=[?#' ,]|$)/g, ' ');
}

describe('URL', () => {
  test('every part of generated addresses is what Node says it is', () => {
    const { address, pick } = makePick(11);
    for (let i = 0; i < 1000; i++) {
      const input = address();
      // Node 20 resolves paths against an opaque base, which the standard refuses.
      const base = pick([
        undefined,
        undefined,
        ...parts.bases.filter((one) => !/^mailto|^foo/.test(one)),
      ]);
      if (isNodesOwnPath(input, base)) continue;
      const given = [guestUrl, ownUrl].map((url) => asOfNode20(allFields(url, input, base)));
      agree([input, base], given);
    }
  });

  test('the fast parser gives the offsets the state machine gives', () => {
    const { address, pick } = makePick(12);
    const machine = urlMachine();
    for (let i = 0; i < rounds(1000); i++) {
      const input = Buffer.from(address()).toString();
      const base = pick([undefined, ...parts.bases]);
      const baseURL = base === undefined ? null : machine.basicURLParse(base);
      const record = machine.basicURLParse(input, { baseURL });
      const wanted = record === null ? undefined : contextOfRecord(record);
      agree([input, base], [{ found: parseUrl(input, base) }, { found: wanted }]);
    }
  });

  test('setters change what Node changes', () => {
    const { pick, text } = makePick(13);
    const setters = FIELDS.filter((field) => field !== 'origin' && field !== 'href');
    for (let i = 0; i < rounds(800); i++) {
      const href = pick([
        'http://u:p@h:81/p/q?x#y',
        'https://h/',
        'file:///d/e',
        'foo://b/c?d',
        'ws://h?q#',
      ]);
      const field = pick(setters);
      const value = pick([
        text(),
        pick(parts.hosts),
        pick(parts.paths),
        pick(parts.queries),
        '',
        '8080',
        'https',
        'x#y?z',
        '?#',
      ]);
      const given = [guestUrl, ownUrl].map((module) => {
        const url = new module.URL(href);
        const query = url.searchParams;
        url[field] = value;
        return asOfNode20(`${url.href} ${query}`);
      });
      if (!isNodesOwnMistake(href, field, value)) agree([href, field, value], given);
    }
  });
});

/** Setters in which Node 20 is not at the standard: a port that is none, and those of odd schemes. */
function isNodesOwnMistake(href: string, field: string, value: string): boolean {
  if (field === 'port' && !/^\d/.test(value)) return true;
  if (field === 'host' && /:(?!\d)/.test(value)) return true;
  return href.startsWith('foo:') && (field === 'host' || field === 'pathname');
}

describe('URLSearchParams', () => {
  test('reads and writes generated queries as Node does', () => {
    const { text } = makePick(14);
    for (let i = 0; i < 700; i++) {
      const query = text();
      const given = [guestUrl, ownUrl].map(({ URLSearchParams }) => {
        const params = new URLSearchParams(query);
        const before = String(params);
        params.append('z', query);
        params.delete('a');
        params.set('é', ' ');
        params.sort();
        return [before, String(params), [...params.keys()], params.has('b'), params.getAll('z')];
      });
      agree([query], given);
    }
  });
});

describe('the older interface', () => {
  test('parse, resolve and resolveObject give what Node gives', () => {
    const { legacyAddress, pick } = makePick(15);
    for (let i = 0; i < rounds(600); i++) {
      const input = legacyAddress();
      const base = legacyAddress();
      const [parsesQuery, slashes] = [pick([true, false]), pick([true, false])];
      const given = [guestUrl, ownUrl].map((module) => [
        told(() => module.parse(input, parsesQuery, slashes)),
        told(() => module.resolve(base, input)),
        told(() => module.resolveObject(base, input)),
      ]);
      agree([input, base], given);
    }
  });

  test('format puts together what Node puts together', () => {
    const { pick } = makePick(16);
    for (let i = 0; i < rounds(700); i++) {
      const object: Record<string, unknown> = {};
      for (const [field, values] of Object.entries(parts.fields)) {
        const value = pick(values);
        if (value !== undefined) object[field] = value;
      }
      const given = [guestUrl, ownUrl].map(({ format }) => told(() => format(object)));
      agree([object], given);
    }
  });

  test('format leaves out of a URL what its options say', () => {
    const { pick } = makePick(17);
    for (let i = 0; i < rounds(100); i++) {
      const host = pick(['a', 'xn--mgba3gch31f060k.com', '[::1]']);
      const href = `http://${pick(['', 'u@', 'u:p@', ':p@'])}${host}${pick(['', ':8'])}/b?c#d`;
      const options = pick<unknown>([
        undefined,
        null,
        { auth: 0 },
        { search: 0, fragment: 0 },
        { unicode: true, auth: false },
        5,
        [],
      ]);
      const given = [guestUrl, ownUrl].map(({ format, URL }) =>
        told(() => format(new URL(href), options as nodeUrl.URLFormatOptions)),
      );
      agree([href, options], given);
    }
  });
});

describe('querystring', () => {
  test('parse, stringify, escape and unescape give what Node gives', () => {
    const { text, pick } = makePick(18);
    const decoders = [
      undefined,
      { maxKeys: 2 },
      { maxKeys: 0 },
      { maxKeys: Number.NaN },
      parts.decoder,
    ];
    for (let i = 0; i < 1000; i++) {
      const query = text();
      const separators = [
        pick([undefined, '&', ';', '&&']),
        pick([undefined, '=', ':', '==']),
      ] as const;
      const options = pick(decoders);
      const value = pick(parts.values);
      const given = [guestQuerystring as unknown as typeof nodeQuerystring, nodeQuerystring].map(
        (module) => [
          told(() => module.parse(query, ...separators, options)),
          told(() => module.stringify({ [query]: value as string }, ...separators)),
          told(() => module.escape(query)),
          told(() => module.unescape(query)),
        ],
      );
      agree([query, separators, options], given);
    }
  });
});

describe('files and hosts', () => {
  test('paths become URLs and back as in Node', () => {
    for (const path of [
      '/',
      '/a b',
      '/é?#%',
      '/x/',
      'rel',
      '/[~]^|',
      '/\n\t',
      '/../a/./b//c',
      '\\',
      '/\ud800',
    ]) {
      const given = [guestUrl, ownUrl].map(({ pathToFileURL, fileURLToPath }) =>
        told(() => [pathToFileURL(path).href, fileURLToPath(pathToFileURL(path))]),
      );
      agree([path], given);
    }
    for (const from of [
      'file:///a%20b',
      'file:///a%2Fb',
      'http://a/',
      'x',
      5,
      null,
      { href: 'file:///a' },
    ]) {
      const given = [guestUrl, ownUrl].map(({ fileURLToPath }) =>
        told(() => fileURLToPath(from as string)).replace(
          /file:\/\/\/a%2Fb|URL \{[\s\S]*\}|undefined/g,
          '',
        ),
      );
      agree([from], given);
    }
  });

  test('Windows paths are told by the option, on every system', () => {
    const path = (url: string): string =>
      (guestUrl.fileURLToPath as (url: string, options: object) => string)(url, { windows: true });
    const url = (from: string): string =>
      (guestUrl.pathToFileURL as (path: string, options: object) => URL)(from, { windows: true })
        .href;
    expect(path('file:///C:/a%20b/c')).toBe('C:\\a b\\c');
    expect(path('file://server/share/x')).toBe('\\\\server\\share\\x');
    expect(() => path('file:///a')).toThrow('must be absolute');
    expect(() => path('file:///C:/a%5Cb')).toThrow('must not include encoded \\ or / characters');
    expect(url('C:\\a b\\c\\')).toBe('file:///C:/a%20b/c/');
    expect(url('\\\\server\\share\\x')).toBe('file://server/share/x');
    expect(() => url('\\\\server')).toThrow('Missing UNC resource path');
  });

  test('domains become ASCII and Unicode as in Node', () => {
    for (const domain of [
      'a',
      'A.b',
      'ü.de',
      'español.com',
      'xn--espaol-zwa.com',
      'xn--iñvalid.com',
      'a/b',
      'a:80',
      '[::1]',
      '1.2',
      '',
      '☕.example',
      'a b',
      'xn--a',
      'a@b',
    ]) {
      const given = [guestUrl, ownUrl].map(({ domainToASCII, domainToUnicode }) => [
        domainToASCII(domain),
        domainToUnicode(domain),
      ]);
      agree([domain], given);
    }
  });
});
