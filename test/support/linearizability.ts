/**
 * Is there an order of the operations, one at a time, that explains every answer and keeps each
 * operation between its begin and its end? (Herlihy and Wing 1990.) The search is that of Wing and
 * Gong 1993: try every operation that may come first, go on with the rest, come back when stuck; with
 * Lowe's memory (2017) of pairs (operations done, state) that led nowhere, and key by key, because a
 * history is linearizable when its part on each key is.
 *
 * An operation that was cut off may happen at any time after its begin, or never. All our operations
 * are possible in every state when their answer is not known, so "never" is the same as "after all
 * others", and the search leaves those that nothing needs.
 */

import { guesses, withoutUnseen } from './cut-off.ts';
import type { History, Operation } from './history.ts';
import { describe } from './history-words.ts';
import { ABSENT, KvStates, type State } from './kv-states.ts';

export type Verdict =
  | { readonly type: 'linearizable' }
  | { readonly type: 'violation'; readonly key: string; readonly text: string }
  /** The search was given up after its limit of steps. */
  | { readonly type: 'undecided'; readonly key: string; readonly steps: number };

/** Far above what any history of ours needs; one beyond it is as suspicious as a violation. */
const STEPS_MAX = 20_000_000;

/** Judges every key; the first that is not linearizable, or not decided, ends it. */
export function checkHistory(history: History, options: { stepsMax?: number } = {}): Verdict {
  for (const [key, operations] of history.operations()) {
    const verdict = checkKey(key, operations, options);
    if (verdict.type !== 'linearizable') return verdict;
  }
  return { type: 'linearizable' };
}

/** `operations` are all on one key, in the order of their begins. */
export function checkKey(
  key: string,
  operations: readonly Operation[],
  options: { stepsMax?: number } = {},
): Verdict {
  return new Search(key, operations, options.stepsMax ?? STEPS_MAX).run();
}

/** A choice that was made: which operation, and what to go back to. */
interface Choice {
  readonly index: number;
  readonly before: State;
  readonly hole: boolean;
  readonly reach: number;
  /** Where in the list of candidates the search stood. */
  readonly candidates: readonly number[];
  readonly next: number;
}

