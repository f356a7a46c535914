/**
 * What all arbiters share, whatever keeps their views: the form of a stored view, the rule by which a
 * claim is decided against it, and an answer in time even from something that hangs.
 */

import { asEpoch, sha256Hex } from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { VIEW_BACKUPS_MAX } from '../base/limits.ts';
import type { ArbiterAnswer, ViewClaim } from '../ports.ts';
import type { View } from '../protocol/messages.ts';

/** A name longer than this, escaped, is hashed: a component of a path has at most 255 bytes. */
const KEY_CHARS_MAX = 200;

export interface StoredView {
  readonly view: View;
  /** Of the claim that won it. */
  readonly token: string;
}

export type DoneAnswer = (answer: ArbiterAnswer) => void;

/**
 * Calls `done` with what `work` comes to, exactly once and never before this function returns. What
 * `work` throws is `unavailable`, in the words of `explain`. So is silence for `timeoutMs`; then the
 * signal aborts, too. A claim that outlives it may still win; the retry finds out.
 */
export function answerWithin(
  given: {
    /** What is asked, for people. */
    readonly what: string;
    readonly timeoutMs: number;
    readonly explain: (error: unknown) => string;
  },
  work: (late: AbortSignal) => Promise<ArbiterAnswer>,
  done: DoneAnswer,
): void {
  const late = new AbortController();
  let answered = false;
  const answer = (one: ArbiterAnswer): void => {
    if (answered) return;
    answered = true;
    clearTimeout(timer);
    // Outside the promise, where an exception of `done` stays an exception.
    process.nextTick(done, one);
  };
  const timer = setTimeout(() => {
    const reason = `${given.what} did not answer within ${given.timeoutMs} ms`;
    answer({ type: 'unavailable', reason });
    late.abort();
  }, given.timeoutMs);
  work(late.signal).then(answer, (error: unknown) => {
    answer({ type: 'unavailable', reason: given.explain(error) });
  });
}

/** Our own bugs in a claim, before it is sent anywhere. */
export function checkClaim({ expect, next, token }: ViewClaim): void {
  assert(next.epoch === expect + 1, 'a claim is for the next epoch');
  assert(token !== '', 'a claim has a token');
}

/**
 * The answer to `claim` where `current` is in force at `place` (for people); undefined: the epoch it
 * expects is the one in force, so it may be tried.
 */
export function decideClaim(
  claim: ViewClaim,
  current: StoredView | undefined,
  place: string,
): ArbiterAnswer | undefined {
  const epoch = current?.view.epoch ?? 0;
  if (epoch < claim.expect) {
    // Nobody won what the claimant has in its log: these are not the views it knew.
    return {
      type: 'unavailable',
      reason: `${place} knows epoch ${epoch} at most, the claim follows ${claim.expect}: is this the one the other host uses?`,
    };
  }
  if (current === undefined || epoch === claim.expect) return undefined;
  // The retry of a claim whose answer got lost, or somebody else won.
  return { type: current.token === claim.token ? 'won' : 'lost', view: current.view };
}

/**
 * A key for any name: different for different names, ASCII, without slashes, never `.` or `..`, so
 * that it can be a component of a path.
 */
export function arbiterKey(vm: string): string {
  assert(vm !== '', 'a vm has a name');
  const escaped = encodeURIComponent(vm)
    .replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)
    .replace(/^\./, '%2E');
  if (escaped.length <= KEY_CHARS_MAX) return escaped;
  return `~${sha256Hex(new TextEncoder().encode(vm))}`;
}

/** The inverse of what adapters write; undefined: damaged. Fields beyond the known are left alone. */
export function parseStored(text: string): StoredView | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (!isObject(value) || typeof value.token !== 'string') return undefined;
  const view = parseView(value.view);
  return view && { view, token: value.token };
}

function parseView(value: unknown): View | undefined {
  if (!isObject(value)) return undefined;
  const { epoch, primary, backups } = value;
  if (typeof epoch !== 'number' || !Number.isSafeInteger(epoch)) return undefined;
  if (typeof primary !== 'string' || !Array.isArray(backups)) return undefined;
  if (backups.length > VIEW_BACKUPS_MAX) return undefined;
  if (!backups.every((backup) => typeof backup === 'string')) return undefined;
  return { epoch: asEpoch(epoch), primary, backups };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Node's and PostgreSQL's codes of errors alike. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** An error in words, also one of several addresses of one host, for which Node has none. */
export function wordsOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(wordsOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}
