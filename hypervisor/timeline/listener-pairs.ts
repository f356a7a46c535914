/**
 * Which listener of the changed guest stands for which of the recorded one: the same host and port
 * in order; and where exactly one is left over on each side, these two, as a server that moved.
 */

import { addressText, type GuestListener, type GuestState } from './guest-state.ts';

export interface ListenerPair {
  readonly recorded: GuestListener;
  readonly replayed: GuestListener;
}

export class ListenerPairs {
  readonly #recorded: GuestState;
  readonly #replayed: GuestState;
  /** Id of the recorded listener to id of the other; exact ones are never taken apart. */
  readonly #exact = new Map<number, number>();
  readonly #moved = new Map<number, number>();
  #seen = 0;

  constructor(recorded: GuestState, replayed: GuestState) {
    this.#recorded = recorded;
    this.#replayed = replayed;
  }

  /** The changed guest's listener for the recorded `id`. */
  ofRecorded(id: number): GuestListener | undefined {
    this.#pair();
    const found = this.#exact.get(id) ?? this.#moved.get(id);
    return found === undefined ? undefined : this.#replayed.listeners.get(found);
  }

  /** The recorded listener for the changed guest's `id`. */
  ofReplayed(id: number): GuestListener | undefined {
    this.#pair();
    for (const pairs of [this.#exact, this.#moved])
      for (const [recorded, replayed] of pairs)
        if (replayed === id) return this.#recorded.listeners.get(recorded);
    return undefined;
  }

  /** What does not listen at the same place in both runs. */
  differences(): {
    readonly moved: readonly ListenerPair[];
    readonly onlyRecorded: readonly GuestListener[];
    readonly onlyReplayed: readonly GuestListener[];
  } {
    this.#pair();
    const { left, right } = this.#unpaired();
    const moved = [...this.#moved].flatMap(([one, other]) => {
      const recorded = this.#recorded.listeners.get(one);
      const replayed = this.#replayed.listeners.get(other);
      return recorded === undefined || replayed === undefined ? [] : [{ recorded, replayed }];
    });
    const isMoved = new Set(moved.flatMap((pair) => [pair.recorded, pair.replayed]));
    return {
      moved,
      onlyRecorded: left.filter((one) => !isMoved.has(one)),
      onlyReplayed: right.filter((one) => !isMoved.has(one)),
    };
  }

  #pair(): void {
    const count = this.#recorded.listeners.size + this.#replayed.listeners.size;
    if (count === this.#seen) return;
    this.#seen = count;
    for (const left of this.#unpaired().left) {
      const place = addressText(left.host, left.port);
      const same = this.#unpaired().right.find(
        ({ host, port }) => addressText(host, port) === place,
      );
      if (same === undefined) continue;
      this.#exact.set(left.id, same.id);
      this.#moved.delete(left.id);
      for (const [recorded, replayed] of this.#moved)
        if (replayed === same.id) this.#moved.delete(recorded);
    }
    const { left, right } = this.#unpaired();
    const [one, ...others] = left;
    const [other, ...rest] = right;
    if (one === undefined || other === undefined || others.length + rest.length > 0) return;
    this.#moved.set(one.id, other.id);
  }

  /** Without an exact partner. */
  #unpaired(): { left: readonly GuestListener[]; right: readonly GuestListener[] } {
    const taken = new Set(this.#exact.values());
    return {
      left: [...this.#recorded.listeners.values()].filter(({ id }) => !this.#exact.has(id)),
      right: [...this.#replayed.listeners.values()].filter(({ id }) => !taken.has(id)),
    };
  }
}
