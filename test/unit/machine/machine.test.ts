import { describe, expect, test } from 'vitest';
import { INTERRUPT, sha256Hex } from '../../../log-format/index.ts';
import { TinyMachine } from '../../support/tiny-machine.ts';

describe('a machine', () => {
  test('boots to the same memory twice', () => {
    const hashes = [1, 2].map(() => {
      const guest = new TinyMachine('(hv) => { hv.print([1, 2].map(String).join()) }');
      guest.boot();
      return sha256Hex(guest.machine.usedMemory());
    });
    expect(hashes[0]).toBe(hashes[1]);
  });

  test('counts the same ticks at every trap of a mixed program', () => {
    const program = `(hv) => {
      const note = [];
      const mark = () => note.push(hv.now());
      const sorted = Array.from({ length: 300 }, (_, i) => (i * 7919) % 1009).sort((a, b) => a - b);
      mark();
      JSON.parse(JSON.stringify(sorted));
      for (const match of 'a1b22c333'.matchAll(/[a-z](\\d+)/g)) mark();
      function* count() { for (let i = 0; i < 50; i++) yield i; }
      for (const i of count()) if (i % 9 === 0) mark();
      (async () => { for (let i = 0; i < 5; i++) { await null; mark(); } hv.print(note.join()); })();
    }`;
    const runs = [1, 2].map(() => new TinyMachine(program).boot());
    expect(runs[0]?.stdout).toBe(runs[1]?.stdout);
    expect(runs[0]?.stdout.split(',').length).toBeGreaterThan(10);
    expect(runs[0]?.end).toEqual(runs[1]?.end);
  });

  test('stops a runaway loop at the very tick it is told, with the state of that tick', () => {
    const program = '(hv) => ({ interrupt() { for (globalThis.n = 0; ; n++); } })';
    const ends = [500_001, 500_001, 500_003].map((ticks) => {
      const guest = new TinyMachine(program);
      guest.boot();
      const from = guest.machine.ticks;
      guest.cutAt(from + ticks, { type: 'stopAt', code: 9, reason: 'test' });
      guest.interrupt(INTERRUPT.stdinEnd);
      expect(guest.machine.ticks).toBe(from + ticks);
      expect(guest.machine.halted).toEqual({ code: 9, reason: 'test' });
      return sha256Hex(guest.machine.usedMemory());
    });
    expect(ends[0]).toBe(ends[1]);
    expect(ends[0]).not.toBe(ends[2]);
  });

  test('leaves no trace of a mid-turn record that changes nothing', () => {
    const program =
      '(hv) => ({ interrupt() { let s = 0; for (let i = 0; i < 40000; i++) s += i; globalThis.s = s; } })';
    const hashes = [undefined, 12_345, 50_000].map((ticks) => {
      const guest = new TinyMachine(program);
      guest.boot();
      if (ticks !== undefined)
        guest.cutAt(guest.machine.ticks + ticks, { type: 'resync', time: 1 });
      guest.interrupt(INTERRUPT.stdinEnd);
      return sha256Hex(guest.machine.usedMemory());
    });
    expect(new Set(hashes).size).toBe(1);
  });

  test('moves the clock forward at the tick of a resync record and never back', () => {
    const program = `(hv) => ({ interrupt() {
      const from = Date.now();
      let turns = globalThis.waited ? 1e6 : 0;
      globalThis.waited = true;
      while (Date.now() - from < 60 && turns < 1e6) turns++;
      hv.print('waited ' + (Date.now() - from > 50) + ' ' + turns);
    } })`;
    const guest = new TinyMachine(program);
    guest.boot();
    guest.cutAt(guest.machine.ticks + 30_000, {
      type: 'resync',
      time: guest.machine.now + 61_000,
    });
    guest.interrupt(INTERRUPT.stdinEnd);
    expect(guest.stdout).toMatch(/^waited true \d{1,5}\n$/);
    const before = guest.machine.now;
    guest.interruptAt(1, INTERRUPT.stdinEnd);
    expect(guest.machine.now).toBeGreaterThanOrEqual(before);
  });

  test('tells regular expression polls from its own: they retire no ticks', () => {
    const program = `(hv) => ({ interrupt() {
      const from = hv.now();
      /^(a+)+$/.test('a'.repeat(22) + 'b');
      hv.print(String(hv.now() - from < 1));
    } })`;
    const guest = new TinyMachine(program);
    guest.boot();
    const alive = guest.alivePolls;
    guest.interrupt(INTERRUPT.stdinEnd);
    expect(guest.stdout).toBe('true\n');
    expect(guest.alivePolls).toBeGreaterThan(alive);
  });

  test('carries any text across, with NUL, lone surrogates and astral characters', () => {
    const program = `(hv) => {
      const texts = ['a\\0b', 'h\\u00e9', '\\u65e5\\u672c', '\\ud83d\\ude00', ''];
      for (const text of texts) {
        const bytes = hv.encode(text, 0);
        hv.print(String(hv.decode(bytes, 0, bytes.byteLength, 0) === text));
      }
      const lone = hv.encode('x\\ud800y', 0);
      hv.print([...new Uint8Array(lone)].join());
    }`;
    expect(new TinyMachine(program).boot().stdout).toBe(
      'true\ntrue\ntrue\ntrue\ntrue\n120,239,191,189,121\n',
    );
  });

  test('answers traps with bad arguments harmlessly', () => {
    const program = `(hv) => {
      const bytes = new ArrayBuffer(8);
      for (const bad of [[], [null], [{}], ['x', 'y', 'z'], [1e300, NaN, -1], [bytes, -5, 99], [bytes, 4, 1e9]])
        for (const name of Object.keys(hv)) {
          if (name === 'print' || name === 'exit') continue;
          hv[name](...bad);
        }
      hv.print('alive');
    }`;
    expect(new TinyMachine(program).boot().stdout).toMatch(/alive\n$/);
  });

  test('repeats Math.random and entropy for a seed, and changes them on a reseed', () => {
    const program = `(hv) => ({ interrupt() { hv.print(Math.random() + ' ' + new Uint8Array(hv.entropy(6))); } })`;
    const lines = [undefined, undefined, 'fresh'].map((reseed) => {
      const guest = new TinyMachine(program);
      guest.boot();
      guest.interrupt(INTERRUPT.stdinEnd);
      if (reseed !== undefined)
        guest.interrupt(INTERRUPT.reseed, { payload: new TextEncoder().encode(reseed) });
      guest.interrupt(INTERRUPT.stdinEnd);
      return guest.stdout.split('\n');
    });
    expect(lines[0]).toEqual(lines[1]);
    expect(lines[2]?.[0]).toBe(lines[0]?.[0]);
    expect(lines[2]?.[1]).not.toBe(lines[0]?.[1]);
  });

  test('reports unhandled rejections and late handlers between jobs', () => {
    const program = `(hv) => {
      const late = Promise.reject(new Error('late'));
      Promise.reject(new Error('never'));
      Promise.resolve().then(() => {}).then(() => late.catch(() => {}));
    }`;
    expect(new TinyMachine(program).boot().stdout).toBe(
      'rejected Error: late\nrejected Error: never\nhandled Error: late\n',
    );
  });

  test('ends a memory bomb as a guest error at the same tick every time', () => {
    const program = `(hv) => ({ interrupt() { const hoard = []; for (;;) hoard.push(new Array(1000).fill(hoard.length)); } })`;
    const ends = [1, 2].map(() => {
      const guest = new TinyMachine(program, { memoryPages: 1024 });
      guest.boot();
      guest.interrupt(INTERRUPT.stdinEnd);
      return { out: guest.stdout, end: guest.end };
    });
    expect(ends[0]?.out).toMatch(/out of memory/);
    expect(ends[0]).toEqual(ends[1]);
  });

  test('shows dates in UTC whatever the zone of the host', () => {
    const program = `(hv) => {
      hv.print(new Date(2024, 1, 29, 13, 14, 15).toISOString());
      hv.print(String(new Date(0).getTimezoneOffset()));
      hv.print(new Date(-1).toString());
      hv.print(new Date(Date.UTC(1900, 2, 1)).toString());
    }`;
    expect(new TinyMachine(program).boot().stdout).toBe(
      '2024-02-29T13:14:15.000Z\n0\nWed Dec 31 1969 23:59:59 GMT+0000\nThu Mar 01 1900 00:00:00 GMT+0000\n',
    );
  });
});
