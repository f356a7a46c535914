/**
 * The rules of the house as functions on source text: which layer a file belongs to, what it may
 * import, which words are banned in it, how long it may be. The test runs them on the real tree and
 * on planted violations.
 */

export interface ImportStatement {
  readonly from: string;
  /** `import type` or `export type`: gone when the program runs. */
  readonly typeOnly: boolean;
}

export interface SourceFile {
  /** From the root of the project, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Violation {
  readonly path: string;
  readonly rule: string;
}

export const LINES_MAX = 400;

interface Layer {
  readonly name: string;
  readonly covers: (path: string) => boolean;
  /** Layers whose values it may import, besides its own. */
  readonly below: readonly string[];
  /** Layers of which it may import types only. */
  readonly typesOf?: readonly string[];
  /** May use clocks, chance, timers, promises, the process and Node's modules. */
  readonly impure?: boolean;
}

const PROTOCOL = ['base', 'log-format'];

/** First match wins. A file that no row covers is a violation. */
export const LAYERS: readonly Layer[] = [
  { name: 'log-format', covers: within('log-format/'), below: [] },
  { name: 'guest-sdk', covers: within('guest-sdk/'), below: [], impure: true },
  { name: 'base', covers: within('hypervisor/base/'), below: [] },
  {
    name: 'protocol',
    covers: within('hypervisor/protocol/'),
    below: PROTOCOL,
    typesOf: ['ports'],
  },
  {
    name: 'machine',
    covers: within('hypervisor/machine/'),
    below: PROTOCOL,
    typesOf: ['ports'],
  },
  {
    name: 'ports',
    covers: (path) => path === 'hypervisor/ports.ts',
    below: [],
    typesOf: [...PROTOCOL, 'protocol'],
  },
  {
    name: 'replica',
    covers: within('hypervisor/replica/'),
    below: [...PROTOCOL, 'protocol', 'ports'],
  },
  {
    name: 'timeline',
    covers: within('hypervisor/timeline/'),
    below: [...PROTOCOL, 'machine', 'ports', 'protocol'],
  },
  {
    name: 'host',
    covers: within('hypervisor/host/'),
    below: [...PROTOCOL, 'protocol', 'machine', 'ports', 'replica', 'timeline'],
    impure: true,
  },
  {
    name: 'index',
    covers: (path) => path === 'hypervisor/index.ts' || path === 'hypervisor/guest.ts',
    below: [...PROTOCOL, 'protocol', 'machine', 'ports', 'replica', 'timeline', 'host'],
    impure: true,
  },
  {
    name: 'cli',
    covers: within('hypervisor/cli/'),
    below: [...PROTOCOL, 'protocol', 'machine', 'ports', 'replica', 'timeline', 'host', 'index'],
    impure: true,
  },
];

/** Only these layers may use Node's modules and packages; others by the exceptions below. */
const NODE_LAYERS = ['host', 'cli', 'index'];

/** Imports that a single file may have although its layer may not. */
const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  'log-format/checksum.ts': ['node:crypto', 'node:zlib'],
  'log-format/codec.ts': ['msgpackr'],
  // Pure functions on a source map; the answer is part of what a guest sees, so it is the machine's.
  'hypervisor/machine/stack-map.ts': ['@jridgewell/trace-mapping'],
};

/** Packages bundled into the firmware: their code runs inside the guest. */
const GUEST_PACKAGES = [
  'readable-stream',
  'node-inspect-extracted',
  'whatwg-url',
  'tr46',
  'punycode',
  '@pkgjs/parseargs',
  '@noble/hashes',
  '@noble/ciphers',
  '@noble/curves',
  'pako',
  'brotli',
  'web-streams-polyfill',
];

