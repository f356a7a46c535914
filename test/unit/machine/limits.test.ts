import { describe, expect, test } from 'vitest';
import { loadEngineParts, loadFirmware } from '../../../hypervisor/host/engine-parts.ts';
import { goldenKey, readGolden } from '../../../hypervisor/host/golden-image.ts';
import { Budget } from '../../../hypervisor/machine/budget.ts';
import { Machine } from '../../../hypervisor/machine/machine.ts';
import { asLsn, INTERRUPT, sha256Hex } from '../../../log-format/index.ts';
import { GuestRunner, TEST_CONFIG, TEST_HEADER } from '../../support/guest-runner.ts';
import { TinyMachine } from '../../support/tiny-machine.ts';

const LOOP = '(hv) => ({ interrupt() { for (globalThis.n = 0; ; n++); } })';
const MEBIBYTE = 2 ** 20;
/** `--memory 32MiB`: the heap and what the engine needs beside it. */
const HEAP_32 = { memoryPages: (48 * MEBIBYTE) / 65_536 };

describe('the limit of a turn', () => {
  test('stops the guest at its very tick, without a record, to the same memory', () => {
    const ends = [70_001, 70_001, 70_003].map((turnTicksMax) => {
      const guest = new TinyMachine(LOOP, { turnTicksMax }).boot();
      const from = guest.machine.ticks;
      guest.interrupt(INTERRUPT.stdinEnd);
      expect(guest.machine.ticks).toBe(from + turnTicksMax);
      return {
        halted: guest.machine.halted,
        stderr: guest.stderr,
        hash: sha256Hex(guest.machine.usedMemory()),
      };
    });
    expect(ends[0]?.halted).toEqual({ code: 124, reason: 'one turn used 70,001 ticks (--cpu)' });
    expect(ends[0]?.stderr).toBe('hv: guest stopped: one turn used 70,001 ticks (--cpu)\n');
    expect(ends[1]).toEqual(ends[0]);
    expect(ends[2]?.hash).not.toBe(ends[0]?.hash);
  });

  test('cannot be caught, and no finally runs', () => {
    const program = `(hv) => ({ interrupt() {
      const spin = () => { try { for (;;); } catch { hv.print('caught'); } finally { hv.print('finally'); } };
      for (;;) { try { spin(); } catch { hv.print('outer'); } }
    } })`;
    const guest = new TinyMachine(program, { turnTicksMax: 50_000 }).boot();
    guest.interrupt(INTERRUPT.stdinEnd);
    expect(guest.machine.halted?.code).toBe(124);
    expect(guest.stdout).toBe('');
  });

  test('begins anew with each turn', () => {
    const program = '(hv) => ({ interrupt() { for (let i = 0; i < 15000; i++); } })';
    const guest = new TinyMachine(program, { turnTicksMax: 40_000 }).boot();
    for (let turn = 0; turn < 5; turn++) guest.interrupt(INTERRUPT.stdinEnd);
    expect(guest.machine.halted).toBeUndefined();
    expect(guest.machine.ticks).toBeGreaterThan(150_000);
  });

  test('counts the steps of regular expressions, which retire no ticks', () => {
    const program = `(hv) => ({ interrupt() {
      try { /^(a+)+$/.test('a'.repeat(40) + 'b'); } catch { hv.print('caught'); }
    } })`;
    const ends = [1, 2].map(() => {
      const guest = new TinyMachine(program, { turnTicksMax: 1_000_000 }).boot();
      guest.interrupt(INTERRUPT.stdinEnd);
      expect(guest.alivePolls).toBeGreaterThan(90);
      expect(guest.stdout).toBe('');
      expect(guest.machine.halted?.code).toBe(124);
      return { end: guest.end, hash: sha256Hex(guest.machine.usedMemory()) };
    });
    expect(ends[0]).toEqual(ends[1]);
  });
});

