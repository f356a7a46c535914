/** Who decides the views of a primary, by its settings. */

import type { Arbiter } from '../ports.ts';
import { openArbiter } from './arbiters.ts';
import { LateArbiter } from './forced-view.ts';
import { SoloArbiter } from './solo-arbiter.ts';
import type { PrimarySettings } from './worker-protocol.ts';

/** Undefined or empty: nobody competes for the guest. */
export function arbiterOf({ arbiter, late }: PrimarySettings): Arbiter {
  if (arbiter === undefined || arbiter === '') return new SoloArbiter();
  const opened = openArbiter(arbiter);
  return late === undefined ? opened : new LateArbiter(opened, late);
}
