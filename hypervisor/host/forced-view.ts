/**
 * The view of a replica that its operator makes primary, whoever is now: claimed behind whatever view is in
 * force, so that the old primary and its backups are fenced. Without an answer from the arbiter it goes live
 * all the same, in an epoch the arbiter has not come to; that is claimed later, step by step, for an
 * arbiter decides one epoch at a time.
 */

import { asEpoch, type Epoch } from '../../log-format/index.ts';
import { unreachable } from '../base/assert.ts';
import { CLAIM_RETRY_MS, CLIMB_CLAIMS_MAX, FORCED_EPOCHS_SKIPPED } from '../base/limits.ts';
import type { Arbiter, ArbiterAnswer, ViewClaim } from '../ports.ts';
import type { ReplicaId, View } from '../protocol/messages.ts';

export interface ForcedClaim {
  readonly vm: string;
  readonly self: ReplicaId;
  /** The highest epoch ever heard of: its log may hold records of it. */
  readonly epochKnown: Epoch;
  /** Names this promotion: tokens of its claims begin with it. */
  readonly token: string;
  /** How long an arbiter without an answer is asked. */
  readonly patienceMs: number;
}

/** `former`: was in force before. */
export type ForcedView =
  | { readonly type: 'claimed'; readonly view: View; readonly former: View | undefined }
  | { readonly type: 'unclaimed'; readonly view: View; readonly reason: string };

/** Never rejects. */
export async function claimByForce(arbiter: Arbiter, claim: ForcedClaim): Promise<ForcedView> {
  const { vm, self, epochKnown } = claim;
  const patience = new Patience(claim.patienceMs);
  const read = await patience.ask((done) => arbiter.read(vm, done));
  if (read.type === 'unavailable') return unclaimed(claim, read.reason);
  const former = read.view;
  const least = asEpoch(Math.max(former?.epoch ?? 0, epochKnown) + 1);
  const climbed = await climb(arbiter, {
    ...{ vm, self, least, token: claim.token },
    from: former?.epoch ?? asEpoch(0),
    overcomes: () => true,
    ask: (put) => patience.ask(put),
  });
  if (climbed.type === 'won') return { type: 'claimed', view: climbed.view, former };
  return unclaimed(
    claim,
    climbed.type === 'unavailable' ? climbed.reason : 'others keep changing the view',
  );
}

function unclaimed({ self, epochKnown }: ForcedClaim, reason: string): ForcedView {
  const epoch = asEpoch(epochKnown + 1 + FORCED_EPOCHS_SKIPPED);
  return { type: 'unclaimed', view: { epoch, primary: self, backups: [] }, reason };
}

/** Puts a question again until it is answered or time is up. */
class Patience {
  readonly #until: number;

  constructor(ms: number) {
    this.#until = performance.now() + ms;
  }

  async ask(put: (done: (answer: ArbiterAnswer) => void) => void): Promise<ArbiterAnswer> {
    for (;;) {
      const left = this.#until - performance.now();
      const answer = await within(left, put);
      if (answer.type !== 'unavailable' || performance.now() + CLAIM_RETRY_MS > this.#until)
        return answer;
      await new Promise((resolve) => setTimeout(resolve, CLAIM_RETRY_MS));
    }
  }
}

/** Adapters answer in their own time, which may be more than an operator has. */
function within(
  ms: number,
  put: (done: (answer: ArbiterAnswer) => void) => void,
): Promise<ArbiterAnswer> {
  return new Promise((resolve) => {
    const timer = setTimeout(
      () => resolve({ type: 'unavailable', reason: 'it did not answer in time' }),
      Math.max(0, ms),
    );
    put((answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

interface Climb {
  readonly vm: string;
  readonly self: ReplicaId;
  /** In force, as far as is known. */
  readonly from: Epoch;
  /** The first epoch that will do. */
  readonly least: Epoch;
  readonly token: string;
  /** Goes on behind a view that was in the way. */
  readonly overcomes: (view: View) => boolean;
  readonly ask: (put: (done: (answer: ArbiterAnswer) => void) => void) => Promise<ArbiterAnswer>;
}

/** Claims epoch after epoch. An answer that got lost and came to be a win is a view of its own in the way. */
async function climb(
  arbiter: Arbiter,
  { vm, self, from, least, token, overcomes, ask }: Climb,
): Promise<Exclude<ArbiterAnswer, { readonly type: 'current' }>> {
  let expect = from;
  for (let claims = 0; claims < CLIMB_CLAIMS_MAX; claims++) {
    const next: View = { epoch: asEpoch(expect + 1), primary: self, backups: [] };
    const claim: ViewClaim = { vm, expect, next, token: `${token}-${next.epoch}` };
    const answer = await ask((done) => arbiter.claim(claim, done));
    switch (answer.type) {
      case 'unavailable':
        return answer;
      case 'won':
        if (next.epoch >= least) return { type: 'won', view: next };
        expect = next.epoch;
        break;
      case 'lost':
        if (!overcomes(answer.view)) return answer;
        expect = answer.view.epoch;
        break;
      case 'current':
        return { type: 'unavailable', reason: 'it answered another question' };
      default:
        unreachable(answer);
    }
  }
  return { type: 'unavailable', reason: 'others keep changing the view' };
}

/**
 * The arbiter of a primary that went live without it: before anything else it is brought to the epoch that
 * was taken, which fences whoever is in force below. Where another replica has come that far, that one is.
 */
export class LateArbiter implements Arbiter {
  readonly #arbiter: Arbiter;
  readonly #view: View;
  readonly #token: string;
  #done = false;
  #climbing: Promise<ArbiterAnswer> | undefined;

  /** `view`: taken without being claimed. `token`: never used before. */
  constructor(arbiter: Arbiter, { view, token }: { readonly view: View; readonly token: string }) {
    this.#arbiter = arbiter;
    this.#view = view;
    this.#token = token;
  }

  read(vm: string, done: (answer: ArbiterAnswer) => void): void {
    this.#after(vm, done, () => this.#arbiter.read(vm, done));
  }

  claim(claim: ViewClaim, done: (answer: ArbiterAnswer) => void): void {
    this.#after(claim.vm, done, () => this.#arbiter.claim(claim, done));
  }

  #after(vm: string, done: (answer: ArbiterAnswer) => void, act: () => void): void {
    if (this.#done) {
      act();
      return;
    }
    this.#climbing ??= this.#climb(vm).finally(() => {
      this.#climbing = undefined;
    });
    void this.#climbing.then((answer) => {
      if (answer.type !== 'won') done(answer);
      else {
        this.#done = true;
        act();
      }
    });
  }

  async #climb(vm: string): Promise<ArbiterAnswer> {
    const ask = (put: (done: (answer: ArbiterAnswer) => void) => void): Promise<ArbiterAnswer> =>
      new Promise((resolve) => put(resolve));
    const read = await ask((done) => this.#arbiter.read(vm, done));
    if (read.type === 'unavailable') return read;
    const { epoch, primary: self } = this.#view;
    const from = read.view?.epoch ?? asEpoch(0);
    // Its own last step, whose answer got lost.
    if (from === epoch && read.view?.primary === self) return { type: 'won', view: this.#view };
    if (from >= epoch && read.view !== undefined) return { type: 'lost', view: read.view };
    return climb(this.#arbiter, {
      ...{ vm, self, from, least: epoch, token: this.#token, ask },
      overcomes: (view) => view.epoch < epoch,
    });
  }
}