describe('the limit of a second', () => {
  const WORK = '(hv) => ({ interrupt() { for (let i = 0; i < 15000; i++); } })';

  test('adds up the turns of one second and begins anew in the next', () => {
    const guest = new TinyMachine(WORK, { secondTicksMax: 100_000 }).boot();
    const at = (micros: number): void =>
      guest.interruptAt(TEST_HEADER.startedAt + micros, INTERRUPT.stdinEnd);
    for (const micros of [1000, 2000, 900_000, 1_000_000, 1_500_000, 1_600_000]) at(micros);
    expect(guest.machine.halted).toBeUndefined();
    const start = guest.machine.ticks;
    at(1_900_000);
    expect(guest.machine.halted?.reason).toBe('one second of its clock used 100,000 ticks (--cpu)');
    // Three turns of this second were before it.
    expect(guest.machine.ticks).toBeLessThan(start + 10_100);
  });

  test('begins anew where a record moves the clock in the middle of a turn', () => {
    const stoppedAfter = (moves: boolean): number => {
      const guest = new TinyMachine(LOOP, { secondTicksMax: 100_000 }).boot();
      const from = guest.machine.ticks;
      if (moves)
        guest.cutAt(from + 60_000, { type: 'resync', time: TEST_HEADER.startedAt + 1_000_001 });
      guest.interrupt(INTERRUPT.stdinEnd);
      return guest.machine.ticks - from;
    };
    expect(stoppedAfter(true)).toBe(160_000);
    expect(stoppedAfter(false)).toBeLessThanOrEqual(100_000);
  });

  test('begins anew at the tick that carries the clock into a new second', () => {
    let position = { base: 10_999_000, baseTicks: 500 };
    const limits = { turnTicksMax: 0, secondTicksMax: 200_000, startedAt: 10_000_000 };
    const budget = new Budget(limits, () => position, 500);
    budget.beginTurn(500);
    // 1000 µs are left of the second: 128,000 ticks, and then a whole budget.
    expect(budget.limitAt()).toBe(500 + 128_000 + 200_000);
    expect(budget.exceeded(200_500)).toBeUndefined();
    expect(budget.exceeded(328_499)).toBeUndefined();
    expect(budget.exceeded(328_500)).toBe('one second of its clock used 200,000 ticks (--cpu)');
    // A move after the crossing does not give the second away again.
    position = { base: 11_400_000, baseTicks: 150_000 };
    budget.look(150_000);
    expect(budget.limitAt()).toBe(500 + 128_000 + 200_000);
    const wide = new Budget({ ...limits, secondTicksMax: 128_000_000 }, () => position, 0);
    expect(wide.limitAt()).toBe(Number.POSITIVE_INFINITY);
  });

  test('goes on in a machine made of a snapshot', () => {
    const limits = { secondTicksMax: 100_000 };
    const [one, two] = [1, 2].map(() => new TinyMachine(WORK, limits).boot());
    if (one === undefined || two === undefined) throw new Error('two machines');
    one.interrupt(INTERRUPT.stdinEnd);
    one.interrupt(INTERRUPT.stdinEnd);
    two.machine.restore(one.machine.save());
    for (const guest of [one, two])
      for (let turn = 3; turn < 6; turn++)
        guest.interruptAt(TEST_HEADER.startedAt + 5000 + turn, INTERRUPT.stdinEnd);
    expect(one.machine.halted?.code).toBe(124);
    expect(two.machine.ticks).toBe(one.machine.ticks);
  });
});

