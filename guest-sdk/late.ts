/**
 * Computations that no preemptive timer may interrupt, not even where a function of the guest's or a
 * built-in of the engine is all that the stack shows.
 */

let depth = 0;

/** Runs `act`, which computes and waits for nothing. */
export function inLate<T>(act: () => T): T {
  depth++;
  try {
    return act();
  } finally {
    depth--;
  }
}

export function isInLate(): boolean {
  return depth > 0;
}
