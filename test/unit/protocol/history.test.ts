import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  commonLsn,
  EpochHistory,
  type EpochStart,
  type History,
} from '../../../hypervisor/protocol/history.ts';
import { asEpoch, asLsn } from '../../../log-format/index.ts';

/** A log as the epoch of each of its records; the first `trimmed` of them are gone. */
interface ToyLog {
  readonly epochs: readonly number[];
  readonly trimmed: number;
}

function historyOf({ epochs, trimmed }: ToyLog): History {
  const starts: EpochStart[] = [];
  for (let lsn = trimmed + 1; lsn <= epochs.length; lsn++) {
    const epoch = asEpoch(epochs[lsn - 1] ?? 0);
    if (starts.at(-1)?.epoch !== epoch) starts.push({ epoch, firstLsn: asLsn(lsn) });
  }
  return { epochs: starts, lsnFirst: asLsn(trimmed + 1), lsnLast: asLsn(epochs.length) };
}

/** Records two logs have in common, one compared with the other. */
function sharedRecords(one: ToyLog, other: ToyLog): number {
  let shared = 0;
  while (
    shared < Math.min(one.epochs.length, other.epochs.length) &&
    one.epochs[shared] === other.epochs[shared]
  )
    shared += 1;
  return shared;
}

/** Reigns on top of any prefix of any log so far, and copies of any prefix of a log. */
const LOGS: fc.Arbitrary<readonly ToyLog[]> = fc
  .array(
    fc.record({
      from: fc.nat(),
      keep: fc.double({ min: 0, max: 1, noNaN: true }),
      records: fc.integer({ min: 0, max: 6 }),
      trim: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    { minLength: 2, maxLength: 8 },
  )
  .map((steps) => {
    const logs: ToyLog[] = [{ epochs: [], trimmed: 0 }];
    for (const [index, { from, keep, records, trim }] of steps.entries()) {
      const base = logs[from % logs.length]?.epochs ?? [];
      const kept = base.slice(0, Math.round(keep * base.length));
      const epochs = [...kept, ...Array.from({ length: records }, () => index + 1)];
      logs.push({ epochs, trimmed: trim < 0.5 ? 0 : Math.floor((trim - 0.5) * 2 * epochs.length) });
    }
    return logs;
  });

const history = (
  epochs: readonly (readonly [number, number])[],
  last: number,
  first = 1,
): History => ({
  epochs: epochs.map(([epoch, lsn]) => ({ epoch: asEpoch(epoch), firstLsn: asLsn(lsn) })),
  lsnFirst: asLsn(first),
  lsnLast: asLsn(last),
});

describe('the last common record of two logs', () => {
  it('is where they differ first, whoever reigned on top of whose log', () => {
    fc.assert(
      fc.property(LOGS, (logs) => {
        for (const one of logs)
          for (const other of logs) {
            const whole = sharedRecords(one, other);
            const [a, b] = [historyOf(one), historyOf(other)];
            const found = commonLsn(a, b);
            const visible = Math.max(one.trimmed, other.trimmed);
            if (whole > visible) expect(found).toBe(whole);
            else expect(found).toBeLessThanOrEqual(whole);
            expect(commonLsn(b, a)).toBe(found);
          }
      }),
      { numRuns: 500 },
    );
  });

  it('is the end of the shorter one in the newest epoch both have', () => {
    const primary = history(
      [
        [1, 1],
        [2, 40],
        [4, 90],
      ],
      120,
    );
    expect(
      commonLsn(
        primary,
        history(
          [
            [1, 1],
            [2, 40],
          ],
          70,
        ),
      ),
    ).toBe(70);
    expect(
      commonLsn(
        primary,
        history(
          [
            [1, 1],
            [2, 40],
          ],
          95,
        ),
      ),
    ).toBe(89);
    expect(
      commonLsn(
        primary,
        history(
          [
            [1, 1],
            [2, 40],
            [3, 60],
          ],
          95,
        ),
      ),
    ).toBe(59);
    expect(
      commonLsn(
        primary,
        history(
          [
            [1, 1],
            [3, 20],
          ],
          30,
        ),
      ),
    ).toBe(19);
  });

  it('is none without an epoch in common, or when one number was given to two reigns', () => {
    expect(commonLsn(history([[1, 1]], 9), history([], 0))).toBe(0);
    expect(commonLsn(history([[1, 1]], 9), history([[2, 1]], 9))).toBe(0);
    expect(
      commonLsn(
        history(
          [
            [1, 1],
            [2, 5],
          ],
          9,
        ),
        history([[2, 6]], 9),
      ),
    ).toBe(0);
  });

  it('is known although one has lost the beginning of that epoch', () => {
    const whole = history([[1, 1]], 80);
    expect(commonLsn(history([[1, 51]], 100, 51), whole)).toBe(80);
    expect(commonLsn(history([[1, 51]], 60, 51), whole)).toBe(60);
    // It joined by a snapshot and has no record yet.
    expect(commonLsn(history([[1, 51]], 50, 51), whole)).toBe(50);
    expect(
      commonLsn(
        history([[2, 51]], 100, 51),
        history(
          [
            [1, 1],
            [2, 70],
          ],
          80,
        ),
      ),
    ).toBe(0);
  });
});

describe('the history of a growing log', () => {
  const batch = (epoch: number, first: number, last: number) => ({
    epoch: asEpoch(epoch),
    firstLsn: asLsn(first),
    lastLsn: asLsn(last),
  });

  it('notes the first batch of each epoch and forgets what is cut off', () => {
    const growing = new EpochHistory();
    growing.appended(batch(1, 1, 4));
    growing.appended(batch(1, 5, 6));
    growing.appended(batch(3, 7, 7));
    expect(growing.epochs).toEqual(
      history(
        [
          [1, 1],
          [3, 7],
        ],
        7,
      ).epochs,
    );
    expect(growing.lsnLast).toBe(7);
    growing.cut(asLsn(6));
    expect(growing.epochs).toEqual(history([[1, 1]], 6).epochs);
    growing.appended(batch(4, 7, 8));
    expect(new EpochHistory(growing).epochs).toEqual(
      history(
        [
          [1, 1],
          [4, 7],
        ],
        8,
      ).epochs,
    );
  });

  it('refuses a gap and an older epoch', () => {
    const growing = new EpochHistory(history([[2, 1]], 6));
    expect(() => growing.appended(batch(2, 8, 8))).toThrow('without a gap');
    expect(() => growing.appended(batch(1, 7, 7))).toThrow('never go back');
  });
});
