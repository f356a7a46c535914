/** A register with compare-and-set that can be slow, deaf, say things twice, or swallow its answers. */

import type { Arbiter, ArbiterAnswer, ViewClaim } from '../../hypervisor/ports.ts';
import type { View } from '../../hypervisor/protocol/messages.ts';
import type { SimProcess, World } from './world.ts';

/**
 * `ambiguous`: the claim is decided, the answer says nobody knows. `deaf`: no answer ever, and half of
 * the questions do not arrive either. `twice`: every question arrives twice and is answered twice.
 */
export const ARBITER_MOODS = ['well', 'slow', 'down', 'ambiguous', 'deaf', 'twice'] as const;
export type ArbiterMood = (typeof ARBITER_MOODS)[number];

/** A planted bug: changes what a process is told, or what it asks. */
export interface ArbiterTap {
  claim?(
    process: SimProcess,
    claim: ViewClaim,
    ask: (claim: ViewClaim, done: (answer: ArbiterAnswer) => void) => void,
    done: (answer: ArbiterAnswer) => void,
  ): void;
  /** What a reader is told. */
  read?(process: SimProcess, view: View | undefined): View | undefined;
  /** What the arbiter believes is in force, when it is about to decide. */
  remembered?(view: View | undefined): View | undefined;
}

export interface ArbiterOptions {
  readonly onView: (view: View, before: View | undefined, winner: string, token: string) => void;
  /** A claim is made, perhaps not for the first time: it is decided later, or never. */
  readonly onClaim: (token: string, name: string) => void;
  readonly tap?: ArbiterTap | undefined;
  /** Asked for every answer: true, and it is lost. */
  readonly losesAnswer?: (() => boolean) | undefined;
}

export class SimArbiter {
  mood: ArbiterMood = 'well';
  view: View | undefined;
  /** Questions asked so far. */
  asked = 0;
  /** Of those, under way: who asked may be dead, and they are decided all the same. */
  underWay = 0;
  /** Processes that cannot reach it. */
  readonly unreachable: Set<string> = new Set();
  #token: string | undefined;
  readonly #world: World;
  readonly #options: ArbiterOptions;

  constructor(world: World, options: ArbiterOptions) {
    this.#world = world;
    this.#options = options;
  }

  for(process: SimProcess): Arbiter {
    const { tap } = this.#options;
    return {
      read: (_vm, done) => {
        const read = (): ArbiterAnswer => {
          const { view } = this;
          return { type: 'current', view: tap?.read?.(process, view) ?? view };
        };
        this.#ask(process, read, done);
      },
      claim: (claim, done) => {
        const ask = (asked: ViewClaim, answered: (answer: ArbiterAnswer) => void): void =>
          this.#ask(process, () => this.#claim(asked, process), answered);
        this.#options.onClaim(claim.token, process.name);
        if (tap?.claim === undefined) ask(claim, done);
        else tap.claim(process, claim, ask, done);
      },
    };
  }

  #claim(claim: ViewClaim, process: SimProcess): ArbiterAnswer {
    const { tap, onView } = this.#options;
    const before = tap?.remembered === undefined ? this.view : tap.remembered(this.view);
    if (this.#token === claim.token && before !== undefined) return { type: 'won', view: before };
    if ((before?.epoch ?? 0) !== claim.expect) {
      if (before === undefined) return { type: 'unavailable', reason: 'no view' };
      return { type: 'lost', view: before };
    }
    this.view = claim.next;
    this.#token = claim.token;
    if (this.#world.trace !== undefined)
      this.#world.note('arbiter', `${process.name} wins ${describeView(claim.next)}`);
    onView(claim.next, before, process.name, claim.token);
    return { type: 'won', view: claim.next };
  }

  #ask(
    process: SimProcess,
    decide: () => ArbiterAnswer,
    done: (answer: ArbiterAnswer) => void,
  ): void {
    this.asked += 1;
    this.#question(process, decide, done);
    if (this.mood !== 'twice') return;
    this.#world.coverage.count('arbiter.twice');
    this.#question(process, decide, done);
  }

  #question(
    process: SimProcess,
    decide: () => ArbiterAnswer,
    done: (answer: ArbiterAnswer) => void,
  ): void {
    const world = this.#world;
    const { coverage } = world;
    const delay = (): number => {
      if (this.mood === 'slow') coverage.count('arbiter.slow');
      const slow = this.mood === 'slow' ? world.random.between(5, 80) : 0;
      return world.random.between(0.2, 1) + slow;
    };
    // Under way even if the asker dies: the arbiter decides all the same.
    this.underWay += 1;
    world.at(world.now + delay(), undefined, () => {
      this.underWay -= 1;
      const { mood } = this;
      if (this.unreachable.has(process.name)) return;
      const deaf = mood === 'deaf' && world.random.chance(0.5);
      if (mood === 'down') coverage.count('arbiter.down');
      if (deaf) coverage.count('arbiter.lostQuestion');
      const answer: ArbiterAnswer =
        mood === 'down' || deaf ? { type: 'unavailable', reason: mood } : decide();
      if (mood === 'deaf') {
        if (!deaf) coverage.count('arbiter.lostAnswer');
        return;
      }
      if (this.#options.losesAnswer?.() ?? false) return;
      if (mood === 'ambiguous') coverage.count('arbiter.unclear');
      const told: ArbiterAnswer =
        mood === 'ambiguous' ? { type: 'unavailable', reason: mood } : answer;
      world.at(world.now + delay(), process, () => {
        if (!this.unreachable.has(process.name)) done(told);
      });
    });
  }
}

export function describeView(view: View | undefined): string {
  if (view === undefined) return 'no view';
  return `view ${view.epoch} {${view.primary}, [${view.backups.join(' ')}]}`;
}
