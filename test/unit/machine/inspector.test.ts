import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { bundleGuest } from '../../../hypervisor/host/bundle.ts';
import { loadEngineParts, loadFirmware } from '../../../hypervisor/host/engine-parts.ts';
import { goldenKey, readGolden } from '../../../hypervisor/host/golden-image.ts';
import { POLL_RELOAD } from '../../../hypervisor/machine/engine-abi.ts';
import { type Evaluation, Inspector } from '../../../hypervisor/machine/inspector.ts';
import {
  copySource,
  type InspectionSource,
  SpareEngine,
} from '../../../hypervisor/machine/spare-engine.ts';
import { StackMap } from '../../../hypervisor/machine/stack-map.ts';
import { INTERRUPT } from '../../../log-format/index.ts';
import { GuestRunner, TEST_HEADER } from '../../support/guest-runner.ts';
import { TinyMachine } from '../../support/tiny-machine.ts';

const TICKS_MAX = 10_000_000;
const parts = loadEngineParts();
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

interface Looked {
  readonly guest: GuestRunner;
  readonly inspector: Inspector;
  /** Text of a successful evaluation, or the error. */
  show(expression: string): string;
  evaluate(expression: string): Evaluation;
}

function lookInto(guest: GuestRunner, image: Uint8Array, sourceMap: Uint8Array): Looked {
  const inspector = new Inspector({ parts, header: TEST_HEADER, image, sourceMap });
  inspector.load(guest.machine.inspectionSource());
  const evaluate = (expression: string): Evaluation =>
    inspector.evaluate(expression, { ticksMax: TICKS_MAX });
  const show = (expression: string): string => {
    const done = evaluate(expression);
    return done.ok ? done.text : `${done.kind}: ${done.error}`;
  };
  return { guest, inspector, evaluate, show };
}

