/** `keys`, `values` and `entries` of the interfaces of fetch, which WebIDL calls pair iterators. */

export type Kind = 'entries' | 'keys' | 'values';
export type Pair<T> = readonly [name: string, value: T];

const iteratorPrototype: object = Object.getPrototypeOf(Object.getPrototypeOf([].values()));

interface State {
  /** The pairs as they are now: an iteration sees what is added while it runs. */
  readonly pairs: () => readonly Pair<unknown>[];
  readonly kind: Kind;
  index: number;
}

function pick([name, value]: Pair<unknown>, kind: Kind): unknown {
  if (kind === 'keys') return name;
  return kind === 'values' ? value : [name, value];
}

/** Makes the iterators of the interface `name`: one function for all of them. */
export function pairIterator(
  name: string,
): (pairs: () => readonly Pair<unknown>[], kind: Kind) => IterableIterator<unknown> {
  const states = new WeakMap<object, State>();
  const prototype: object = Object.create(iteratorPrototype, {
    [Symbol.toStringTag]: { value: `${name} Iterator`, configurable: true },
  });
  Object.assign(prototype, {
    next(this: object): IteratorResult<unknown, undefined> {
      const state = states.get(this);
      if (state === undefined) {
        const text = `'next' called on an object that does not implement interface ${name} Iterator.`;
        throw new TypeError(text);
      }
      const pair = state.pairs()[state.index];
      if (pair === undefined) return { value: undefined, done: true };
      state.index++;
      return { value: pick(pair, state.kind), done: false };
    },
  });
  return (pairs, kind) => {
    const iterator = Object.create(prototype) as IterableIterator<unknown>;
    states.set(iterator, { pairs, kind, index: 0 });
    return iterator;
  };
}
