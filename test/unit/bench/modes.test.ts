import { describe, expect, test } from 'vitest';
import { type JoinTrial, joinFigures, worstWait } from '../../../bench/join.ts';
import { lossOf } from '../../../bench/mode-load.ts';
import { brokenPromises, type LossTrial, lossRow, tables } from '../../../bench/modes.ts';

describe('what a takeover lost', () => {
  const clients = [
    { key: 'a', ackedAt: [10, 20, 30] },
    { key: 'b', ackedAt: [15, 25] },
  ];

  test('is what was acknowledged and is not there, from the oldest of it on', () => {
    const held = new Map([
      ['a', 1],
      ['b', 2],
    ]);
    expect(lossOf(clients, held, 100)).toEqual({ acknowledged: 5, lost: 2, reachMs: 80 });
  });

  test('is nothing where a write that was under way was done, too', () => {
    const held = new Map([
      ['a', 4],
      ['b', 2],
    ]);
    expect(lossOf(clients, held, 100)).toEqual({ acknowledged: 5, lost: 0, reachMs: 0 });
  });

  test('is everything of a key that is not there', () => {
    expect(lossOf(clients, new Map(), 100)).toEqual({ acknowledged: 5, lost: 5, reachMs: 90 });
  });

  test('is summed over the kills, beside the worst of them and the longest lag', () => {
    const trial = (lost: number, reachMs: number, ms: number): LossTrial => ({
      loss: { acknowledged: 100, lost, reachMs },
      lag: { ms, bytes: 1 },
    });
    expect(lossRow('async', 'host', [trial(3, 7, 9), trial(0, 0, 12), trial(2, 8, 1)])).toEqual({
      ...{ ack: 'async', struck: 'host', trials: 3, acknowledged: 300 },
      ...{ lost: 5, lostMost: 3, reachMs: 8, lagMs: 12 },
    });
  });

  test('breaks the promise of every level but async', () => {
    const loss = { acknowledged: 10, lost: 1, reachMs: 1 };
    const rows = [
      lossRow('async', 'host', [{ loss, lag: undefined }]),
      lossRow('durable', 'host', [{ loss, lag: undefined }]),
      lossRow('received', 'host', [{ loss: { ...loss, lost: 0 }, lag: undefined }]),
    ];
    expect(brokenPromises(rows).map(({ ack }) => ack)).toEqual(['durable']);
  });
});

test('the tables of modes have one row for each mode and each kind of kill', () => {
  const loss = [lossRow('async', 'process', [])];
  const ratio = { ratio: 1.5, low: 1.2, high: 1.8 };
  const row = { requests: 9, p50: 200, p99: 12_345, perSecond: 5000.4 };
  const latency = [
    { mode: 'received', ...row, ratio: undefined },
    { mode: 'durable', ...row, ratio },
  ];
  expect(tables({ latency, loss })).toEqual([
    '| mode | p50 | p99 | requests/s with 8 | p50 against received |',
    '| --- | ---: | ---: | ---: | ---: |',
    '| received | 0.20 ms | 12.3 ms | 5000 | 1 |',
    '| durable | 0.20 ms | 12.3 ms | 5000 | 1.50 (1.20 to 1.80) |',
    '',
    '| `--ack` | killed | kills | acknowledged | lost | worst kill | reach | lag told |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    '| async | process | 0 | 0 | 0 | 0 | - | 0.00 ms |',
  ]);
});

describe('the longest wait around a join', () => {
  const repliedAt = [0, 10, 50, 60, 100];

  test('counts a wait that only reaches into the time, at either end', () => {
    expect(worstWait(repliedAt, 45, 55)).toBe(40);
    expect(worstWait(repliedAt, 65, 70)).toBe(40);
    expect(worstWait(repliedAt, 52, 58)).toBe(10);
  });

  test('is 0 where nothing was answered', () => {
    expect(worstWait([], 0, 10)).toBe(0);
  });

  test('has no figure for copying where no snapshot was taken', () => {
    const trial: JoinTrial = {
      ...{ source: 'there', worstMs: 5, worstBeforeMs: 4, protectedMs: 100, inStepMs: 120 },
      ...{ sinceStartMs: 400, copyMs: undefined },
    };
    const { figures, rounds } = joinFigures('there', [trial, { ...trial, worstMs: 7 }]);
    expect(rounds).toBe(2);
    expect(figures['longest wait']?.max).toBe(7);
    expect(figures['of it copying']).toBeUndefined();
  });
});
