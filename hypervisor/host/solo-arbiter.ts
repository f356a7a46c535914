/** The arbiter of a guest that cannot have a backup: nobody competes, so every claim is won. */

import type { Arbiter, ArbiterAnswer, ViewClaim } from '../ports.ts';
import type { View } from '../protocol/messages.ts';

export class SoloArbiter implements Arbiter {
  #view: View | undefined;

  read(_vm: string, done: (answer: ArbiterAnswer) => void): void {
    done({ type: 'current', view: this.#view });
  }

  claim(claim: ViewClaim, done: (answer: ArbiterAnswer) => void): void {
    this.#view = claim.next;
    done({ type: 'won', view: claim.next });
  }
}
