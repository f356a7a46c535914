import { describe, expect, test } from 'vitest';
import { FormatError, firmwareParts, sha256Hex } from '../../../log-format/index.ts';
import { TINY_FIRMWARE } from '../../support/tiny-firmware.ts';
import { TinyMachine } from '../../support/tiny-machine.ts';

const FIRST = new TextDecoder().decode(TINY_FIRMWARE);

function inParts(...parts: readonly string[]): Uint8Array {
  const lengths = parts.map((part) => new TextEncoder().encode(part).length).join(' ');
  return new TextEncoder().encode(
    `throw Error("this firmware needs a newer hv");//hv:parts ${lengths}\n${parts.join('')}`,
  );
}

function run(image: string, ...parts: readonly string[]): TinyMachine {
  return new TinyMachine(image, {}, inParts(FIRST, ...parts)).boot();
}

describe('a firmware in parts', () => {
  test('has each of them evaluated when it is asked for, as often as it is', () => {
    const image = `(hv) => { hv.print([typeof two, hv.late(2), two, hv.late(1), hv.late(2), two]); }`;
    expect(run(image, '"one"', 'var two = (globalThis.two || 0) + 1; two').stdout).toBe(
      'undefined,1,1,one,2,2\n',
    );
  });

  test('has nothing but those parts', () => {
    const image =
      '(hv) => { for (const at of [3, -1, 0.5, "x", undefined]) hv.print(hv.late(at)); }';
    const shown = run(image, '1', '2').stdout.split('\n');
    expect(shown.slice(0, 2)).toEqual(['undefined', 'undefined']);
  });

  test('throws what a part throws where it is asked for, and goes on', () => {
    const image = `(hv) => { try { hv.late(1); } catch (error) { hv.print(error.message); } hv.print(hv.late(2)); }`;
    expect(run(image, 'throw new Error("no")', '7').stdout).toBe('no\n7\n');
  });

  test('can be stopped in the middle of one', () => {
    const image = '(hv) => { try { hv.late(1); } catch { hv.print("caught"); } }';
    const tiny = new TinyMachine(image, {}, inParts(FIRST, 'for (;;) {}'));
    tiny.cutAt(1_000_000, { type: 'stopAt', code: 3, reason: 'asked to' });
    expect(tiny.boot().machine.halted).toEqual({ code: 3, reason: 'asked to' });
    expect(tiny.stdout).toBe('');
  });

  test('keeps no source text of its functions, and that of the guest', () => {
    const image = `(hv) => { hv.print([hv.late(1), hv.print, function own() { return 1; }].map(String).join()); }`;
    const native = (name: string): string => `function ${name}() {\n    [native code]\n}`;
    expect(run(image, '(function part() { return 2; })').stdout).toBe(
      `${native('part')},${native('')},function own() { return 1; }\n`,
    );
  });

  test('shows its frames as frames of the firmware', () => {
    const image = '(hv) => { hv.print(hv.late(1)().includes("hv:firmware")); }';
    expect(run(image, '(() => new Error("x").stack)').stdout).toBe('true\n');
  });

  test('computes the same twice', () => {
    const image = '(hv) => { for (let i = 0; i < 3; i++) hv.print(hv.late(1)(i)); }';
    const [one, other] = [0, 1].map(() => {
      const { machine, end } = run(image, '(n) => { while (n < 1000) n++; return n; }');
      return { end, memory: sha256Hex(machine.usedMemory()) };
    });
    expect(one).toEqual(other);
  });

  test('needs lengths that are those of its file', () => {
    const file = inParts(FIRST, '1');
    for (const wrong of [file.subarray(0, -1), new Uint8Array([...file, 32])])
      expect(() => firmwareParts(wrong)).toThrow(FormatError);
  });
});

describe('a firmware of one piece', () => {
  test('is that part, has no trap for more and keeps its text', () => {
    expect(firmwareParts(TINY_FIRMWARE)).toEqual([TINY_FIRMWARE]);
    const tiny = new TinyMachine('(hv) => { hv.print(typeof hv.late + hv.print); }').boot();
    expect(tiny.stdout).toContain('undefined(text) => {');
  });
});
