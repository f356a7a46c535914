import { expect, test } from 'vitest';
import { countExactly } from '../../support/exact.ts';
import { type Answer, type Call, History } from '../../support/history.ts';

const get: Call = { type: 'get' };
const append = (value: string): Call => ({ type: 'append', value });
const increment: Call = { type: 'increment' };

function count(...steps: (readonly [string, Call, Answer | 'cut off'])[]) {
  const history = new History();
  for (const [key, call, answer] of steps) {
    const id = history.invoke(1, key, call);
    if (answer === 'cut off') history.unknown(id);
    else history.ok(id, answer);
  }
  return countExactly(history.operations());
}

test('nothing is lost when all that was acknowledged is there once, in order', () => {
  const exact = count(
    ['l', append('1.1,'), 4],
    ['l', append('1.2,'), 'cut off'],
    ['l', append('1.3,'), 'cut off'],
    ['l', get, '1.1,1.3,'],
    ['n', increment, 1],
    ['n', increment, 'cut off'],
    ['n', get, '2'],
  );
  expect(exact).toEqual({ lost: 0, doubled: 0, outOfOrder: 0, findings: [] });
});

test('an acknowledged append that is missing is lost, one that is there twice is doubled', () => {
  const exact = count(['l', append('1.1,'), 4], ['l', append('1.2,'), 8], ['l', get, '1.2,1.2,']);
  expect(exact).toMatchObject({ lost: 1, doubled: 1 });
  expect(exact.findings).toEqual([
    'l: 1.2 is there twice',
    'l: 1.1 was acknowledged and is not there',
  ]);
});

test('a list that is gone has lost everything', () => {
  expect(count(['l', append('1.1,'), 4], ['l', get, undefined])).toMatchObject({ lost: 1 });
});

test('appends of one client that changed places are out of order', () => {
  const exact = count(['l', append('1.1,'), 4], ['l', append('1.2,'), 8], ['l', get, '1.2,1.1,']);
  expect(exact).toMatchObject({ lost: 0, outOfOrder: 1 });
});

test('a number below what was acknowledged has lost, one above what was sent has doubled', () => {
  expect(count(['n', increment, 1], ['n', increment, 2], ['n', get, '1'])).toMatchObject({
    lost: 1,
  });
  expect(count(['n', increment, 1], ['n', increment, 'cut off'], ['n', get, '3'])).toMatchObject({
    lost: 0,
    doubled: 1,
  });
});
