/** An arbiter that says when it does not answer: nobody may be promoted then, and people must know. */

import { ARBITER_TROUBLE_MS } from '../base/limits.ts';
import type { Arbiter, ArbiterAnswer } from '../ports.ts';

/**
 * Passes questions on to `arbiter`. `onTrouble` is called with the reason at the first answer that is
 * none, then every ARBITER_TROUBLE_MS while it lasts.
 */
export function watchedArbiter(arbiter: Arbiter, onTrouble: (reason: string) => void): Arbiter {
  let toldAt = Number.NEGATIVE_INFINITY;
  const noting =
    (done: (answer: ArbiterAnswer) => void) =>
    (answer: ArbiterAnswer): void => {
      if (answer.type !== 'unavailable') toldAt = Number.NEGATIVE_INFINITY;
      else if (performance.now() - toldAt > ARBITER_TROUBLE_MS) {
        toldAt = performance.now();
        onTrouble(answer.reason);
      }
      done(answer);
    };
  return {
    read: (vm, done) => arbiter.read(vm, noting(done)),
    claim: (claim, done) => arbiter.claim(claim, noting(done)),
  };
}
