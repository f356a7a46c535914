/** What the documents tell people to type, and where they send them, exists. */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { CATALOGUE } from '../../hypervisor/base/errors.ts';
import { HV } from '../support/hv-process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true })
    .map((name) => `docs/${String(name)}`)
    .filter((name) => name.endsWith('.md')),
];
/** Documents whose code blocks are for the shell. */
const GUIDES = ['README.md', 'docs/testing.md'];
const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };

/** Programs that are none of ours: nothing to check but their name. */
const FOREIGN = new Set(['redis-cli', 'redis-benchmark', 'kill', 'head', 'cd', 'git', '.ci/run']);
/** Files that a command makes or a reader brings along. */
const BROUGHT = /^(?:\.hv\/|path\/to\/)/;

interface Help {
  readonly options: ReadonlySet<string>;
  /** Options that take a value. */
  readonly valued: ReadonlySet<string>;
  readonly commands: ReadonlySet<string>;
}

const helps = new Map<string, Help>();

/** Every command's help, asked of one process: a process for each would take a minute of a busy machine. */
const PRINT_ALL = `
  import { readdirSync } from 'node:fs';
  import { Command } from 'commander';
  const program = new Command('hv').enablePositionalOptions();
  const dir = './dist/hypervisor/cli/commands/';
  for (const file of readdirSync(dir).filter((name) => name.endsWith('.js')))
    for (const [name, register] of Object.entries(await import(dir + file)))
      if (name.startsWith('register')) register(program);
  const texts = {};
  const walk = (command, words) => {
    texts[words.join(' ')] = command.helpInformation();
    for (const one of command.commands) walk(one, [...words, one.name()]);
  };
  walk(program, []);
  console.log(JSON.stringify(texts));`;
let usages: Readonly<Record<string, string>> | undefined;

/** What hv itself says decides which commands there are. */
function usageOf(key: string): string {
  if (key === '') return execFileSync(process.execPath, [HV, '--help'], { encoding: 'utf8' });
  usages ??= JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '--eval', PRINT_ALL], {
      cwd: ROOT,
      encoding: 'utf8',
    }),
  ) as Record<string, string>;
  return usages[key] ?? '';
}

function helpOf(...command: readonly string[]): Help {
  const key = command.join(' ');
  const known = helps.get(key);
  if (known !== undefined) return known;
  const usage = usageOf(key);
  const found = [...usage.matchAll(/^ {2}(?:(-\w), )?(--[\w-]+)( <| \[)?/gm)];
  const named = found.map(([, short, long = '', value]) => ({
    names: short === undefined ? [long] : [short, long],
    value,
  }));
  const list = usage.split(/^Commands:$/m)[1] ?? '';
  const help: Help = {
    options: new Set(named.flatMap(({ names }) => names)),
    valued: new Set(named.flatMap(({ names, value }) => (value === undefined ? [] : names))),
    commands: new Set([...list.matchAll(/^ {2}(\w+)/gm)].map(([, name = '']) => name)),
  };
  helps.set(key, help);
  return help;
}

/** How many words name the command; a string: what is wrong with one of them. */
function depthOf(words: readonly string[]): number | string {
  let depth = 1;
  if (!helpOf().commands.has(words[0] ?? '')) return `no command ${words[0] ?? ''}`;
  for (;;) {
    const help = helpOf(...words.slice(0, depth));
    const next = words[depth] ?? '';
    // `hv arbiter --data views` runs the command itself, `hv arbiter status` one below it.
    if (help.commands.size === 0 || (next.startsWith('-') && help.options.has(next))) return depth;
    if (!help.commands.has(next)) return `no command ${words.slice(0, depth + 1).join(' ')}`;
    depth += 1;
  }
}

/** What is wrong with the arguments of `hv`; options go before the script, as in `hv run`. */
function hvFaults(words: readonly string[]): string[] {
  const depth = depthOf(words);
  if (typeof depth === 'string') return [depth];
  const [name = ''] = words;
  const help = helpOf(...words.slice(0, depth));
  const args = words.slice(depth);
  const faults: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? '';
    if (word.startsWith('-')) {
      if (!help.options.has(word)) faults.push(`hv ${name} has no ${word}`);
      if (help.valued.has(word)) at += 1;
      continue;
    }
    if (name === 'help' && !(word in CATALOGUE)) faults.push(`no error ${word}`);
    if (word.includes('/') && !BROUGHT.test(word) && !existsSync(join(ROOT, word)))
      faults.push(`no file ${word}`);
    if (name === 'run') break;
  }
  return faults;
}

