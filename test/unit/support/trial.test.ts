/** The judge of the stories is itself judged: with planted answers, without processes. */

import { describe, expect, test } from 'vitest';
import { judgeHistory } from '../../chaos/judge.ts';
import { type Answer, type Call, History } from '../../support/history.ts';

const get: Call = { type: 'get' };
const set = (value: string): Call => ({ type: 'set', value });
const append = (value: string): Call => ({ type: 'append', value });

function history(...steps: (readonly [string, Call, Answer | 'cut off'])[]): History {
  const one = new History();
  for (const [key, call, answer] of steps) {
    const id = one.invoke(1, key, call);
    if (answer === 'cut off') one.unknown(id);
    else one.ok(id, answer);
  }
  return one;
}

describe('the judge', () => {
  test('has nothing against a history that is right', () => {
    const right = history(['r', set('a'), 'OK'], ['r', set('b'), 'cut off'], ['r', get, 'a']);
    expect(() => judgeHistory(right, { lastReads: true })).not.toThrow();
  });

  test.each<[string, History, RegExp]>([
    [
      'a stale read',
      history(['r', set('a'), 'OK'], ['r', set('b'), 'OK'], ['r', get, 'a']),
      /no order/,
    ],
    ['a lost append', history(['l', append('1.1,'), 4], ['l', get, undefined]), /1 lost/],
    ['a doubled append', history(['l', append('1.1,'), 4], ['l', get, '1.1,1.1,']), /1 doubled/],
  ])('finds %s', (_what, wrong, words) => {
    expect(() => judgeHistory(wrong, { lastReads: true })).toThrow(words);
  });

  test('asks for no last reads when nobody can answer any more, but still for an order', () => {
    const gone = history(['l', append('1.1,'), 4]);
    expect(() => judgeHistory(gone, { lastReads: false })).not.toThrow();
    const stale = history(['r', set('a'), 'OK'], ['r', get, undefined]);
    expect(() => judgeHistory(stale, { lastReads: false })).toThrow('no order');
  });
});