/** A guest that has run to idle; the first file is its script. */
async function look(files: Readonly<Record<string, string>>): Promise<Looked> {
  const folder = mkdtempSync(join(tmpdir(), 'hv-inspector-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const { code, sourceMap } = await bundleGuest(Object.keys(files)[0] ?? '', { cwd: folder });
  const guest = new GuestRunner(code, sourceMap).boot();
  return lookInto(guest, code, sourceMap);
}

/** Keeps a guest alive and its variables reachable. */
const KEEP = (names: string): string => `setInterval(() => [${names}], 1e9);`;

describe('names in an expression', () => {
  test('are the variables of the script and of the CommonJS files it requires', async () => {
    const { show, inspector } = await look({
      'main.js': `const store = require('./lib/store.js'); let turns = 3;
        function add(n) { turns += n; return store.put(n) }  ${KEEP('add, turns')}`,
      'lib/store.js': `const rows = new Map([['a', 1]]); exports.put = (n) => rows.set('n', n);`,
    });
    expect(show('turns')).toBe('3');
    expect(show('rows')).toBe("Map(1) { 'a' => 1 }");
    expect(show('add(4); [turns, rows.get("n")]')).toBe('[ 7, 4 ]');
    expect(show('turns')).toBe('3');
    const listed = inspector.variables().map(({ name, owner, file, preview }) => {
      return `${file.split('/').slice(-2).join('/')} ${owner}${name} ${preview}`;
    });
    expect(listed).toContain("lib/store.js rows Map { 'a' => 1 }");
    expect(listed.some((line) => /main\.js turns 3$/.test(line))).toBe(true);
    expect(listed.some((line) => /require|__|module|exports/.test(line))).toBe(false);
  });

  test('are the variables of ES modules and of TypeScript, as their authors spell them', async () => {
    const { show } = await look({
      'main.ts': `import { total, add, type Row } from './sums.mts';
        enum Colour { red = 4 } const rows: Row[] = [{ n: 1 }]; add(5);
        export const tick = (): void => { rows.push({ n: total }); };
        ${KEEP('rows, tick, add, Colour')}`,
      'sums.mts': `export type Row = { n: number }; export let total = 0;
        export const add = (n: number): number => (total += n);`,
    });
    expect(show('[total, rows.length, Colour.red]')).toBe('[ 5, 1, 4 ]');
    expect(show('tick(); rows.at(-1)')).toBe('{ n: 5 }');
  });

  test('that two files share are ambiguous, and $scope chooses', async () => {
    const { show } = await look({
      'main.mjs': `import './a.mjs'; import './b.mjs'; let count = 1; ${KEEP('count')}`,
      'a.mjs': `let count = 20; const mine = 'a'; ${KEEP('count, mine')}`,
      'b.mjs': `let count = 300; ${KEEP('count')}`,
    });
    expect(show('count')).toMatch(
      /^no-such-variable: count is declared in several files \(.*a\.mjs: count.*\): say \$scope\('/,
    );
    expect(show("$scope('main.mjs').count")).toBe('1');
    expect(show("$scope('a.mjs').count")).toBe('20');
    expect(show("$scope('b.mjs').count += 1")).toBe('301');
    expect(show('mine')).toBe("'a'");
    expect(show("$all('count').sort()")).toBe('[ 1, 20, 300 ]');
    expect(show("$scope('c.mjs').count")).toMatch(/names no file with variables: .*a\.mjs/);
  });

  test('prefer the files of the user to those of packages', async () => {
    const { show } = await look({
      'main.js': `const dep = require('dep'); let state = 'mine'; ${KEEP('state, dep')}`,
      'node_modules/dep/index.js': `let state = 'theirs', own = 1; module.exports = () => [state, own];`,
    });
    expect(show('state')).toBe("'mine'");
    expect(show('own')).toBe('1');
    expect(show("$scope('dep/index.js').state")).toBe("'theirs'");
  });

  test('reach into functions: the only instance by name, several through $all', async () => {
    const { show, inspector } = await look({
      'main.js': `function open(id) { let hits = id * 10; return { hit: () => ++hits } }
        const doors = [open(1), open(2)];
        (function once() { const secret = 's'; ${KEEP('secret, doors')} })();`,
    });
    expect(show('secret')).toBe("'s'");
    expect(show('hits')).toMatch(
      /^no-such-variable: hits is 2 variables \(main\.js: hits in open\)/,
    );
    expect(show("$all('hits')")).toBe('[ 10, 20 ]');
    expect(show("doors[0].hit(); $all('hits')")).toBe('[ 11, 20 ]');
    const tree = inspector.tree({ depth: 2, entriesMax: 10 }) as {
      closures: Record<string, Record<string, unknown[]>>;
    };
    const [place] = Object.keys(tree.closures).filter((one) => one.endsWith('main.js open'));
    expect(tree.closures[place ?? '']?.hits).toEqual([10, 20]);
  });

  test('leave out what is not initialised yet, and see private state through methods', async () => {
    const { show, inspector } = await look({
      'main.js': `class Account { #balance = 7; peek() { return this.#balance } }
        const account = new Account();
        { setInterval(() => [account, late], 1e9); if (account.peek() === 7) throw Object.assign(new Error('stop'), {}); let late = 1; }
        `,
      'unused.js': '',
    });
    expect(show('account.peek()')).toBe('7');
    expect(show('late')).toMatch(/^no-such-variable: no variable late here/);
    expect(inspector.variables().map(({ name }) => name)).not.toContain('late');
    expect(inspector.tree({ depth: 1, entriesMax: 9 })).toMatchObject({ globals: {} });
    expect(JSON.stringify(inspector.tree({ depth: 1, entriesMax: 9 }))).toContain(
      '"account":{"$":"Account","#balance":7}',
    );
  });
});

describe('an evaluation', () => {
  test('gives text, JSON and type of values of every kind', async () => {
    const { evaluate } = await look({ 'main.js': KEEP('') });
    const json = (expression: string): unknown => {
      const done = evaluate(expression);
      return done.ok ? [done.text, done.json, done.type] : done;
    };
    expect(json('({ a: [1, "x", null], b: { c: true } })')).toEqual([
      "{ a: [ 1, 'x', null ], b: { c: true } }",
      { a: [1, 'x', null], b: { c: true } },
      'Object',
    ]);
    expect(json('undefined')).toEqual(['undefined', undefined, 'undefined']);
    expect(json('null')).toEqual(['null', null, 'null']);
    expect(json('12n ** 20n')).toEqual([
      '3833759992447475122176n',
      { $: 'bigint', value: '3833759992447475122176' },
      'bigint',
    ]);
    expect(json('const o = { n: 1 }; o.me = o; o')).toEqual([
      '<ref *1> { n: 1, me: [Circular *1] }',
      { n: 1, me: { $: 'circular' } },
      'Object',
    ]);
    expect(json('new Set([1, new Map([["k", 1.5]])])')).toEqual([
      "Set(2) { 1, Map(1) { 'k' => 1.5 } }",
      { $: 'Set', values: [1, { $: 'Map', entries: [['k', 1.5]] }] },
      'Set',
    ]);
    expect(json('function f() {} f')).toEqual(['[Function: f]', undefined, 'function']);
    expect(json('Symbol("s")')).toEqual(['Symbol(s)', undefined, 'symbol']);
    expect(json('Buffer.from("hi")')).toEqual([
      '<Buffer 68 69>',
      { $: 'Buffer', length: 2, hex: '6869' },
      'Buffer',
    ]);
    expect(json('new Date(0)')).toEqual([
      '1970-01-01T00:00:00.000Z',
      { $: 'Date', value: '1970-01-01T00:00:00.000Z' },
      'Date',
    ]);
    expect(json('new Promise(() => {})')).toEqual([
      'Promise { <pending> }',
      { $: 'Promise', state: 'pending' },
      'Promise',
    ]);
    expect(json('"日本\\0x"')).toEqual(["'日本\\x00x'", '日本\0x', 'string']);
    expect(json('new Float64Array([0.5, NaN])')).toEqual([
      'Float64Array(2) [ 0.5, NaN ]',
      { $: 'Float64Array', length: 2, values: [0.5, { $: 'number', value: 'NaN' }] },
      'Float64Array',
    ]);
    expect(json('new (class Point { x = 1; get y() { throw 1 } })()')).toEqual([
      'Point { x: 1 }',
      { $: 'Point', x: 1 },
      'Point',
    ]);
  });

  test('takes statements, objects in braces, comments, and `this` for the global object', async () => {
    const { show } = await look({ 'main.js': `globalThis.mark = 5; ${KEEP('')}` });
    expect(show('let x = 1; x + 1')).toBe('2');
    expect(show('{ a: 1 }')).toBe('{ a: 1 }');
    expect(show('for (var i = 0; i < 3; i++) i * 10')).toBe('20');
    expect(show('this.mark // five')).toBe('5');
    expect(show('')).toBe('undefined');
    expect(show('this === globalThis && typeof nothing')).toBe("'undefined'");
  });

  test('says what kind of failure it was', async () => {
    const { evaluate, show } = await look({
      'main.js': `const ledger = []; ${KEEP('ledger')}`,
    });
    expect(evaluate('1 +')).toMatchObject({ ok: false, kind: 'syntax' });
    expect(show('null.x')).toMatch(/^guest: TypeError: /);
    expect(show('throw { code: 7 }')).toBe('guest: thrown: { code: 7 }');
    expect(show('leger.length')).toBe('no-such-variable: no variable leger here; nearest: ledger');
    expect(show('zyxwvut')).toBe(
      'no-such-variable: no variable zyxwvut here; one that no living function uses no longer exists',
    );
    expect(show('JSON.parse("{")')).toMatch(/^guest: SyntaxError: /);
    expect(show('process.exit(3)')).toBe(
      'guest: the expression ended the guest with status 3; only its copy is gone',
    );
  });

  test('that never ends is ended by its ticks, a regular expression too', async () => {
    const { inspector, show } = await look({ 'main.js': KEEP('') });
    for (const endless of [
      'for (;;);',
      'try { for (;;); } finally { for (;;); }',
      '/^(a+)+$/.test("a".repeat(40) + "b")',
    ])
      expect(inspector.evaluate(endless, { ticksMax: 100_000 })).toMatchObject({
        ok: false,
        kind: 'limit',
      });
    expect(show('1 + 1')).toBe('2');
  });

  test('that exhausts memory or stack leaves the inspector usable', async () => {
    const { evaluate, show } = await look({ 'main.js': KEEP('') });
    const hoard = 'const h = []; for (;;) h.push(new Array(1e6).fill(h.length))';
    expect(evaluate(hoard)).toMatchObject({ ok: false, kind: 'limit' });
    expect(evaluate('(function f() { return f() + 1 })()')).toMatchObject({ ok: false });
    expect(show('1 + 1')).toBe('2');
  });

  test('changes neither the memory it came from nor the next evaluation', async () => {
    const { guest, show, inspector } = await look({
      'main.js': `let rows = [1]; ${KEEP('rows')}`,
    });
    const before = guest.memoryHash();
    expect(show('rows.push(2); globalThis.x = 1; delete globalThis.Map; rows')).toBe('[ 1, 2 ]');
    expect(show('rows = "gone"; Math.random(); console.log(rows); rows')).toBe("'gone'");
    expect(show('[rows, typeof x, typeof Map]')).toBe("[ [ 1 ], 'undefined', 'function' ]");
    inspector.variables();
    inspector.tree({ depth: 5, entriesMax: 100 });
    inspector.completions('rows.');
    expect(guest.memoryHash()).toBe(before);
    expect(guest.stdout).toBe('');
  });

  test('shows the time of the guest and lets it pass', async () => {
    const { show } = await look({ 'main.js': `let at = Date.now(); ${KEEP('at')}` });
    expect(show('Date.now() - at < 1000 && Date.now() >= at')).toBe('true');
    expect(show('const t = Date.now(); while (Date.now() < t + 3); "passed"')).toBe("'passed'");
  });

  test('works in a guest that deleted its globals and whose objects throw', async () => {
    const { show, inspector } = await look({
      'main.js': `const trap = new Proxy({}, { get() { throw new Error('get') }, ownKeys() { throw new Error('keys') },
            getOwnPropertyDescriptor() { throw new Error('own') }, getPrototypeOf() { throw new Error('proto') } });
        const sharp = { get edge() { throw 'edge' }, ok: 1 };
        const list = [3, 4];
        ${KEEP('trap, sharp, list')}
        globalThis.eval = () => 'mine'; Object.defineProperty = undefined; Array.prototype.map = undefined;
        for (const name of ['process', 'Map', 'Proxy', 'Object', 'Reflect', 'JSON', 'Function']) delete globalThis[name];`,
    });
    expect(show('list[1] + sharp.ok')).toBe('5');
    expect(show('list')).toMatch(/^\[ ?3, 4 ?\]$/);
    expect(show('sharp.edge')).toBe("guest: thrown: 'edge'");
    expect(inspector.evaluate('trap', { ticksMax: TICKS_MAX })).toMatchObject({
      ok: true,
      json: { $: 'Proxy' },
    });
    const previews = inspector.variables().map(({ name, preview }) => `${name} ${preview}`);
    expect(previews).toEqual([
      'trap Proxy {}',
      'sharp { edge: [Getter/Setter], ok: 1 }',
      'list [3, 4]',
    ]);
  });
});

describe('a copy', () => {
  test('is its source byte for byte, whatever the spare engine held before', async () => {
    const { guest } = await look({ 'main.js': KEEP('') });
    const spare = new SpareEngine(parts, TEST_HEADER, {
      stackMap: new StackMap(new Uint8Array()),
      firmware: [],
    });
    const source = guest.machine.inspectionSource();
    const isEqual = (): boolean => {
      // The one word a load sets: the ticks the copy may run.
      spare.engine.counter = POLL_RELOAD;
      return Buffer.compare(spare.engine.u8, source.memory) === 0;
    };
    spare.load(source);
    expect(isEqual()).toBe(true);
    const large = new TextEncoder().encode('new Uint8Array(3000000).fill(7)');
    spare.engine.freeValue(spare.engine.evaluate(large, 'test'));
    expect(isEqual()).toBe(false);
    spare.load(copySource(source));
    expect(isEqual()).toBe(true);
  });

  test('that lacks memory which was used is refused', async () => {
    const { guest, inspector } = await look({ 'main.js': KEEP('') });
    const { memory, ...rest } = guest.machine.inspectionSource();
    expect(() => inspector.load({ ...rest, memory: memory.subarray(0, 5_000_000) })).toThrow(
      /all the memory that was used/,
    );
  });
});

describe('a copy taken in the middle of a turn', () => {
  test('shows globals, variables and the suspended frames as they are at exactly that tick', async () => {
    const { guest, inspector } = await look({
      'main.js': `let inner = 0; globalThis.outer = 0;
        process.stdin.on('data', function spin() {
          let onStack = 0; globalThis.peek = () => onStack;
          for (let i = 0; i < 50000; i++) { inner++; globalThis.outer++; onStack++; }
        });`,
    });
    const at = (ticks: number): { values: unknown; stack: unknown } => {
      let copy: InspectionSource | undefined;
      const from = guest.machine.ticks;
      guest.midTurn = {
        nextTicks: () => (copy === undefined ? from + ticks : Number.POSITIVE_INFINITY),
        poll: (now) => {
          if (now !== from + ticks) return undefined;
          copy = copySource(guest.machine.inspectionSource());
          return undefined;
        },
      };
      guest.interrupt(INTERRUPT.stdinData, { payload: new Uint8Array([65]) });
      if (copy === undefined) throw new Error('no poll at that tick');
      inspector.load(copy);
      const values = inspector.evaluate('[inner, outer, onStack]', { ticksMax: TICKS_MAX });
      const stack = inspector.evaluate('new Error().stack', { ticksMax: TICKS_MAX });
      return {
        values: values.ok ? values.json : values,
        stack: stack.ok ? stack.json : stack,
      };
    };
    // The turns are alike and follow each other: 50,000 rounds apart, and two ticks to a round.
    const rounds = Array.from({ length: 12 }, (_, step) => {
      const [inner, outer, onStack] = at(30_000 + step).values as number[];
      expect(inner).toBe(outer);
      expect(onStack).toBe((inner ?? 0) - step * 50_000);
      return onStack ?? 0;
    });
    const [first = 0, second = 0] = rounds;
    expect(first).toBeGreaterThan(1000);
    const phase = second - first;
    expect(rounds).toEqual(rounds.map((_, step) => first + Math.floor((step + phase) / 2)));
    expect(String(at(40_000).stack)).toContain('spin');
  });
});

describe('an inspector', () => {
  test('reads the state of the key-value guest', async () => {
    const { code, sourceMap } = await bundleGuest('guests/kv.js', { cwd: process.cwd() });
    const guest = new GuestRunner(code, sourceMap).boot();
    const { show, inspector } = lookInto(guest, code, sourceMap);
    expect(show("server.commands.size > 50 && execute({}, ['SET', 'k', 'v'])")).toBe("'+OK\\r\\n'");
    expect(show("execute({}, ['SET', 'k', 'v']); [...db.values]")).toBe("[ [ 'k', 'v' ] ]");
    expect(show('db.values.size')).toBe('0');
    expect(show('SWEEP_INTERVAL_MS')).toBe('100');
    expect(inspector.completions('db.values.si')).toEqual(['db.values.size']);
    const tree = inspector.tree({ depth: 2, entriesMax: 100 }) as {
      files: Record<string, Record<string, unknown>>;
    };
    const main = Object.entries(tree.files).find(([file]) => file.endsWith('/kv.js'))?.[1];
    expect(main).toMatchObject({ db: { values: { $: 'Map', entries: [] } }, WRITE_AT: 1_048_576 });
  });

  test('sees a machine woken from a golden image, and files with top-level await', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hv-inspector-'));
    folders.push(folder);
    writeFileSync(
      join(folder, 'main.mjs'),
      `let ready = 1; const value = await Promise.resolve(2); ready += value; ${KEEP('ready, value')}`,
    );
    const { code, sourceMap } = await bundleGuest('main.mjs', { cwd: folder });
    const firmware = loadFirmware();
    const golden = readGolden(goldenKey(parts, firmware, TEST_HEADER.machineVersion));
    expect(golden).toBeDefined();
    const guest = new GuestRunner(code, sourceMap, golden).boot();
    const { show } = lookInto(guest, code, sourceMap);
    expect(show('[ready, value]')).toBe('[ 3, 2 ]');
    expect(guest.stderr).toBe('');
  });

  test('gives the same tree twice, and another after a turn', async () => {
    const { guest, inspector } = await look({
      'main.js': `let ticks = 0; globalThis.log = []; setInterval(() => { log.push(++ticks) }, 50);`,
    });
    const tree = (): string => JSON.stringify(inspector.tree({ depth: 3, entriesMax: 10 }));
    const first = tree();
    expect(first).toContain('"globals":{"log":[]}');
    expect(tree()).toBe(first);
    guest.run(1);
    inspector.load(guest.machine.inspectionSource());
    expect(tree()).toContain('"globals":{"log":[1]}');
    expect(tree()).toContain('"ticks":1');
  });

  test('shows a plain image without a source map, in a machine with another firmware', () => {
    const image =
      '(hv) => { let seen = 4; const see = () => seen++; return { interrupt() { see(); } } }';
    const tiny = new TinyMachine(image).boot();
    const bytes = new TextEncoder().encode(`(${image})`);
    const inspector = new Inspector({
      parts,
      header: TEST_HEADER,
      image: bytes,
      sourceMap: new Uint8Array(),
    });
    inspector.load(tiny.machine.inspectionSource());
    expect(inspector.evaluate('see(); ({ seen })', { ticksMax: TICKS_MAX })).toEqual({
      ok: true,
      text: '{ seen: 5 }',
      json: { seen: 5 },
      type: 'Object',
    });
    expect(inspector.variables()).toContainEqual({
      name: 'seen',
      owner: '',
      file: 'hv:image',
      preview: '4',
    });
  });

  test('refuses to look before it is loaded', () => {
    const inspector = new Inspector({
      parts,
      header: TEST_HEADER,
      image: new TextEncoder().encode('(function () {})'),
      sourceMap: new Uint8Array(),
    });
    expect(() => inspector.variables()).toThrow(/loaded before it looks/);
  });
});

describe('completions', () => {
  test('are variables, globals and properties, without running a getter', async () => {
    const { inspector } = await look({
      'main.js': `const table = { rows: [1], get risky() { globalThis.ran = 1; return {} }, name: 'x' }; ${KEEP('table')}`,
    });
    expect(inspector.completions('tab')).toEqual(['table']);
    expect(inspector.completions('1 + table.')).toEqual(
      expect.arrayContaining(['table.rows', 'table.risky', 'table.hasOwnProperty']),
    );
    expect(inspector.completions('table.rows.pus')).toEqual(['table.rows.push']);
    expect(inspector.completions('table.name.toUpper')).toEqual(['table.name.toUpperCase']);
    expect(inspector.completions('table.risky.')).toEqual([]);
    expect(inspector.completions('table().')).toEqual([]);
    expect(inspector.completions('Buffe')).toEqual(['Buffer']);
    expect(inspector.completions('$sc')).toEqual(['$scope']);
  });
});