/** A file a command of ours is given: a source for what lies in dist/. */
function fileFaults(word: string): string[] {
  const built = /^dist\/(.*)\.js$/.exec(word);
  const path = built ? `${built[1]}.ts` : word;
  return existsSync(join(ROOT, path)) ? [] : [`no file ${word}`];
}

function commandFaults(command: string): string[] {
  const words = command.trim().split(/\s+/);
  while (/^[A-Z_]+=/.test(words[0] ?? '')) words.shift();
  const [program = '', ...rest] = words;
  if (program === 'hv') return hvFaults(rest);
  if (program === 'npx') return npxFaults(rest);
  if (program === 'npm') return npmFaults(rest);
  if (program === 'node') {
    const script = rest.find((word) => !word.startsWith('-')) ?? '';
    const isHv = script === 'dist/bin/main.js';
    return isHv ? hvFaults(rest.slice(rest.indexOf(script) + 1)) : fileFaults(script);
  }
  return FOREIGN.has(program) ? [] : [`unknown program ${program}`];
}

function npxFaults([tool = '', ...rest]: readonly string[]): string[] {
  if (tool === 'hv') return hvFaults(rest);
  if (!existsSync(join(ROOT, 'node_modules/.bin', tool))) return [`no package ${tool}`];
  const files = rest.filter((word) => word.includes('/') && !word.startsWith('-'));
  return files.filter((word) => !existsSync(join(ROOT, word))).map((word) => `no file ${word}`);
}

function npmFaults([verb = '', ...rest]: readonly string[]): string[] {
  if (verb === 'ci' || verb === 'test') return [];
  const name = rest.find((word) => !word.startsWith('-')) ?? '';
  return verb === 'run' && name in scripts ? [] : [`no npm script ${verb} ${name}`];
}

/** Single commands of the shell blocks of a document, without comments. */
function commandsOf(path: string): string[] {
  return [...text(path).matchAll(/^```sh\n(.*?)^```/gms)]
    .flatMap(([, block = '']) => block.split('\n'))
    .map((line) => line.replace(/(?:^|\s+)#.*$/, ''))
    .flatMap((line) => line.split(/&&|\||;/))
    .filter((command) => command.trim() !== '');
}

describe.each(GUIDES)('%s', (path) => {
  test('tells only what can be typed', () => {
    const commands = commandsOf(path);
    expect(commands.length).toBeGreaterThan(5);
    expect(
      commands.flatMap((one) => commandFaults(one).map((fault) => `${one.trim()}: ${fault}`)),
    ).toEqual([]);
  });
});

describe('CONTRIBUTING.md', () => {
  test('tells only what can be typed, in its tables too', () => {
    const inline = [...text('CONTRIBUTING.md').matchAll(/`((?:npm|npx|node|hv) [^`]+)`/g)];
    const commands = inline.map(([, command = '']) => command);
    expect(commands.length).toBeGreaterThan(5);
    expect(commands.flatMap((one) => one.split('&&')).flatMap(commandFaults)).toEqual([]);
  });
});

describe('the README', () => {
  const readme = text('README.md');

  test('names options in its prose that some command has', () => {
    const known = [...helpOf().commands].flatMap((name) => [...helpOf(name).options]);
    const prose = readme.replace(/^```.*?^```/gms, '');
    const named = [...prose.matchAll(/`(--[\w-]+)/g)].map(([, option = '']) => option);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((option) => !known.includes(option))).toEqual([]);
  });

  test('has the reader run the tests as CI does', () => {
    const command = commandsOf('README.md').find((one) => one.trim().startsWith('npm test'));
    expect(command).toBeDefined();
    const ci = text('.ci/run');
    expect(ci).toMatch(/^npm ci\b/m);
    expect(ci).toMatch(/^(?:\w+=\S* )*npm test\b/m);
  });

  test('has its generated sections, each begun and ended once', () => {
    for (const name of ['demo', 'bench']) {
      const parts = readme.split(new RegExp(`<!-- ${name}:(begin|end) -->`));
      expect([parts[1], parts[3], parts.length], name).toEqual(['begin', 'end', 5]);
    }
    const begun = [...readme.matchAll(/<!-- (\w+):begin -->/g)].map(([, name]) => name);
    const ended = [...readme.matchAll(/<!-- (\w+):end -->/g)].map(([, name]) => name);
    expect(ended).toEqual(begun);
  });
});

