import { expect, test } from 'vitest';
import {
  failoverLine,
  isProtected,
  parseEvent,
  phasesAfter,
  verdictLines,
  verdictOf,
} from '../../../hypervisor/cli/demo/failover-report.ts';
import { quantilesOf } from '../../../hypervisor/cli/demo/quantiles.ts';
import { Tally } from '../../../hypervisor/cli/demo/tally.ts';

test('events are parsed and anything else is refused', () => {
  expect(parseEvent('{"evt":"live","at":12,"epoch":2,"x":1}')).toEqual({
    evt: 'live',
    at: 12,
    epoch: 2,
  });
  expect(parseEvent('{"evt":"live","at":12}')).toEqual({ evt: 'live', at: 12 });
  for (const line of ['', 'live', '{"evt":"live"}', 'null', '{"at":1}', '{"evt":']) {
    expect(parseEvent(line)).toBeUndefined();
  }
});

test('phases are measured from the kill, and those of an earlier failover do not count', () => {
  const events = [
    { evt: 'suspected', at: 1_000_000 },
    { evt: 'live', at: 1_004_000 },
    { evt: 'suspected', at: 9_000_800 },
    { evt: 'claimed', at: 9_003_100 },
    { evt: 'live', at: 9_005_800 },
  ];
  const phasesMs = phasesAfter(9_000_000, events);
  expect(phasesMs).toEqual({ suspected: 0.8, claimed: 3.1, live: 5.8 });
  expect(failoverLine({ second: 65.2, pid: 7, epoch: 2, phasesMs, gapMs: 8.04 })).toBe(
    '01:05  kill -9 primary (pid 7)  epoch 2  suspected +0.8 ms  claimed +3.1 ms  live +5.8 ms' +
      '  longest client gap 8.0 ms',
  );
});

test('a primary is protected if that is the last it said about it', () => {
  const events = (...names: string[]) => names.map((evt, at) => ({ evt, at }));
  expect(isProtected([])).toBe(false);
  expect(isProtected(events('primary.live', 'protected', 'first.output'))).toBe(true);
  expect(isProtected(events('protected', 'unprotected', 'backup.joining'))).toBe(false);
  expect(isProtected(events('protected', 'unprotected', 'protected'))).toBe(true);
});

test('a verdict is good only if nothing is wrong and something was answered', () => {
  const tally = new Tally();
  const run = { seconds: 2.04, failovers: 1, backupsDropped: 0 };
  expect(verdictOf(tally, run).ok).toBe(false);
  tally.requests = 1205;
  tally.answered = 1200;
  tally.gapsMs.push(9, 12, 10);
  const good = verdictOf(tally, run);
  expect(good.ok).toBe(true);
  expect(verdictLines(good)).toEqual([
    '2 s: 1,205 requests, 1,200 answered (5 cut off by a kill and settled by reading back)',
    '0 lost, 0 doubled, 0 out of order, 0 wrong, 0 clients stuck',
    '1 failovers, client gap p50 10 ms, p99 12 ms, max 12 ms',
  ]);
  for (const fault of ['lost', 'doubled', 'outOfOrder', 'wrong'] as const) {
    const bad = new Tally();
    bad.answered = 10;
    bad.fault(fault, 0, 'nothing');
    expect(verdictOf(bad, run).ok).toBe(true);
    bad.fault(fault, 2, 'planted');
    expect(verdictOf(bad, run)).toMatchObject({ ok: false, [fault]: 2 });
    expect(verdictLines(verdictOf(bad, run)).at(-1)).toBe(`  ${fault} 2: planted`);
  }
  tally.stuck = 1;
  expect(verdictOf(tally, run).ok).toBe(false);
});

test('quantiles are samples by nearest rank, and nothing has none', () => {
  expect(quantilesOf([])).toBeUndefined();
  expect(quantilesOf([5])).toEqual({ count: 1, p50: 5, p99: 5, max: 5 });
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect(quantilesOf(hundred)).toEqual({ count: 100, p50: 50, p99: 99, max: 100 });
});
