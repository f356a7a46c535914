/**
 * What is known about writes whose outcome nobody heard, from what others read. Each may have happened
 * at any time or never, so a search that knows nothing tries them everywhere; a few dozen on one key
 * would take it for ever.
 */

import type { Operation } from './history.ts';

/**
 * The operations without those that cannot matter, in the same order:
 * - reads that were cut off;
 * - of keys that are only set and read, sets whose value nobody read: whoever else reads or sets after
 *   one could as well do so without it;
 * - of keys that are only appended to and read, and read once more after everything else, appends that
 *   this last read does not show: nothing takes an append back, so none of them came before it.
 */
export function withoutUnseen(operations: readonly Operation[]): readonly Operation[] {
  const kinds = new Set(operations.map(({ call }) => call.type));
  const answers = operations.filter(({ call, end }) => call.type === 'get' && end !== Infinity);
  const onlySet = !kinds.has('append') && !kinds.has('increment');
  const last = answers.at(-1);
  const lastEnd = Math.max(
    ...operations.map(({ end }) => (end === Infinity || end === last?.end ? 0 : end)),
  );
  const onlyAppended = !kinds.has('set') && !kinds.has('increment');
  const isLast = last !== undefined && last.begin > lastEnd;
  const seen = new Set(answers.map(({ answer }) => answer));
  const shown = String(last?.answer ?? '');
  return operations.filter(({ call, end }) => {
    if (end !== Infinity) return true;
    if (call.type === 'get') return false;
    if (call.type === 'set') return !onlySet || seen.has(call.value);
    if (call.type === 'append') return !onlyAppended || !isLast || shown.includes(call.value);
    return true;
  });
}

/**
 * A guess when each cut-off write happened, as a number that rises: a search that takes them in this
 * order is nearly always right at once. Only a guess; nothing may depend on it.
 */
export function guesses(operations: readonly Operation[]): Float64Array {
  const ranks = new Float64Array(operations.length);
  const firstSeen = new Map<unknown, number>();
  let longest = '';
  for (const { call, answer, begin, end } of operations) {
    if (call.type !== 'get' || end === Infinity || typeof answer !== 'string') continue;
    if (!firstSeen.has(answer)) firstSeen.set(answer, begin);
    if (answer.length > longest.length) longest = answer;
  }
  for (const [index, { call, begin }] of operations.entries()) {
    if (call.type === 'set') ranks[index] = firstSeen.get(call.value) ?? Infinity;
    else if (call.type === 'append') {
      const place = longest.indexOf(call.value);
      ranks[index] = place < 0 ? Infinity : place;
    } else ranks[index] = begin;
  }
  return ranks;
}