describe('every document', () => {
  /** Lines of blocks, and of the indented examples of the changelog, in which hv itself is called. */
  function callsIn(path: string): string[] {
    const blocks = [...text(path).matchAll(/^```(\w*)\n(.*?)^```$/gms)].flatMap(
      ([, language = '', block = '']) => (['', 'sh'].includes(language) ? block.split('\n') : []),
    );
    const indented = text(path).match(/^ {6}hv .*$/gm) ?? [];
    return [...blocks, ...indented]
      .map((line) => line.replace(/^\$ /, '').replace(/(?:^|\s+)#.*$/, ''))
      .flatMap((line) => line.split(/&&|\||;/))
      .map((line) => line.trim().replace(/^npx (?=hv )/, ''))
      .filter((line) => /^hv [a-z]/.test(line));
  }

  /** What a reader brings along is his; commands and options are ours. */
  const isOurs = (fault: string): boolean => !fault.startsWith('no file ');

  test('calls only commands that there are, with options that they have', () => {
    const calls = documents.flatMap((path) => callsIn(path).map((call) => ({ path, call })));
    expect(calls.length).toBeGreaterThan(40);
    const faults = calls.flatMap(({ path, call }) =>
      commandFaults(call)
        .filter(isOurs)
        .map((fault) => `${path}: ${call}: ${fault}`),
    );
    expect(faults).toEqual([]);
  });

  /** Files of this repository by their path from its root, or below hypervisor/ as its layers are named. */
  function namedFiles(path: string): string[] {
    const roots =
      'hypervisor|guest-sdk|log-format|test|docs|scripts|bench|guests|contrib|observability';
    const layers = 'base|cli|host|machine|protocol|replica|timeline';
    const named = new RegExp(`\`((?:${roots}|${layers})/[\\w./-]*\\w/?)\``, 'g');
    return [...text(path).matchAll(named)].map(([, file = '']) => file);
  }
  /** Folders of log formats, also of those to come. */
  const exists = (file: string): boolean =>
    file.startsWith('test/golden/v') ||
    existsSync(join(ROOT, file)) ||
    existsSync(join(ROOT, 'hypervisor', file));

  test('names only files that there are', () => {
    const named = documents.flatMap((path) => namedFiles(path).map((file) => ({ path, file })));
    expect(named.length).toBeGreaterThan(100);
    expect(named.filter(({ file }) => !exists(file))).toEqual([]);
  });

  test('is reached by links from the README', () => {
    const seen = new Set(['README.md']);
    for (const path of seen) {
      const links = [...text(path).matchAll(/\]\(([^)#\s]+)/g)].map(([, link = '']) => link);
      for (const link of links.filter((one) => one.endsWith('.md') && !/^https?:/.test(one)))
        seen.add(join(dirname(path), link));
    }
    const pages = documents.filter((path) => /^docs\/[^/]+\.md$/.test(path));
    expect(pages.filter((path) => !seen.has(path))).toEqual([]);
  });
});

describe('links', () => {
  /** As GitHub makes it of a heading. */
  const anchorOf = (heading: string): string =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-');

  function linkFaults(path: string): string[] {
    const prose = text(path).replace(/^```.*?^```/gms, '');
    const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    return links.flatMap((link) => {
      if (/^https?:/.test(link)) return [];
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : join(dirname(path), file);
      if (!existsSync(join(ROOT, target))) return [`${path}: ${link}`];
      if (anchor === undefined) return [];
      const headings = [...text(target).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
      return headings.map(anchorOf).includes(anchor) ? [] : [`${path}: ${link}`];
    });
  }

  test('of every document resolve, to files and to headings', () => {
    expect(documents.length).toBeGreaterThan(8);
    expect(documents.flatMap(linkFaults)).toEqual([]);
  });
});

describe('the check sees', () => {
  test.each([
    ['npx hv rum guests/kv.js', 'no command rum'],
    ['npx hv run --bakup x guests/kv.js', 'hv run has no --bakup'],
    ['npx hv run guests/nope.js', 'no file guests/nope.js'],
    ['npx hv log dog .hv/kv', 'no command log dog'],
    ['npx hv log key gnu x', 'no command log key gnu'],
    ['npx hv log key new --sing x', 'hv log has no --sing'],
    ['npx hv help HV_E_NOPE', 'no error HV_E_NOPE'],
    ['node dist/bench/nope.js', 'no file dist/bench/nope.js'],
    ['npm run nope', 'no npm script run nope'],
    ['npx vitest run test/nope', 'no file test/nope'],
    ['REWRITE=1 rm -r dist', 'unknown program rm'],
  ])('%s', (command, fault) => {
    expect(commandFaults(command)).toEqual([fault]);
  });

  test('nothing wrong with options of the script itself', () => {
    expect(commandFaults('npx hv run -n x guests/kv.js --port 1 --whatever')).toEqual([]);
  });
});
