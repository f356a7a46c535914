/**
 * Writes docs/guest-api.md: what a guest finds, from a run of scripts/guest-survey.cjs as a guest,
 * beside what Node 20 has, from a run of the same script by Node (scripts/node-20-api.json).
 *
 *   npm run build && node scripts/generate-guest-api.mjs [--check]
 *   node scripts/generate-guest-api.mjs --reference      again from the Node at hand, a Node 20
 */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const target = new URL('docs/guest-api.md', root);
const reference = new URL('scripts/node-20-api.json', root);
const path = (relative) => fileURLToPath(new URL(relative, root));

function survey(...command) {
  const text = execFileSync(process.execPath, [...command, path('scripts/guest-survey.cjs')], {
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
    env: { PATH: process.env.PATH },
  });
  return JSON.parse(text);
}

const isPublic = (name) => !name.startsWith('_') && !/^kMaxEventTargetListeners/.test(name);
const publicNames = (table) => Object.keys(table ?? {}).filter(isPublic);

/** Names alone, in lines a diff can show. */
function writeReference() {
  if (!process.version.startsWith('v20.')) throw new Error('the reference is Node 20');
  const { version, globals, modules } = survey('--no-warnings');
  const words = (table) => publicNames(table).join(' ');
  const of = ({ members, classes }) => ({
    members: words(members),
    classes: Object.fromEntries(Object.entries(classes).map(([name, own]) => [name, words(own)])),
  });
  const content = {
    version,
    globals: words(globals),
    modules: Object.fromEntries(Object.entries(modules).map(([name, own]) => [name, of(own)])),
  };
  writeFileSync(reference, `${JSON.stringify(content, null, 2)}\n`);
}

const split = (text) => (text === '' ? [] : text.split(' '));
const code = (names) => names.map((name) => `\`${name}\``).join(', ');

/** What a guest has of one module, what refuses, and what is not there. */
function compare(have, node) {
  const named = publicNames(have.members);
  const refused = named.filter((name) => have.members[name] === 'refused');
  const there = named.filter((name) => have.members[name] !== 'refused');
  const lacks = split(node.members).filter((name) => !Object.hasOwn(have.members, name));
  const classes = Object.entries(node.classes).flatMap(([name, methods]) => {
    const own = have.classes[name];
    const missing = own ? split(methods).filter((method) => !Object.hasOwn(own, method)) : [];
    return missing.length > 0 ? [[name, missing]] : [];
  });
  const complete = refused.length + lacks.length + classes.length === 0;
  return { there, refused, lacks, classes, status: complete ? 'complete' : 'partial' };
}

/** What names alone do not say of a module. */
const NOTES = {
  zlib:
    'What it writes is a valid stream of its format and the same in every run, but not promised to be ' +
    'byte for byte what Node writes. It runs inside the guest, at a hundredth of the speed of native ' +
    'code or less. A Brotli stream is decompressed when its last byte has come, and ' +
    'compressed as by quality 1, whatever is asked for. Zstandard is not there, as in Node 20: packages ' +
    'that look for it take another coding.',
};

function moduleSection(name, { there, refused, lacks, classes }) {
  const lines = ['', `### ${name}`, '', `Has ${code(there)}.`];
  if (NOTES[name]) lines.push('', NOTES[name]);
  if (refused.length > 0)
    lines.push('', `Throws \`ERR_HV_UNSUPPORTED\` when used: ${code(refused)}.`);
  if (lacks.length > 0) lines.push('', `Not yet: ${code(lacks)}.`);
  for (const [owner, missing] of classes)
    lines.push('', `\`${owner}.prototype\` is without ${code(missing)}.`);
  return lines;
}

const STATUS = {
  complete: 'every public name of Node is there',
  partial: 'some names are not there yet, or throw',
  'not yet': 'loading it throws `ERR_HV_UNSUPPORTED` and names the modules there are',
};

function moduleLines(guest, node) {
  const rows = Object.keys(node.modules).map((name) => {
    const have = guest.modules[name];
    return [name, have && compare(have, node.modules[name])];
  });
  const table = rows.map(([name, found]) => {
    if (!found) return `| \`${name}\` | not yet | | ${split(node.modules[name].members).length} |`;
    const { there, refused, lacks, status } = found;
    return `| [\`${name}\`](#${anchor(name)}) | ${status} | ${there.length} | ${refused.length + lacks.length} |`;
  });
  const extra = Object.keys(guest.modules).filter((name) => !Object.hasOwn(node.modules, name));
  if (extra.length > 0) throw new Error(`modules Node does not have: ${extra}`);
  return [
    '## Modules',
    '',
    ...Object.entries(STATUS).map(([status, text]) => `- *${status}*: ${text}.`),
    '',
    '| module | status | names there | names not there |',
    '|---|---|--:|--:|',
    ...table,
    ...rows.flatMap(([name, found]) => (found ? moduleSection(name, found) : [])),
  ];
}

