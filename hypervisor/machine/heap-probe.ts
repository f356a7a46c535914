/**
 * Holds the offsets of heap-layout.ts against a live engine: a sample of every kind of value is made
 * in it and read back from memory. One wrong answer and nothing is ever read, because an offset that
 * is almost right shows a guest that never was.
 */

import { InvariantError } from '../base/assert.ts';
import { type Engine, isException } from './engine.ts';
import { BYTECODE, CONTEXT, FUNCTION, HEADER } from './heap-layout.ts';
import { HeapReader } from './heap-reader.ts';
import { treeAt } from './heap-tree.ts';
import { capturedBy, FunctionTree } from './scopes.ts';

const SAMPLE_FILE = 'hv:probe-of-heap';
const DEPTH = 4;
const LISTED = 64;

/** Source of a sample, and the tree it must read back as. */
const SAMPLES: readonly (readonly [string, unknown])[] = [
  [
    '[1, -7, 1.5, 5e-324, -0, NaN, true, null, undefined]',
    [
      1,
      -7,
      1.5,
      5e-324,
      { $: 'number', value: '-0' },
      { $: 'number', value: 'NaN' },
      true,
      null,
      { $: 'undefined' },
    ],
  ],
  [
    '({ a: "x", ["\\u65e5"]: "\\u672c", get g() { throw 1 }, 7: Symbol("s") })',
    { 7: { $: 'symbol', description: 's' }, a: 'x', 日: '本', g: { $: 'accessor' } },
  ],
  ['"a".repeat(5000) + "b".repeat(4000)', `${'a'.repeat(5000)}${'b'.repeat(4000)}`],
  [
    '[5n, 12345678901234567890n, -12345678901234567890n]',
    [
      { $: 'bigint', value: '5' },
      { $: 'bigint', value: '12345678901234567890' },
      { $: 'bigint', value: '-12345678901234567890' },
    ],
  ],
  [
    '(() => { const m = new Map([[0, 1], [1, { b: 2 }], ["k", "v"]]); m.delete(0); return m })()',
    {
      $: 'Map',
      entries: [
        [1, { b: 2 }],
        ['k', 'v'],
      ],
    },
  ],
  ['new Set(["x", 9])', { $: 'Set', values: ['x', 9] }],
  ['new Date(1709212455123)', { $: 'Date', value: '2024-02-29T13:14:15.123Z' }],
  [
    '[Object(9), Object("w"), Object(false)]',
    [
      { $: 'Number', value: 9 },
      { $: 'String', value: 'w' },
      { $: 'Boolean', value: false },
    ],
  ],
  ['new Uint16Array([1, 2, 3, 4]).subarray(1, 3)', { $: 'Uint16Array', length: 2, values: [2, 3] }],
  ['new Uint8Array([222, 173]).buffer', { $: 'ArrayBuffer', length: 2, hex: 'dead' }],
  ['new DataView(new ArrayBuffer(12), 2, 5)', { $: 'DataView', length: 5 }],
  [
    '[Promise.resolve(77), new Promise(() => {})]',
    [
      { $: 'Promise', state: 'fulfilled', value: 77 },
      { $: 'Promise', state: 'pending' },
    ],
  ],
  ['/ab+c/gi', { $: 'RegExp', source: 'ab+c' }],
  ['new RangeError("far")', { $: 'RangeError', message: 'far' }],
  ['new Proxy({}, {})', { $: 'Proxy' }],
  ['[1, , 3]', [1, { $: 'hole', count: 1 }, 3]],
  ['new (class Box { #p = 1; q = 2 })()', { $: 'Box', '#p': 1, q: 2 }],
  [
    '[parseInt, function f() {}, function* g() {}, async () => {}, async function* a() {}, (() => {}).bind()]',
    ['parseInt', 'f', 'g', '', 'a', 'bound '].map((name) => ({ $: 'function', name })),
  ],
];

/** Throws InvariantError when memory does not read as it must. Runs code: for scratch engines only. */
export function probeHeap(engine: Engine): void {
  try {
    probeValues(engine);
    probeContext(engine);
    probeClosures(engine);
    probeList(engine);
    probeFunctions(engine);
  } catch (error) {
    if (error instanceof InvariantError) throw error;
    // Reading at a wrong address ends in whatever the bytes there lead to.
    throw new InvariantError(`heap probe: reading fails (${String(error)}); refusing to inspect`);
  }
}

