import { describe, expect, it } from 'vitest';
import { FaultDetector } from '../../../hypervisor/protocol/fault-detector.ts';
import { asMillis } from '../../../log-format/index.ts';

function beating(gaps: readonly number[], detectMs = 50): { detector: FaultDetector; at: number } {
  const detector = new FaultDetector(detectMs);
  let at = 1_000;
  detector.beat(asMillis(at));
  for (const gap of gaps) {
    at += gap;
    detector.beat(asMillis(at));
  }
  return { detector, at };
}

/** Enough beats for the pace to be known. */
const STEADY: readonly number[] = Array(60).fill(10);

describe('FaultDetector', () => {
  it('suspects a peer that was regular and falls silent', () => {
    const { detector, at } = beating(STEADY);
    expect(detector.check(asMillis(at + 49))).toBe('alive');
    expect(detector.check(asMillis(at + 51))).toBe('suspect');
  });

  it('grants a jittery peer more time, up to ten times the limit', () => {
    const { detector } = beating([10, 60, 5, 80, 10, 90, 5, 70, 10, 60]);
    expect(detector.timeoutMs).toBeGreaterThan(150);
    const slow = beating(Array.from({ length: 40 }, (_, index) => (index % 2 ? 900 : 10)));
    expect(slow.detector.timeoutMs).toBe(500);
  });

  it('gives a newcomer time: its machine is still being loaded', () => {
    const { detector, at } = beating(Array(5).fill(10));
    expect(detector.check(asMillis(at + 390))).toBe('alive');
    expect(detector.check(asMillis(at + 410))).toBe('suspect');
  });

  it('remembers the longest gap for a while and lets it fade', () => {
    const starved = beating([...STEADY, 45, ...Array(20).fill(10)]);
    expect(starved.detector.timeoutMs).toBeGreaterThan(80);
    const recovered = beating([...STEADY, 45, ...Array(2_000).fill(10)]);
    expect(recovered.detector.timeoutMs).toBe(50);
  });

  it('puts judgement off when it was itself asleep, but not for ever', () => {
    const { detector, at } = beating(STEADY);
    let now = at + 5_000;
    expect(detector.check(asMillis(now))).toBe('tilted');
    expect(detector.check(asMillis(now + 10))).toBe('alive');
    for (let late = 0; late < 2; late++) {
      now += 5_000;
      expect(detector.check(asMillis(now))).toBe('tilted');
    }
    expect(detector.check(asMillis(now + 5_000))).toBe('suspect');
  });

  it('asleep itself, waits no second handshake for a peer that never beat', () => {
    const detector = new FaultDetector(50);
    detector.start(asMillis(100));
    expect(detector.check(asMillis(5_200))).toBe('tilted');
    expect(detector.check(asMillis(5_590))).toBe('alive');
    expect(detector.check(asMillis(5_610))).toBe('suspect');
  });

  it('counts other messages as life and not as pace', () => {
    const { detector, at } = beating(STEADY);
    detector.heard(asMillis(at + 45));
    expect(detector.check(asMillis(at + 80))).toBe('alive');
    expect(detector.timeoutMs).toBe(50);
  });

  it('misses a peer that dies before its first heartbeat', () => {
    const detector = new FaultDetector(50);
    expect(detector.deadline()).toBeUndefined();
    detector.start(asMillis(100));
    expect(detector.check(asMillis(5_099))).toBe('alive');
    expect(detector.check(asMillis(5_101))).toBe('suspect');
  });
});
