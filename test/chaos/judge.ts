/** The verdict on what clients heard: nothing acknowledged is lost or doubled, and some order explains it. */

import { countExactly, type ExactCount } from '../support/exact.ts';
import type { History } from '../support/history.ts';
import { checkHistory } from '../support/linearizability.ts';

/** A promise of hv that was broken, as the clients saw it. */
export class Broken extends Error {}

/** Throws Broken. `lastReads`: every key was read once more after everything else. */
export function judgeHistory(history: History, options: { readonly lastReads: boolean }): void {
  if (options.lastReads) {
    const exact = countExactly(history.operations());
    if (exact.lost + exact.doubled + exact.outOfOrder > 0) throw new Broken(wordsOf(exact));
  }
  const verdict = checkHistory(history);
  if (verdict.type === 'violation') throw new Broken(verdict.text);
  if (verdict.type === 'undecided')
    throw new Broken(`key ${verdict.key}: not decided after ${verdict.steps} steps`);
}

function wordsOf({ lost, doubled, outOfOrder, findings }: ExactCount): string {
  const counts = `${lost} lost, ${doubled} doubled, ${outOfOrder} out of order`;
  return [counts, ...findings.slice(0, 8)].join('\n  ');
}
