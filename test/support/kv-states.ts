/**
 * The values one key of a key-value store can have, and what operations do to them. Values are kept
 * once and named by small numbers, so that a checker compares and remembers numbers.
 */

import type { Operation } from './history.ts';

/** Names a value; 0 is the key that is not there. */
export type State = number;
export const ABSENT: State = 0;

const INTEGER = /^-?\d{1,15}$/;

export class KvStates {
  readonly #values: (string | undefined)[] = [undefined];
  readonly #byValue = new Map<string, State>();
  readonly #appended = new Map<string, State>();

  valueOf(state: State): string | undefined {
    return this.#values[state];
  }

  /**
   * The state after `operation`, or undefined when its answer is impossible in `state`. One that was
   * cut off is possible in every state.
   */
  step(state: State, { call, answer, end }: Operation): State | undefined {
    const cutOff = end === Infinity;
    switch (call.type) {
      case 'get':
        return cutOff || this.#values[state] === answer ? state : undefined;
      case 'set':
        return this.#named(call.value);
      case 'append': {
        const length = (this.#values[state]?.length ?? 0) + call.value.length;
        return cutOff || length === answer ? this.#append(state, call.value) : undefined;
      }
      case 'increment': {
        const value = this.#values[state] ?? '0';
        // The server refuses, the value stays; what is refused is not in the history.
        if (!INTEGER.test(value)) return cutOff ? state : undefined;
        const before = Number(value);
        return cutOff || answer === before + 1 ? this.#named(String(before + 1)) : undefined;
      }
    }
  }

  #named(value: string): State {
    let state = this.#byValue.get(value);
    if (state === undefined) {
      state = this.#values.push(value) - 1;
      this.#byValue.set(value, state);
    }
    return state;
  }

  /** By where it came from: to look a long value up by itself would read all of it each time. */
  #append(state: State, text: string): State {
    const path = `${state}+${text}`;
    let next = this.#appended.get(path);
    if (next === undefined) {
      next = this.#values.push((this.#values[state] ?? '') + text) - 1;
      this.#appended.set(path, next);
    }
    return next;
  }
}
