/** A register with compare-and-set that can be slow, deaf, or swallow its answers. */

import type { Arbiter, ArbiterAnswer, ViewClaim } from '../../hypervisor/ports.ts';
import type { View } from '../../hypervisor/protocol/messages.ts';
import type { SimProcess, World } from './world.ts';

/** `ambiguous`: the claim is decided, the answer says nobody knows. `deaf`: no answer ever. */
export type ArbiterMood = 'well' | 'slow' | 'down' | 'ambiguous' | 'deaf';

/** A planted bug: changes what a process is told, or what it asks. */
export type ArbiterTap = (
  process: SimProcess,
  claim: ViewClaim,
  ask: (done: (answer: ArbiterAnswer) => void) => void,
  done: (answer: ArbiterAnswer) => void,
) => void;

export class SimArbiter {
  mood: ArbiterMood = 'well';
  view: View | undefined;
  #token: string | undefined;
  readonly #world: World;
  readonly #onView: (view: View, before: View | undefined) => void;
  readonly #tap: ArbiterTap | undefined;

  constructor(
    world: World,
    onView: (view: View, before: View | undefined) => void,
    tap: ArbiterTap | undefined,
  ) {
    this.#world = world;
    this.#onView = onView;
    this.#tap = tap;
  }

  for(process: SimProcess): Arbiter {
    return {
      read: (_vm, done) => this.#ask(process, () => ({ type: 'current', view: this.view }), done),
      claim: (claim, done) => {
        const ask = (answered: (answer: ArbiterAnswer) => void): void =>
          this.#ask(process, () => this.#claim(claim, process), answered);
        if (this.#tap === undefined) ask(done);
        else this.#tap(process, claim, ask, done);
      },
    };
  }

  #claim(claim: ViewClaim, process: SimProcess): ArbiterAnswer {
    const before = this.view;
    if (this.#token === claim.token && before !== undefined) return { type: 'won', view: before };
    if ((before?.epoch ?? 0) !== claim.expect) {
      if (before === undefined) return { type: 'unavailable', reason: 'no view' };
      return { type: 'lost', view: before };
    }
    this.view = claim.next;
    this.#token = claim.token;
    this.#world.note('arbiter', `${process.name} wins ${describeView(claim.next)}`);
    this.#onView(claim.next, before);
    return { type: 'won', view: claim.next };
  }

  #ask(
    process: SimProcess,
    decide: () => ArbiterAnswer,
    done: (answer: ArbiterAnswer) => void,
  ): void {
    const world = this.#world;
    const delay = (): number =>
      world.random.between(0.2, 1) + (this.mood === 'slow' ? world.random.between(5, 80) : 0);
    // Under way even if the asker dies: the arbiter decides all the same.
    world.at(world.now + delay(), undefined, () => {
      const { mood } = this;
      const refused = mood === 'down' || (mood === 'deaf' && world.random.chance(0.5));
      const answer: ArbiterAnswer = refused ? { type: 'unavailable', reason: mood } : decide();
      if (mood === 'deaf') return;
      const told: ArbiterAnswer =
        mood === 'ambiguous' ? { type: 'unavailable', reason: mood } : answer;
      world.at(world.now + delay(), process, () => done(told));
    });
  }
}

export function describeView(view: View | undefined): string {
  if (view === undefined) return 'no view';
  return `view ${view.epoch} {${view.primary}, [${view.backups.join(' ')}]}`;
}
