/** What a language leaves to its implementation: one answer, written down, the same in every run. */

import { describe, expect, test } from 'vitest';
import { run } from '../../support/twins.ts';

/** Objects that come to lie elsewhere: garbage of another size before anything else. */
const SHIFT =
  'globalThis.pad = Array.from({ length: 1237 }, (_, i) => ({ i, s: "x".repeat(i % 97) }));\n';

describe('in every run the same:', () => {
  test('microtasks run in the order they were queued, ticks before them and immediates after', () => {
    const { stdout } = run(`const log = [];
      setImmediate(() => log.push('immediate'));
      Promise.resolve().then(() => log.push('a')).then(() => log.push('c'));
      queueMicrotask(() => log.push('b'));
      (async () => { await null; log.push('d'); await null; log.push('e'); })();
      process.nextTick(() => log.push('tick'));
      setTimeout(() => console.log(log.join(' ')), 1);`);
    expect(stdout).toBe('tick a b d c e immediate\n');
  });

  test('timers of one moment fire in the order they were set', () => {
    const { stdout } = run(`const log = [];
      for (const [name, ms] of [['a', 5], ['b', 3], ['c', 5], ['d', 1], ['e', 3], ['f', 0]]) setTimeout(() => log.push(name), ms);
      setTimeout(() => console.log(log.join(' ')), 20);`);
    expect(stdout).toBe('d f b e a c\n');
  });

  test('maps and sets list in the order of insertion, objects their indices first', () => {
    const { stdout } =
      run(`const o = { b: 1, 10: 1, a: 1, 2: 1, '-1': 1, '01': 1, 4294967295: 1 }; delete o.b; o.b = 2;
      const m = new Map([[NaN, 1], [0, 2], ['x', 3]]); m.delete(0); m.set(-0, 4);
      const s = new Set(['c', 'a', 'b']); s.delete('c'); s.add('c');
      console.log(Object.keys(o).join(), [...m.keys()].map((k) => Object.is(k, -0) ? '-0' : String(k)).join(), [...s].join(), JSON.stringify(Object.groupBy?.([3, 1, 2], (n) => n % 2) ?? 0));`);
    expect(stdout).toBe('2,10,a,-1,01,4294967295,b NaN,x,0 a,b,c {"0":[2],"1":[3,1]}\n');
  });

  test('sorting keeps ties in order, and a comparator that contradicts itself gives one result', () => {
    const { stdout } =
      run(`const ties = Array.from({ length: 100 }, (_, n) => ({ n, k: (n * 7) % 4 })).sort((a, b) => a.k - b.k);
      console.log(ties.every((x, i) => i === 0 || ties[i - 1].k < x.k || ties[i - 1].n < x.n));
      console.log(Array.from({ length: 12 }, (_, n) => n).sort((a, b) => (a * 7 + b * 3) % 3 - 1).join());
      console.log([5, 1, 4].sort(() => 1).join(), [5, 1, 4].sort(() => NaN).join(), [3, undefined, 1, , 'b', 10].sort().join());`);
    expect(stdout).toBe('true\n6,1,3,0,4,5,2,7,9,10,11,8\n4,1,5 5,1,4 1,10,3,b,,\n');
  });

  test('every NaN that reaches memory has the same bits', () => {
    const { stdout } =
      run(`const made = [NaN, -NaN, 0 / 0, -(0 / 0), Math.sqrt(-1), Infinity - Infinity, Number('x'), parseFloat('q'), Math.log(-1), new Date(NaN).getTime()];
      const odd = new Float64Array(new BigUint64Array([0xfff8000000000001n, 0x7ff0000000000001n]).buffer);
      const bits = (x) => new BigUint64Array(new Float64Array([x]).buffer)[0].toString(16);
      const short = (x) => new Uint32Array(new Float32Array([x]).buffer)[0].toString(16);
      console.log([...new Set([...made, ...odd].map(bits))].join(), [...new Set([...made, ...odd].map(short))].join());`);
    expect(stdout).toBe('7ff8000000000000 7fc00000\n');
  });

  test('where objects lie in memory shows in nothing a guest can read', () => {
    const body = `const a = {}, b = {}, f = () => {}, s = Symbol('s');
      const m = new Map([[b, 1], [a, 2], [f, 3], [s, 4]]); const w = new WeakSet([a, b]);
      console.log([...m.values()].join(), w.has(a), String(f), require('util').inspect(m), [b, a].sort().length, a < b, String(s), JSON.stringify([a, b]), new Error('x').message);`;
    expect(run(SHIFT + body).stdout).toBe(run(body).stdout);
    expect(run(SHIFT + body).memoryHash).not.toBe(run(body).memoryHash);
  });

  test('a WeakRef dies and a finalizer runs at the same tick', () => {
    const body = `const log = []; const registry = globalThis.registry = new FinalizationRegistry((held) => log.push(held + '@' + process.hrtime.bigint()));
      let kept = { k: 1 }; registry.register(kept, 'kept'); const ref = new WeakRef(kept);
      kept = undefined; log.push(typeof ref.deref());
      setTimeout(() => { for (let i = 0; i < 15000; i++) { const ring = { pad: new Array(50).fill(i) }; ring.self = ring; if (i % 500 === 0) registry.register(ring, 'ring' + i); } }, 1);
      setTimeout(() => console.log(log.join(' ')), 50);`;
    const one = run(body);
    expect(one.stdout).toMatch(/kept@\d+/);
    expect(one.stdout).toMatch(/ring\d+@\d+/);
    expect(run(body)).toEqual(one);
  });

  test('memory keeps its size whatever a guest asks for, and says no at the same request', () => {
    const body = `let n = 0; try { const all = []; for (;;) { all.push(new ArrayBuffer(1 << 20)); n++; } } catch (error) { console.log(n, error instanceof RangeError); }
      try { new ArrayBuffer(2 ** 31); } catch (error) { console.log(error.name); }`;
    const one = run(body);
    const other = run(body);
    expect(one.stdout).toMatch(/^\d+ true\nRangeError\n$/);
    expect(other).toEqual(one);
    expect(one.memoryBytes).toBe(run('').memoryBytes);
  });

  // Near the limit the engine throws null for want of an error, or traps: never by chance.
  test('a guest that runs out of memory for small things ends the same way', () => {
    for (const shape of ['new Array(100).fill(n)', '{ n }', '"x".repeat(50) + n']) {
      const body = `globalThis.pad = 'x'.repeat(SIZE); setTimeout(() => { const all = []; let n = 0;
        try { for (;;) { all.push(${shape}); n++; } } catch (error) { all.length = 0; console.log(n, String(error)); } }, 1);`;
      const bodies = [0, 3700, 11_100].map((size) => body.replace('SIZE', String(size)));
      for (const one of bodies) expect(run(one)).toEqual(run(one));
    }
  });

  test('stacks name the files of the image and nothing of the host', () => {
    const body = `function inner() { return new Error('x').stack; } console.log(inner()); try { null.x; } catch (error) { console.log(error.stack); }
      console.log(String(eval('new Error("in eval").stack')).includes('/'));`;
    const one = run(body);
    expect(one.stdout).toContain('at inner (hv:image:1:');
    expect(one.stdout).not.toContain(process.cwd());
    expect(run(SHIFT.replace('\n', '') + body).stderr).toBe('');
    expect(run(body)).toEqual(one);
  });

  test('JSON and regular expressions answer their corner cases alike', () => {
    const { stdout } = run(`const j = (x) => JSON.stringify(x);
      console.log(j([1e21, 1e-7, -0, NaN, , undefined, () => 1, '\\u2028\\ud800"']), j({ b: 1, 2: 2, a: undefined, 1: 1 }), j(JSON.parse('{"__proto__":1,"a":1,"a":2,"1":0}')), j(JSON.parse('[1e400,-0]')));
      console.log(j('aBa'.match(/(a)|(b)/gi)), j(/(?<y>\\d)(?<m>\\d)?/.exec('1').groups), j('x'.replace(/(y)?x/, '[$1$&]')), j('abc'.split(/(?:)/u)), /^(a+)+$/.test('aaaaaaaaaaaaab'), j([...'\\ud83d\\ude00'.matchAll(/./gu)].length), /(?<=\\b)a/.test(' a'), j('\\u212a'.match(/k/iu)));`);
    expect(stdout).toBe(
      `[1e+21,1e-7,0,null,null,null,null,"\u2028\\ud800\\""] {"1":1,"2":2,"b":1} {"1":0,"__proto__":1,"a":2} [null,0]
["a","B","a"] {"y":"1"} "[x]" ["a","b","c"] false 1 true ["K"]
`.replace('"K"', '"\u212a"'),
    );
  });

  test('arithmetic ends in the same last bit', () => {
    const { stdout } =
      run(`const v = new DataView(new ArrayBuffer(8)); const bits = (x) => { v.setFloat64(0, x); return v.getBigUint64(0).toString(16); };
      console.log(bits(Math.sin(1e10)), bits(Math.exp(2.5)), bits(1.1 ** 77.7), bits(Math.hypot(1, 2, 3)), (0.1).toFixed(20), (1e21 + 1).toString(36), parseFloat('2.2250738585072011e-308'));`);
    expect(stdout).toBe(
      'bfdf334c7896a4e3 40285d6fd931e0bb 4099b4b165db83ee 400deeea11683f49 0.10000000000000000555 5v1j4f4ds7a000 2.225073858507201e-308\n',
    );
  });
});
