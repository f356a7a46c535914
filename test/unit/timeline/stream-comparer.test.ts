import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { REFEED_AHEAD_BYTES_MAX } from '../../../hypervisor/base/limits.ts';
import type { Place } from '../../../hypervisor/timeline/guest-state.ts';
import { type Side, StreamComparer } from '../../../hypervisor/timeline/stream-comparer.ts';
import { maskPattern } from '../../../hypervisor/timeline/text-mask.ts';
import { asLsn, asMicros } from '../../../log-format/index.ts';

const at = (lsn: number): Place => ({ lsn: asLsn(lsn), time: asMicros(lsn * 1000) });
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (some: Uint8Array | undefined): string => new TextDecoder().decode(some);

type Write = readonly [Side, string];

function compare(writes: readonly Write[], patterns: readonly string[] = []): StreamComparer {
  const comparer = new StreamComparer(maskPattern(patterns));
  for (const [index, [side, some]] of writes.entries())
    comparer.write(side, bytes(some), at(index + 1));
  comparer.finish('recorded');
  comparer.finish('replayed');
  return comparer;
}

/** Without the places: these do depend on when a byte was sent. */
function shape(comparer: StreamComparer): unknown {
  const found = comparer.result();
  if (found === undefined) return undefined;
  const side = ({ offset, after, bytes: all, closing }: typeof found.recorded): unknown => {
    return { offset, after: text(after), all, closing };
  };
  const { kind, before, recorded, replayed } = found;
  return { kind, before: text(before), recorded: side(recorded), replayed: side(replayed) };
}

/** Cuts both texts at random places and mixes the pieces of the two sides at random. */
function cutAndMixed(recorded: string, replayed: string): fc.Arbitrary<readonly Write[]> {
  const cuts = (side: Side, whole: string): fc.Arbitrary<Write[]> =>
    fc.uniqueArray(fc.nat(whole.length), { maxLength: 12 }).map((places) => {
      const sorted = [0, ...places.sort((a, b) => a - b), whole.length];
      return sorted.slice(1).map((end, index) => [side, whole.slice(sorted[index], end)]);
    });
  const sides = fc.tuple(cuts('recorded', recorded), cuts('replayed', replayed));
  return fc.tuple(sides, fc.infiniteStream(fc.boolean())).map(([[left, right], coins]) => {
    const queues = [left, right] as const;
    const mixed: Write[] = [];
    for (const coin of coins) {
      const [one, other] = coin ? queues : [queues[1], queues[0]];
      const next = one.shift() ?? other.shift();
      if (next === undefined) return mixed;
      mixed.push(next);
    }
    return mixed;
  });
}

const LINES = fc
  .array(fc.constantFrom('id=17 ', 'id=4 ', 'GET /', 'x', ' ok', '\n', 'id=', '\r\n'), {
    maxLength: 30,
  })
  .map((words) => words.join(''));