class Search {
  readonly #key: string;
  readonly #operations: readonly Operation[];
  readonly #guesses: Float64Array;
  readonly #stepsMax: number;
  readonly #states = new KvStates();
  readonly #seen = new Set<string>();
  readonly #choices: Choice[] = [];
  /** Operations not done below `#reach`, rising; all from there on are not done either. */
  #holes: number[] = [];
  #reach = 0;
  #state: State = ABSENT;
  /** Operations with an answer that are not done. */
  #open: number;
  #steps = 0;
  #best: { readonly done: number; readonly state: State; readonly tried: readonly number[] } = {
    done: -1,
    state: ABSENT,
    tried: [],
  };

  constructor(key: string, operations: readonly Operation[], stepsMax: number) {
    this.#key = key;
    this.#operations = withoutUnseen(operations);
    this.#guesses = guesses(this.#operations);
    this.#stepsMax = stepsMax;
    this.#open = operations.filter(({ end }) => end !== Infinity).length;
  }

  run(): Verdict {
    let candidates: readonly number[] = this.#candidates();
    let next = 0;
    while (this.#open > 0) {
      if (this.#steps > this.#stepsMax)
        return { type: 'undecided', key: this.#key, steps: this.#steps };
      const took = this.#advance(candidates, next);
      if (took) {
        candidates = this.#candidates();
        next = 0;
        continue;
      }
      this.#remember(candidates);
      const choice = this.#choices.pop();
      if (choice === undefined) return { type: 'violation', key: this.#key, text: this.#explain() };
      this.#undo(choice);
      ({ candidates, next } = choice);
    }
    return { type: 'linearizable' };
  }

  /** Does the first candidate from number `from` on that is possible and leads to something new. */
  #advance(candidates: readonly number[], from: number): boolean {
    for (let at = from; at < candidates.length; at += 1) {
      const index = candidates[at] ?? 0;
      const operation = this.#operations[index];
      if (operation === undefined) continue;
      this.#steps += 1;
      const state = this.#states.step(this.#state, operation);
      if (state === undefined) continue;
      // A read that fits now may as well be done now: it needs no alternative.
      const next = operation.call.type === 'get' ? candidates.length : at + 1;
      const choice = {
        ...{ index, before: this.#state, hole: index < this.#reach, reach: this.#reach },
        ...{ candidates, next },
      };
      this.#do(index, state);
      const name = `${this.#reach}/${state}/${this.#holes.join()}`;
      if (this.#seen.has(name)) {
        this.#undo(choice);
        continue;
      }
      this.#seen.add(name);
      this.#choices.push(choice);
      return true;
    }
    return false;
  }

  #do(index: number, state: State): void {
    this.#state = state;
    if (index < this.#reach) {
      this.#holes.splice(this.#holes.indexOf(index), 1);
    } else {
      for (let skipped = this.#reach; skipped < index; skipped += 1) this.#holes.push(skipped);
      this.#reach = index + 1;
    }
    if (this.#operations[index]?.end !== Infinity) this.#open -= 1;
  }

  #undo({ index, before, hole, reach }: Choice): void {
    this.#state = before;
    if (hole) {
      const at = this.#holes.findIndex((other) => other > index);
      this.#holes.splice(at < 0 ? this.#holes.length : at, 0, index);
    } else {
      while ((this.#holes.at(-1) ?? -1) >= reach) this.#holes.pop();
      this.#reach = reach;
    }
    if (this.#operations[index]?.end !== Infinity) this.#open += 1;
  }

  /**
   * What may come next: begun before the first end of all that are not done. Reads come first, which
   * change nothing, then those that must end first, then those that were cut off: the first order that
   * is tried is nearly always right. Increments that were cut off are all alike: the first stands for
   * the others.
   */
  #candidates(): number[] {
    const found: number[] = [];
    let firstEnd = Infinity;
    let incremented = false;
    const look = (index: number): boolean => {
      const operation = this.#operations[index];
      if (operation === undefined || operation.begin > firstEnd) return false;
      firstEnd = Math.min(firstEnd, operation.end);
      const alike = operation.call.type === 'increment' && operation.end === Infinity;
      if (!alike || !incremented) found.push(index);
      if (alike) incremented = true;
      return true;
    };
    if (this.#holes.every(look)) for (let at = this.#reach; look(at); at += 1);
    const urgency = (index: number): number => this.#operations[index]?.end ?? Infinity;
    const idle = (index: number): number => (this.#operations[index]?.call.type === 'get' ? 0 : 1);
    const guess = (index: number): number => this.#guesses[index] ?? 0;
    return found
      .filter((index) => (this.#operations[index]?.begin ?? 0) < firstEnd)
      .sort((a, b) => {
        const first = idle(a) - idle(b);
        if (first !== 0) return first;
        if (urgency(a) !== urgency(b)) return urgency(a) < urgency(b) ? -1 : 1;
        if (guess(a) !== guess(b)) return guess(a) < guess(b) ? -1 : 1;
        return a - b;
      });
  }

  #remember(tried: readonly number[]): void {
    const done = this.#choices.length;
    if (done > this.#best.done) this.#best = { done, state: this.#state, tried };
  }

  #explain(): string {
    const { done, state, tried } = this.#best;
    const value = this.#states.valueOf(state);
    const shown = value === undefined ? 'not there' : JSON.stringify(value.slice(-200));
    const next = tried
      .map((index) => this.#operations[index])
      .filter((operation) => operation !== undefined)
      .filter(({ end }) => end !== Infinity);
    return [
      `key ${this.#key}: no order explains its ${this.#operations.length} operations`,
      `the longest has ${done} of them and leaves the key ${shown}, but then`,
      ...next.slice(0, 8).map((operation) => `  ${describe(operation)}`),
    ].join('\n');
  }
}
