import { expect, test } from 'vitest';
import { CounterCheck } from '../../../hypervisor/cli/demo/counter-model.ts';
import { Tally } from '../../../hypervisor/cli/demo/tally.ts';

/** Feeds connections of lines to one client. */
function check(...connections: string[][]): Tally {
  const tally = new Tally();
  const counter = new CounterCheck('c', tally);
  for (const lines of connections) {
    counter.connected();
    for (const line of lines) counter.line(line);
  }
  return tally;
}

test('a counter that goes on is right, also when a connection missed some', () => {
  const tally = check(['now 3', 'count 4', 'now 4', 'count 5'], ['now 5', 'count 6'], ['now 9']);
  expect(tally.findings).toEqual([]);
});

test.each([
  ['a repeated number', [['now 3', 'count 4', 'count 4']], { doubled: 1 }],
  ['a missing number', [['now 3', 'count 5']], { lost: 1 }],
  ['a falling number', [['now 3', 'count 2']], { outOfOrder: 1, lost: 1 }],
  ['a fall between connections', [['now 9'], ['now 7', 'count 8'], ['now 8']], { lost: 2 }],
  ['an answer that is not the last number', [['now 3', 'now 4']], { wrong: 1 }],
  ['a line that is none', [['now 3', 'counting']], { wrong: 1 }],
])('%s is seen', (_name, connections, faults) => {
  const { lost, doubled, outOfOrder, wrong } = check(...connections);
  expect({ lost, doubled, outOfOrder, wrong }).toEqual({
    lost: 0,
    doubled: 0,
    outOfOrder: 0,
    wrong: 0,
    ...faults,
  });
});
