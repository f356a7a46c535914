import { describe, expect, test } from 'vitest';
import { ChaosPipe, CLEAN } from '../../support/chaos-pipe.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
const text = (pieces: readonly Buffer[]): string => Buffer.concat([...pieces]).toString();

function pipe(impairment: Partial<typeof CLEAN>, seed = 1): ChaosPipe {
  const one = new ChaosPipe(seed);
  one.impair({ ...CLEAN, ...impairment });
  return one;
}

describe('a clean pipe', () => {
  test('delivers at once', () => {
    const one = pipe({});
    one.push(bytes('abc'), 5);
    expect(one.nextAt()).toBe(5);
    expect(text(one.due(5))).toBe('abc');
    expect(one.queuedBytes).toBe(0);
  });
});

describe('delay', () => {
  test('delivers no byte before its time', () => {
    const one = pipe({ delayMs: 20 });
    one.push(bytes('a'), 0);
    one.push(bytes('b'), 3);
    expect(one.due(19)).toEqual([]);
    expect(text(one.due(20))).toBe('a');
    expect(one.nextAt()).toBe(23);
    expect(text(one.due(23))).toBe('b');
  });

  test('with jitter keeps the order, stays within its bounds and is the same for the same seed', () => {
    const times = (seed: number): number[] => {
      const one = pipe({ delayMs: 10, jitterMs: 50 }, seed);
      const out: number[] = [];
      let sent = '';
      for (let n = 0; n < 40; n++) {
        one.push(bytes(String(n % 10)), n);
        sent += n % 10;
      }
      let got = '';
      for (let at = one.nextAt(); at !== undefined; at = one.nextAt()) {
        out.push(at);
        got += text(one.due(at));
      }
      expect(got).toBe(sent);
      return out;
    };
    const seven = times(7);
    expect(seven).toEqual(times(7));
    expect(seven).not.toEqual(times(8));
    expect(Math.min(...seven)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...seven)).toBeLessThanOrEqual(39 + 60);
    expect(seven).toEqual([...seven].sort((a, b) => a - b));
  });
});

describe('a rate', () => {
  test('spreads bytes over time', () => {
    const one = pipe({ bytesPerSecond: 1000 });
    one.push(bytes('x'.repeat(100)), 0);
    one.push(bytes('y'.repeat(50)), 0);
    expect(one.due(99)).toEqual([]);
    expect(text(one.due(100))).toBe('x'.repeat(100));
    expect(text(one.due(150))).toBe('y'.repeat(50));
  });

  test('makes the pipe full at its limit, and no sooner', () => {
    const one = pipe({ bytesPerSecond: 1000, queueBytesMax: 10 });
    one.push(bytes('123456789'), 0);
    expect(one.full).toBe(false);
    one.push(bytes('0'), 0);
    expect(one.full).toBe(true);
    one.due(9);
    expect(one.full).toBe(false);
  });
});

describe('a way that holds', () => {
  test('keeps every byte until it passes again', () => {
    const one = pipe({ way: 'hold' });
    one.push(bytes('ab'), 0);
    expect(one.due(1e9)).toEqual([]);
    expect(one.nextAt()).toBeUndefined();
    one.impair(CLEAN);
    one.push(bytes('c'), 50);
    expect(text(one.due(50))).toBe('abc');
    expect(one.swallowedBytes).toBe(0);
  });

  test('keeps what was under way when it began', () => {
    const one = pipe({ delayMs: 10 });
    one.push(bytes('a'), 0);
    one.impair({ ...CLEAN, way: 'hold' });
    expect(one.due(100)).toEqual([]);
    one.impair(CLEAN);
    expect(text(one.due(100))).toBe('a');
  });
});

describe('a way that swallows', () => {
  test('loses bytes for ever, and knows how many', () => {
    const one = pipe({ way: 'swallow' });
    one.push(bytes('abc'), 0);
    one.impair(CLEAN);
    one.push(bytes('d'), 1);
    expect(text(one.due(1))).toBe('d');
    expect(one.swallowedBytes).toBe(3);
  });
});

describe('corruption', () => {
  const differing = (one: Buffer, other: Buffer): number[] =>
    [...one].flatMap((byte, at) => (byte === other[at] ? [] : [at]));

  test('on request flips one bit of the next piece only', () => {
    const one = pipe({}, 3);
    const sent = bytes('x'.repeat(64));
    one.corruptNext();
    one.push(Buffer.from(sent), 0);
    one.push(Buffer.from(sent), 0);
    const [first = bytes(''), second] = one.due(0);
    const changed = differing(first, sent);
    expect(changed.length).toBe(1);
    const [at = 0] = changed;
    const bits = (first[at] ?? 0) ^ (sent[at] ?? 0);
    expect(bits & (bits - 1)).toBe(0);
    expect(second).toEqual(sent);
  });

  test('by chance hits about one byte in so many, however the pieces are cut', () => {
    for (const size of [1, 7, 1000]) {
      const one = pipe({ corruptOneIn: 100 }, 5);
      let changed = 0;
      for (let sent = 0; sent < 100_000; sent += size) one.push(Buffer.alloc(size), 0);
      for (const piece of one.due(0)) changed += piece.filter((byte) => byte !== 0).length;
      expect(changed).toBeGreaterThan(800);
      expect(changed).toBeLessThan(1200);
    }
  });
});