/** Words that make a pure layer depend on when and where it runs. */
const BANNED: readonly (readonly [RegExp, string])[] = [
  [/(?<![.\w$])Date\b/, 'Date'],
  [/\bMath\.random\b/, 'Math.random'],
  [/(?<![.\w$])(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/, 'timers'],
  [/(?<![.\w$])(?:await|async)\b(?!\s*[:,;=)])/, 'async code'],
  [/(?<![.\w$])process\s*[.[?]/, 'process'],
  [/(?<![.\w$])performance\s*[.[?]/, 'performance'],
  [/\bglobalThis\s*[.[]\s*(?:Date|process|performance|crypto)\b/, 'ambient authority'],
];

function within(folder: string): (path: string) => boolean {
  return (path) => path.startsWith(folder);
}

export function layerOf(path: string): Layer | undefined {
  return LAYERS.find((layer) => layer.covers(path));
}

/** Every import, re-export and dynamic import with a literal specifier. */
export function importsOf(text: string): ImportStatement[] {
  const code = codeOf(text, { keepSpecifiers: true });
  const found: ImportStatement[] = [];
  const statement =
    /(?<![.\w$])(?:import|export)\s+(type\s+(?!from\b))?(?:[\w$*\s{},]+?\s*from\s*)?"([^"]+)"/g;
  for (const match of code.matchAll(statement)) {
    found.push({ from: match[2] ?? '', typeOnly: match[1] !== undefined });
  }
  for (const match of code.matchAll(/(?<![.\w$])(?:import|require)\s*\(\s*"([^"]+)"/g)) {
    found.push({ from: match[1] ?? '', typeOnly: false });
  }
  return found;
}

/** The path that a relative import names, from the root of the project. */
export function resolveImport(path: string, from: string): string {
  const parts = path.split('/').slice(0, -1);
  for (const part of from.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** The package of a specifier: `@a/b/c` is `@a/b`, `ws/lib/x.js` is `ws`. */
export function packageOf(from: string): string {
  const parts = from.split('/');
  return from.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? from);
}

export function checkFile(file: SourceFile): Violation[] {
  const rules: string[] = [];
  const lines = file.text.split('\n').length - (file.text.endsWith('\n') ? 1 : 0);
  if (lines > LINES_MAX) {
    rules.push(
      `has ${lines} lines, ${LINES_MAX} is the limit: move one concern into a file of its own ` +
        'beside it (do not raise the limit)',
    );
  }
  const layer = layerOf(file.path);
  if (layer === undefined) {
    rules.push('is in no layer: move it into one, or give the layer table a row for it');
  } else {
    for (const statement of importsOf(file.text)) {
      const rule = checkImport(file.path, layer, statement);
      if (rule !== undefined) rules.push(rule);
    }
    if (layer.impure !== true) {
      const code = codeOf(file.text, { keepSpecifiers: false });
      for (const [pattern, what] of BANNED) {
        if (pattern.test(code)) {
          rules.push(
            `uses ${what}: the layer ${layer.name} is pure; take it as an argument or port`,
          );
        }
      }
    }
  }
  return rules.map((rule) => ({ path: file.path, rule }));
}

function checkImport(path: string, layer: Layer, statement: ImportStatement): string | undefined {
  const { from, typeOnly } = statement;
  if (!from.startsWith('.')) return checkPackage(path, layer, from);
  if (!/\.(?:ts|json)$/.test(from)) return `imports ${from}: write the ending .ts`;
  const target = resolveImport(path, from);
  const other = layerOf(target);
  if (other === layer) return undefined;
  if (layer.name === 'guest-sdk') {
    return target === 'log-format/abi.ts'
      ? undefined
      : `imports ${target}: guest code shares log-format/abi.ts with the hypervisor and no more`;
  }
  if (other !== undefined && layer.below.includes(other.name)) return undefined;
  if (other !== undefined && typeOnly && layer.typesOf?.includes(other.name)) return undefined;
  return `imports ${target}: ${layer.name} may import ${layer.below.join(', ') || 'nothing'}${
    layer.typesOf === undefined ? '' : `, types of ${layer.typesOf.join(', ')}`
  }`;
}

function checkPackage(path: string, layer: Layer, from: string): string | undefined {
  if (EXCEPTIONS[path]?.includes(from)) return undefined;
  if (layer.name === 'guest-sdk') {
    return GUEST_PACKAGES.includes(packageOf(from))
      ? undefined
      : `imports ${from}: guest code bundles only ${GUEST_PACKAGES.join(' and ')}`;
  }
  if (NODE_LAYERS.includes(layer.name)) return undefined;
  return `imports ${from}: only ${NODE_LAYERS.join(', ')} may import node:* and packages`;
}

/** Each package is imported by one file, which is the only one to change when we leave it. */
export function checkPackages(files: readonly SourceFile[]): Violation[] {
  const importers = new Map<string, Set<string>>();
  for (const file of files) {
    if (file.path.startsWith('guest-sdk/')) continue;
    for (const { from, typeOnly } of importsOf(file.text)) {
      if (from.startsWith('.') || from.startsWith('node:')) continue;
      if (typeOnly && from === 'commander') continue;
      const name = packageOf(from);
      importers.set(name, (importers.get(name) ?? new Set()).add(file.path));
    }
  }
  return [...importers].flatMap(([name, paths]) =>
    paths.size < 2
      ? []
      : [...paths].map((path) => ({
          path,
          rule: `imports ${name}, as do ${paths.size - 1} others: one file imports each package`,
        })),
  );
}

/**
 * The code of a file without comments and without the insides of strings and regular expressions.
 * With `keepSpecifiers` strings without spaces stay, in double quotes. Code inside template strings stays.
 */
export function codeOf(text: string, options: { keepSpecifiers: boolean }): string {
  return new Scanner(text, options.keepSpecifiers).run();
}

class Scanner {
  private readonly text: string;
  private readonly keep: boolean;
  private at = 0;
  private out = '';

  constructor(text: string, keep: boolean) {
    this.text = text;
    this.keep = keep;
  }

  run(): string {
    while (this.at < this.text.length) this.step();
    return this.out;
  }

  private step(): void {
    const c = this.text[this.at] ?? '';
    const next = this.text[this.at + 1];
    if (c === '/' && next === '/') this.skipTo('\n', 0);
    else if (c === '/' && next === '*') this.skipTo('*/', 2);
    else if (c === "'" || c === '"') this.quoted(c);
    else if (c === '`') this.template();
    else if (c === '/' && this.regexMayStart()) this.regex();
    else {
      this.out += c;
      this.at += 1;
    }
  }

  private skipTo(end: string, extra: number): void {
    const found = this.text.indexOf(end, this.at + 2);
    this.at = found < 0 ? this.text.length : found + extra;
    this.out += ' ';
  }

  private quoted(quote: string): void {
    const start = this.at + 1;
    this.at = start;
    while (this.at < this.text.length && this.text[this.at] !== quote) {
      this.at += this.text[this.at] === '\\' ? 2 : 1;
    }
    const inside = this.text.slice(start, this.at);
    // A specifier has no spaces and no quotes; any other string could only look like a statement.
    this.out += this.keep && !/[\s'"]/.test(inside) ? `"${inside}"` : '""';
    this.at += 1;
  }

  private template(): void {
    this.out += '""';
    this.at += 1;
    while (this.at < this.text.length && this.text[this.at] !== '`') {
      if (this.text[this.at] === '\\') this.at += 2;
      else if (this.text.startsWith('${', this.at)) this.substitution();
      else this.at += 1;
    }
    this.at += 1;
  }

  private substitution(): void {
    this.at += 2;
    this.out += '+(';
    for (let depth = 1; this.at < this.text.length; ) {
      const c = this.text[this.at];
      if (c === '{') depth += 1;
      if (c === '}') depth -= 1;
      if (depth === 0) break;
      this.step();
    }
    this.out += ')';
    this.at += 1;
  }

  /** A slash begins a regular expression where an operand is expected. */
  private regexMayStart(): boolean {
    const before = this.out.trimEnd();
    return (
      before === '' || /(?:[([{,;=:!&|?+\-*%<>~^]|\b(?:return|typeof|case|of|in))$/.test(before)
    );
  }

  private regex(): void {
    this.at += 1;
    let inClass = false;
    while (this.at < this.text.length && (inClass || this.text[this.at] !== '/')) {
      if (this.text[this.at] === '[') inClass = true;
      if (this.text[this.at] === ']') inClass = false;
      this.at += this.text[this.at] === '\\' ? 2 : 1;
    }
    this.at += 1;
    this.out += '""';
  }
}
