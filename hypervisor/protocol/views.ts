/**
 * One question to the arbiter at a time, asked until it is answered. Both sides claim: a backup to
 * go live, a primary to go on without a backup or to take one in. `expect` is the epoch the claimant
 * knows from its own log, so of two who ask at once exactly one wins (the test-and-set of VMware FT
 * 2010, 2.4, with an epoch in place of a flag).
 *
 * An answer may be lost and the claim taken all the same. So a claim once made is never replaced by
 * another before it is decided: it is repeated with the same token, which the arbiter recognises.
 */

import { asMillis, type Epoch, type Millis } from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { CLAIM_RETRY_MS, CLAIM_TIMEOUT_MS } from '../base/limits.ts';
import type { ArbiterAnswer, View, ViewClaim } from './messages.ts';

/** `token` names the question; the shell hands it back with the answer. */
export type Question =
  | { readonly type: 'read'; readonly token: string; readonly vm: string }
  | { readonly type: 'claim'; readonly token: string; readonly claim: ViewClaim };

export type Decision =
  | { readonly type: 'won'; readonly view: View }
  /** Another view is in force; undefined if the arbiter knows none at all. */
  | { readonly type: 'lost'; readonly view: View | undefined }
  | { readonly type: 'current'; readonly view: View | undefined }
  /** Asked again later, or an answer to a question nobody asks any more. */
  | { readonly type: 'open' };

const OPEN: Decision = { type: 'open' };

export interface ViewsOptions {
  readonly vm: string;
  /** A token never used before by anyone. */
  readonly newToken: () => string;
}

export class Views {
  readonly #options: ViewsOptions;
  #question: Question | undefined;
  #askAt: Millis | undefined;

  constructor(options: ViewsOptions) {
    this.#options = options;
  }

  /** The claim that is not decided yet. Its view may be in force already. */
  get pending(): ViewClaim | undefined {
    return this.#question?.type === 'claim' ? this.#question.claim : undefined;
  }

  get asking(): boolean {
    return this.#question !== undefined;
  }

  claim(expect: Epoch, next: View, now: Millis): Question {
    assert(this.#question === undefined, 'one question at a time');
    assert(next.epoch === expect + 1, 'a claim is for the next epoch');
    const token = this.#options.newToken();
    const claim = { vm: this.#options.vm, expect, next, token };
    return this.#ask({ type: 'claim', token, claim }, now);
  }

  read(now: Millis): Question {
    assert(this.#question === undefined, 'one question at a time');
    const token = this.#options.newToken();
    return this.#ask({ type: 'read', token, vm: this.#options.vm }, now);
  }

  /** Stops asking. Only for a claimant that has learnt from a later epoch that it cannot win. */
  abandon(): void {
    this.#question = undefined;
    this.#askAt = undefined;
  }

  answer(token: string, answer: ArbiterAnswer, now: Millis): Decision {
    const question = this.#question;
    if (question === undefined || question.token !== token) return OPEN;
    if (answer.type === 'unavailable') {
      this.#askAt = asMillis(now + CLAIM_RETRY_MS);
      return OPEN;
    }
    this.abandon();
    if (question.type === 'read') return { type: 'current', view: answer.view };
    if (answer.type === 'won') {
      assert(answer.view.epoch === question.claim.next.epoch, 'the view won is the view claimed');
      return { type: 'won', view: question.claim.next };
    }
    return { type: 'lost', view: answer.view };
  }

  deadline(): Millis | undefined {
    return this.#askAt;
  }

  /** The question to put again, if it is time. */
  due(now: Millis): Question | undefined {
    if (this.#question === undefined || this.#askAt === undefined || now < this.#askAt) {
      return undefined;
    }
    this.#askAt = asMillis(now + CLAIM_TIMEOUT_MS);
    return this.#question;
  }

  #ask(question: Question, now: Millis): Question {
    this.#question = question;
    this.#askAt = asMillis(now + CLAIM_TIMEOUT_MS);
    return question;
  }
}
