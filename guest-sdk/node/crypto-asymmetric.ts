/**
 * Keys in pairs and what they are for are a part of the firmware that is compiled when a guest first needs it
 * (scripts/bundle-late.mjs). Whatever enters them goes through here, so that no preemptive timer runs
 * in the middle of @noble/curves, which computes in scratch memory that all its callers share.
 */

import { inLate } from '../late.ts';

type Asymmetric = typeof import('../asymmetric/index.ts');

/** The bundler's, which evaluates a module where it is called. */
declare function require(name: '../asymmetric/index.ts'): Asymmetric;

let loaded: Asymmetric | undefined;

/** Runs `act` on the library. It calls nothing of the guest's but accessors of its arguments. */
export function withAsymmetric<T>(act: (library: Asymmetric) => T): T {
  return inLate(() => {
    loaded ??= require('../asymmetric/index.ts');
    return act(loaded);
  });
}
