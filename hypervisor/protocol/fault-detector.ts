/**
 * Suspects a silent peer. A heartbeat is expected at the pace seen so far; silence for much longer
 * is suspicious. Suspicion may be wrong and costs then a view, never data: going live and going on
 * alone both have to win a claim.
 *
 * The observer itself may have been asleep (a long turn, a stopped process, a suspended laptop). A
 * deadline seen far too late says nothing about the peer, so judgement is put off (as Redis Sentinel
 * does in its TILT mode), but only a few times in a row: an observer that is always late must not
 * become blind.
 */

import { asMillis, type Millis } from '../../log-format/index.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../base/limits.ts';

/** Weight of the newest gap: about the last hundred count, a second at the usual pace. */
const SMOOTHING = 1 / 100;
const DEVIATIONS = 8;
/** The longest gap is remembered and fades by half in some 350 beats: a host that has been starved of
 * its processor once will be again, and must not lose its place for it. */
const PEAK_DECAY = 0.998;
const PEAK_FACTOR = 2;
/** Beats before the pace is known. Until then a peer that just joined is still loading its machine. */
const BEATS_TO_KNOW = 50;
/** Silence allowed until the pace is known, as a multiple of the configured limit. */
const NEWCOMER_FACTOR = 8;
/** A timeout adapted to a slow link stays below this multiple of the configured one. */
const TIMEOUT_FACTOR_MAX = 10;
const TILTS_MAX = 3;

export type Verdict = 'alive' | 'suspect' | 'tilted';

export class FaultDetector {
  readonly #detectMs: number;
  #heardAt: Millis | undefined;
  #beatAt: Millis | undefined;
  #gapMean = 0;
  #gapVariance = 0;
  #gapPeak = 0;
  #beats = 0;
  #tilts = 0;

  constructor(detectMs: number) {
    this.#detectMs = detectMs;
  }

  /**
   * Silence longer than this is suspicious: the configured limit, the mean gap and 8 sigma, or twice
   * the longest gap of late, whichever is more. Before the first heartbeat there is no pace to judge
   * by, but a peer that dies then must be missed too.
   */
  get timeoutMs(): number {
    if (this.#beatAt === undefined) return HANDSHAKE_TIMEOUT_MS;
    const spread = this.#gapMean + DEVIATIONS * Math.sqrt(this.#gapVariance);
    const newcomer = this.#beats < BEATS_TO_KNOW ? this.#detectMs * NEWCOMER_FACTOR : 0;
    const adapted = Math.max(spread, PEAK_FACTOR * this.#gapPeak, newcomer);
    return Math.min(Math.max(this.#detectMs, adapted), this.#detectMs * TIMEOUT_FACTOR_MAX);
  }

  /** Expects the peer from `at` on. */
  start(at: Millis): void {
    this.#heardAt = at;
  }

  /** A heartbeat seen at `at`. */
  beat(at: Millis): void {
    if (this.#beatAt !== undefined && this.#tilts === 0) {
      const gap = at - this.#beatAt;
      if (this.#beats === 1) this.#gapMean = gap;
      const error = gap - this.#gapMean;
      this.#gapMean += error * SMOOTHING;
      this.#gapVariance += (error * error - this.#gapVariance) * SMOOTHING;
    }
    if (this.#beatAt !== undefined)
      this.#gapPeak = Math.max(at - this.#beatAt, this.#gapPeak * PEAK_DECAY);
    this.#beats += 1;
    this.#tilts = 0;
    this.#beatAt = at;
    this.#heardAt = at;
  }

  /** Any other message: the peer lives, but the pace of its messages is not that of heartbeats. */
  heard(at: Millis): void {
    if (this.#heardAt !== undefined) this.#heardAt = at;
  }

  /** When to look again; undefined before the start. */
  deadline(): Millis | undefined {
    return this.#heardAt === undefined ? undefined : asMillis(this.#heardAt + this.timeoutMs);
  }

  check(now: Millis): Verdict {
    const deadline = this.deadline();
    if (deadline === undefined || now < deadline) return 'alive';
    if (now - deadline > this.#detectMs / 2 && this.#tilts < TILTS_MAX) {
      this.#tilts += 1;
      // What has come meanwhile is heard in a moment: that needs no second wait as long as a handshake may take.
      const grace = Math.min(this.timeoutMs, this.#detectMs * NEWCOMER_FACTOR);
      this.#heardAt = asMillis(now - this.timeoutMs + grace);
      return 'tilted';
    }
    return 'suspect';
  }
}