function probeValues(engine: Engine): void {
  const reader = new HeapReader(engine);
  for (const [source, expected] of SAMPLES) {
    const value = evaluated(engine, `(${source})`);
    reader.reset();
    const tree = treeAt(reader, value, { depth: DEPTH, entriesMax: 100 });
    engine.freeValue(value);
    same('a value', JSON.stringify(tree), JSON.stringify(expected));
  }
}

function evaluated(engine: Engine, source: string): number {
  const value = engine.evaluate(new TextEncoder().encode(source), SAMPLE_FILE);
  if (isException(engine, value)) throw new InvariantError('heap probe: a sample does not run');
  return value;
}

function same(what: string, found: unknown, expected: unknown): void {
  if (found === expected) return;
  throw new InvariantError(
    `heap probe: ${what} reads as ${String(found)}, not as ${String(expected)}; refusing to inspect`,
  );
}

function probeContext(engine: Engine): void {
  const at = (offset: number): number => engine.u32[(engine.context + offset) >> 2] as number;
  for (const [source, offset] of [
    ['eval', CONTEXT.evalFunction],
    ['globalThis', CONTEXT.globalObject],
  ] as const) {
    const value = evaluated(engine, source);
    same(source, at(offset), engine.u32[value >> 2]);
    engine.freeValue(value);
  }
  engine.freeValue(evaluated(engine, 'let hvProbeOfHeap = 1'));
  const found = new HeapReader(engine).own(at(CONTEXT.globalScope), 'hvProbeOfHeap');
  same('a global declaration', found?.kind, 'string');
}

/** A closure two levels deep over an argument, a local and a variable not initialised yet. */
function probeClosures(engine: Engine): void {
  const reader = new HeapReader(engine);
  const source = `(function outer(argument) {
    let local = 41;
    const made = function middle() { return function inner() { return [argument, local, late] } };
    return made();
    let late = 1;
  })(17)`;
  const value = evaluated(engine, source);
  const closure = engine.u32[value >> 2] as number;
  const bytecode = reader.u32(closure + FUNCTION.bytecode);
  const captured = capturedBy(reader, closure);
  const seen = captured.map(({ name, record, valueAt }) => {
    const one = reader.value(valueAt);
    const shown = 'value' in one ? String(one.value) : '';
    return `${name} ${one.type} ${shown} x${reader.u32(record + HEADER.references)}`;
  });
  same('a closure', seen.join(), 'argument number 17 x1,local number 41 x1,late uninitialized  x1');
  same('a file name', reader.atom(reader.u32(bytecode + BYTECODE.file)).text, SAMPLE_FILE);
  engine.freeValue(value);
}

/** Of many closures each must be listed, once, or the test for objects is a coin's toss. */
function probeList(engine: Engine): void {
  const reader = new HeapReader(engine);
  const value = evaluated(engine, `Array.from({ length: ${LISTED} }, () => () => 1)`);
  const { at, count } = reader.elements(engine.u32[value >> 2] as number);
  const made = new Set(Array.from({ length: count }, (_, index) => reader.u32(at + 8 * index)));
  const found = reader.closures().filter((object) => made.has(object));
  same('the list of objects', `${found.length} ${new Set(found).size}`, `${LISTED} ${LISTED}`);
  engine.freeValue(value);
}

function probeFunctions(engine: Engine): void {
  const source = `(function image(a) {
  let b = "two"; async function* one() { return () => a + b }
})`;
  const { nodes } = new FunctionTree(engine, new TextEncoder().encode(source));
  const seen = nodes.map(({ name, line, column, length, parent, captures }) => {
    const names = captures.map((one) => `${one.name}${one.type}${one.index}`);
    return `${parent?.name} > ${name} ${line}:${column} ${length} ${names.join()}`;
  });
  same(
    'a compiled function',
    seen.join('; '),
    'undefined > image 1:2 83 ; image > one 2:18 44 a10,b00; one >  2:49 11 a20,b21',
  );
}
