import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  ARBITER_PROBE_AWAY_MS,
  ARBITER_PROBE_MS,
  ARBITER_TROUBLE_MS,
} from '../../../hypervisor/base/limits.ts';
import { statusLines } from '../../../hypervisor/cli/status-report.ts';
import { WatchedArbiter } from '../../../hypervisor/host/watched-arbiter.ts';
import type { ArbiterAnswer } from '../../../hypervisor/ports.ts';

const FINE: ArbiterAnswer = { type: 'current', view: undefined };
const AWAY: ArbiterAnswer = { type: 'unavailable', reason: 'cable' };

let answer: ArbiterAnswer;
let delayMs: number;
let reads: string[];
let troubles: string[];
let arbiter: WatchedArbiter;

beforeEach(() => {
  vi.useFakeTimers();
  answer = FINE;
  delayMs = 2;
  reads = [];
  troubles = [];
  const ask = (done: (given: ArbiterAnswer) => void): void => {
    setTimeout(() => done(answer), delayMs);
  };
  arbiter = new WatchedArbiter(
    {
      read: (vm, done) => {
        reads.push(vm);
        ask(done);
      },
      claim: (_claim, done) => ask(done),
    },
    { onTrouble: (reason) => troubles.push(reason), now: () => Date.now() },
  );
});
afterEach(() => {
  vi.useRealTimers();
});

test('an arbiter nobody has asked has no figures', () => {
  expect(arbiter.figures()).toEqual({
    rttMs: undefined,
    answeredMs: undefined,
    unreachableMs: undefined,
    reason: undefined,
  });
});

test('an answer passes through, and its time is measured', async () => {
  const done = vi.fn();
  arbiter.read('vm', done);
  await vi.advanceTimersByTimeAsync(2);
  expect(done).toHaveBeenCalledExactlyOnceWith(FINE);
  await vi.advanceTimersByTimeAsync(500);
  expect(arbiter.figures()).toMatchObject({ rttMs: 2, answeredMs: 500, unreachableMs: undefined });
});

test('an outage counts from the first question without an answer to the next answer', async () => {
  answer = AWAY;
  delayMs = 1_000;
  arbiter.read('vm', () => undefined);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(arbiter.figures()).toMatchObject({ unreachableMs: 1_000, reason: 'cable' });
  arbiter.read('vm', () => undefined);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(arbiter.figures()).toMatchObject({ unreachableMs: 4_000, answeredMs: undefined });
  answer = FINE;
  arbiter.read('vm', () => undefined);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(arbiter.figures()).toMatchObject({ unreachableMs: undefined, reason: undefined });
});

test('probing asks every few seconds, sooner while there is no answer, and ends when stopped', async () => {
  arbiter.probe('kv-1');
  await vi.advanceTimersByTimeAsync(0);
  expect(reads).toEqual(['kv-1']);
  await vi.advanceTimersByTimeAsync(delayMs + ARBITER_PROBE_MS);
  expect(reads).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(delayMs);
  answer = AWAY;
  await vi.advanceTimersByTimeAsync(ARBITER_PROBE_MS + 3 * (ARBITER_PROBE_AWAY_MS + delayMs));
  expect(reads).toHaveLength(6);
  arbiter.stop();
  await vi.advanceTimersByTimeAsync(100_000);
  expect(reads).toHaveLength(6);
});

test('an outage is told once, then every few seconds while it lasts, and anew after an answer', async () => {
  answer = AWAY;
  arbiter.probe('vm');
  await vi.advanceTimersByTimeAsync(10);
  expect(troubles).toEqual(['cable']);
  await vi.advanceTimersByTimeAsync(ARBITER_TROUBLE_MS - 1_000);
  expect(troubles).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(2 * ARBITER_PROBE_AWAY_MS + 1_000);
  expect(troubles).toHaveLength(2);
  answer = FINE;
  await vi.advanceTimersByTimeAsync(ARBITER_PROBE_AWAY_MS + 10);
  answer = AWAY;
  await vi.advanceTimersByTimeAsync(ARBITER_PROBE_MS + 10);
  expect(troubles).toHaveLength(3);
});

test('hv status says what a failover would meet', () => {
  const lineOf = (figures: object): string | undefined =>
    statusLines({ vm: 'v', replication: { phase: 'following', arbiter: figures } }).find((line) =>
      line.includes('arbiter'),
    );
  expect(lineOf({ rttMs: 1.2, answeredMs: 3_000 })).toBe(
    '  arbiter      answered 3.0 s ago in 1.2 ms',
  );
  expect(lineOf({ rttMs: 1.2, answeredMs: 15_000, unreachableMs: 12_000, reason: 'cable' })).toBe(
    '  arbiter      UNREACHABLE for 12.0 s: a failover now would wait (cable)',
  );
  expect(lineOf({})).toBe('  arbiter      not asked yet');
});