/** As GitHub makes it of a heading. */
function anchor(name) {
  return name.toLowerCase().replace(/[^a-z0-9_ -]/g, '');
}

/** Globals by standard: what the engine brings along is ECMAScript, the rest is Node's and the web's. */
function globalLines(guest, node) {
  const wanted = split(node.globals);
  const ours = publicNames(guest.globals);
  const isLanguage = (name) => LANGUAGE.has(name);
  const missing = wanted.filter((name) => !Object.hasOwn(guest.globals, name));
  const beyond = ours.filter((name) => !wanted.includes(name));
  return [
    '',
    '## Globals',
    '',
    `Of the language: ${code(ours.filter(isLanguage))}.`,
    '',
    `Of Node and the web: ${code(ours.filter((name) => !isLanguage(name)))}.`,
    '',
    `Not yet: ${code(missing)}.`,
    '',
    `Not in Node 20, but here: ${code(beyond)}.`,
  ];
}

const LANGUAGE = new Set(
  (
    'globalThis Infinity NaN undefined eval isFinite isNaN parseFloat parseInt decodeURI ' +
    'decodeURIComponent encodeURI encodeURIComponent escape unescape Object Function Boolean ' +
    'Symbol Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError ' +
    'URIError Number BigInt Math Date String RegExp Array Int8Array Uint8Array Uint8ClampedArray ' +
    'Int16Array Uint16Array Int32Array Uint32Array BigInt64Array BigUint64Array Float16Array ' +
    'Float32Array Float64Array Map Set WeakMap WeakSet ArrayBuffer SharedArrayBuffer Atomics ' +
    'DataView JSON WeakRef FinalizationRegistry Iterator Promise Reflect Proxy Intl'
  ).split(' '),
);

/** What is hv's own; types and words are in hypervisor/guest.ts. */
const OWN = [
  '## hv/guest',
  '',
  'One module is not of Node: `hv/guest`, for `require` and `import`, with `hv` and `preempt`. The package',
  '`hv` has it for plain Node, too, so that a script that uses it runs there unchanged. What is in it, with',
  'examples: [hv-guest.md](hv-guest.md).',
  '',
  '## Files',
  '',
  "`fs` works on a disk in the guest's memory: it is replicated, recorded and part of snapshots with the",
  'rest of it, and it ends with the guest. Files of the host are not there, but for those that the image',
  'carries ([which those are](loading.md#files-beside-the-sources)): files and directories that the sources',
  "name, as `path.join(__dirname, 'page.html')` or `express.static('public')` do, and those of",
  '`hv run --include`, up to 4 MiB each. A name put together at run time',
  'is not seen. Beside them there are `/tmp`, the working directory and `/dev/null`, `zero`,',
  '`stdin`, `stdout` and `stderr`. Contents may take half of the heap (`hv run --memory`, `--disk-quota`); then',
  "writes fail with `ENOSPC`. What a guest writes is shown in a directory: [the guest's files](disk.md). Everything belongs to user 1000, whom modes bind. Names are UTF-8 text: bytes that are",
  'none do not survive. Watchers see what the guest itself changes. Standard input cannot be read at once',
  '(`EAGAIN`): `process.stdin` can.',
  '',
];

function render() {
  const guest = survey(path('dist/bin/main.js'), 'run', '--no-record', '--');
  const node = JSON.parse(readFileSync(reference, 'utf8'));
  const lines = [
    '# Guest API',
    '',
    '<!-- Generated from a run of a guest by scripts/generate-guest-api.mjs. Do not edit. -->',
    '',
    `What a script finds when it runs as a guest, beside what Node ${node.version} has. That a name is`,
    'here says that it exists; how it behaves is said by the tests that run one script as a guest and',
    'under Node and compare what they print (`test/unit/guest-sdk/`). Names that begin with `_` are left',
    'out. What makes each name the same in every run is in the [determinism ledger](determinism.md).',
    '',
    ...OWN,
    ...moduleLines(guest, node),
    ...globalLines(guest, node),
  ];
  return `${lines.join('\n')}\n`;
}

if (process.argv.includes('--reference')) {
  writeReference();
} else {
  const wanted = render();
  if (!process.argv.includes('--check')) {
    writeFileSync(target, wanted);
  } else if (readFileSync(target, 'utf8') !== wanted) {
    console.error(
      'docs/guest-api.md is not what a guest finds: npm run build && node scripts/generate-guest-api.mjs',
    );
    process.exit(1);
  }
}