describe('any memory and stack', () => {
  test.each([
    [16, 64],
    [33, 100],
    [64, 1024],
    [512, 256],
  ])('of %i MiB and %i KiB start from the golden image as from a boot', (heap, stack) => {
    const parts = loadEngineParts();
    const firmware = loadFirmware();
    const golden = readGolden(goldenKey(parts, firmware, TEST_HEADER.machineVersion));
    expect(golden).toBeDefined();
    const header = {
      ...TEST_HEADER,
      memoryPages: (heap + 16) * 16,
      stackBytes: stack * 1024,
    };
    const image = new TextEncoder().encode('(function hvMain() { console.log(new Date()); })');
    const payload = new TextEncoder().encode(JSON.stringify(TEST_CONFIG));
    const ends = [golden, undefined].map((from) => {
      const machine = new Machine({
        parts,
        header,
        firmware,
        image,
        sourceMap: new Uint8Array(),
        golden: from,
      });
      const time = TEST_HEADER.startedAt;
      machine.turn(
        { type: 'interrupt', kind: INTERRUPT.boot, time, id: 0, num: 0, payload },
        asLsn(1),
        { nextTicks: () => Number.POSITIVE_INFINITY, poll: () => undefined },
      );
      expect(machine.halted?.code).toBe(0);
      return { end: machine.collect().end, hash: sha256Hex(machine.usedMemory()) };
    });
    expect(ends[0]).toEqual(ends[1]);
  });
});

describe('a full heap', () => {
  test('is an error the guest may catch, at the limit it was given', () => {
    const guest = new GuestRunner(
      `(function hvMain() {
        const kept = [];
        try { for (;;) kept.push(new ArrayBuffer(1 << 20)); }
        catch (error) { const { length } = kept; kept.length = 0; console.log(error instanceof RangeError, length); }
      })`,
      undefined,
      undefined,
      HEAP_32,
    ).boot();
    expect(guest.stdout).toMatch(/^true (2[5-9]|3[0-2])\n$/);
  });

  test('uncaught ends the guest with a text that names limit and option', () => {
    const config = { heapBytesMax: 32 * MEBIBYTE };
    const image =
      '(function hvMain() { const kept = []; for (;;) kept.push(new Array(5000).fill(0)); })';
    const guest = new GuestRunner(image, undefined, undefined, HEAP_32).boot(config);
    expect([1, 134]).toContain(guest.exitCode);
    expect(guest.stderr).toContain('out of memory');
    expect(guest.stderr).toMatch(/32 MiB.*--memory/);
  });
});

describe('the cycle collector', () => {
  const CYCLES = `(function hvMain() {
    let freed = 0;
    const registry = new FinalizationRegistry(() => { freed += 1; });
    const weak = [];
    let round = 0, dead = 0;
    const marks = [];
    setTimeout(function work() {
      for (let i = 0; i < 4000; i++) {
        const a = { data: new Array(20).fill(i) }, b = { a };
        a.b = b;
        if (i % 1000 === 0) { weak.push(new WeakRef(a)); registry.register(a, i); }
      }
      const now = weak.filter((ref) => ref.deref() === undefined).length;
      if (now !== dead) marks.push(process.hrtime().join(':') + ' ' + now + ' ' + freed);
      dead = now;
      if (++round < 50) setTimeout(work, 1);
      else console.log(marks.length, marks.join());
    }, 1);
  })`;

  test('counts bytes: endless cyclic garbage stays far below a heap of 32 MiB, at the same ticks again', () => {
    const run = (): { guest: GuestRunner; peak: number } => {
      const guest = new GuestRunner(CYCLES, undefined, undefined, HEAP_32).boot();
      let peak = 0;
      for (let step = 0; step < 10 && guest.exitCode === undefined; step++) {
        guest.run(step === 9 ? 100 : 5);
        peak = Math.max(peak, guest.machine.figures().heapBytes);
      }
      return { guest, peak };
    };
    const [first, second] = [run(), run()];
    expect(first.guest.exitCode).toBe(0);
    // 200,000 pairs of 500 bytes went by: three times the heap.
    expect(first.peak).toBeLessThan(8 * MEBIBYTE);
    expect(Number.parseInt(first.guest.stdout, 10)).toBeGreaterThan(5);
    expect(second.guest.stdout).toBe(first.guest.stdout);
    expect(second.guest.end).toEqual(first.guest.end);
  });
});
