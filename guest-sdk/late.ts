/**
 * Packages that lie in the firmware as text until they are needed (scripts/bundle-late.mjs). The
 * engine gives evaluated code no file of the firmware, so whoever calls into it says so here: a
 * preemptive timer must not run in the middle of a module.
 */

/** The engine's own, whatever a guest makes of the global. */
const evaluate = Reflect.get(globalThis, 'eval') as (text: string) => unknown;

let depth = 0;

export function evaluateLate(text: string): unknown {
  return evaluate(text);
}

/** Runs `act`, which calls into such a package and nothing of the guest. */
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