describe('a stream of two runs', () => {
  test('has the same differences however its bytes were cut into writes', () => {
    const cases = fc
      .tuple(LINES, LINES, LINES, fc.constantFrom([], ['id=\\d+'], ['id=\\d*', 'o.']))
      .chain(([common, left, right, patterns]) =>
        cutAndMixed(common + left, common + right).map((writes) => ({
          recorded: common + left,
          replayed: common + right,
          patterns,
          writes,
        })),
      );
    fc.assert(
      fc.property(cases, ({ recorded, replayed, patterns, writes }) => {
        const whole = compare(
          [
            ['recorded', recorded],
            ['replayed', replayed],
          ],
          patterns,
        );
        expect(shape(compare(writes, patterns))).toEqual(shape(whole));
      }),
    );
  });

  test('without a pattern differs exactly where its bytes differ first', () => {
    fc.assert(
      fc.property(LINES, LINES, LINES, (common, left, right) => {
        const [one, other] = [common + left, common + right];
        const found = compare([
          ['replayed', other],
          ['recorded', one],
        ]).result();
        let same = 0;
        while (same < one.length && one[same] === other[same]) same += 1;
        if (one === other) expect(found).toBeUndefined();
        else {
          expect(found?.recorded.offset).toBe(same);
          expect(found?.replayed.offset).toBe(same);
          expect(found?.kind).toBe(same < Math.min(one.length, other.length) ? 'bytes' : 'longer');
        }
      }),
    );
  });

  test('names the input after which each side sent its first differing byte', () => {
    const found = compare([
      ['recorded', '+OK'],
      ['recorded', '\r\n:10\r\n'],
      ['replayed', '+OK\r\n:'],
      ['replayed', '11\r\n'],
    ]).result();
    expect(found?.recorded).toMatchObject({ offset: 7, place: at(2), bytes: 10 });
    expect(found?.replayed).toMatchObject({ offset: 7, place: at(4), bytes: 10 });
    expect([text(found?.before), text(found?.recorded.after), text(found?.replayed.after)]).toEqual(
      ['+OK\r\n:1', '0\r\n', '1\r\n'],
    );
    expect(found?.first).toEqual(at(2));
  });

  test('shows a window around the difference, not the stream', () => {
    const found = compare([
      ['recorded', `${'a'.repeat(500)}X${'b'.repeat(500)}`],
      ['replayed', `${'a'.repeat(500)}Y${'c'.repeat(500)}`],
    ]).result();
    expect(text(found?.before)).toBe('a'.repeat(40));
    expect(text(found?.recorded.after)).toBe(`X${'b'.repeat(59)}`);
    expect(text(found?.replayed.after)).toBe(`Y${'c'.repeat(59)}`);
  });

  test('that is only ended in another way differs in its closing', () => {
    const comparer = new StreamComparer(undefined);
    for (const side of ['recorded', 'replayed'] as const) comparer.write(side, bytes('a'), at(1));
    comparer.close('recorded', 'end', at(2));
    comparer.close('replayed', 'end', at(3));
    comparer.close('replayed', 'reset', at(4));
    comparer.finish('recorded');
    comparer.finish('replayed');
    expect(comparer.result()).toMatchObject({ kind: 'closing', first: at(2) });
  });

  test('is given up, and says so, where one side is too far ahead', () => {
    const comparer = new StreamComparer(undefined);
    const block = new Uint8Array(REFEED_AHEAD_BYTES_MAX / 4);
    for (let count = 1; count <= 5; count++) comparer.write('recorded', block, at(count));
    comparer.write('replayed', new Uint8Array(5 * block.length), at(6));
    comparer.finish('recorded');
    comparer.finish('replayed');
    expect(comparer.result()).toMatchObject({
      kind: 'ahead',
      recorded: { offset: 0, place: at(1) },
    });
  });
});

describe('text that does not count', () => {
  test('may be of another length, and offsets stay those of the stream as sent', () => {
    const found = compare(
      [
        ['recorded', 'at 9:05 ok\nat 10:06 ok\n'],
        ['replayed', 'at 1:00 ok\nat 1:00 no\n'],
      ],
      ['\\d+:\\d+'],
    ).result();
    expect(found).toMatchObject({
      kind: 'bytes',
      recorded: { offset: 20 },
      replayed: { offset: 19 },
    });
    expect(text(found?.before)).toContain('at <ignored> ');
  });

  test('is found in letters beyond ASCII', () => {
    const writes: readonly Write[] = [
      ['recorded', 'naïve 1\n'],
      ['replayed', 'naïve 22\n'],
    ];
    expect(compare(writes, ['ï.e \\d+']).result()).toBeUndefined();
  });

  test('does not reach over the end of a line', () => {
    const writes: readonly Write[] = [
      ['recorded', 'a\nb\n'],
      ['replayed', 'a\nc\n'],
    ];
    expect(compare(writes, ['a\\s*b']).result()?.recorded.offset).toBe(2);
  });
});
