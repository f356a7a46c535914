/** The comparison itself, on answers made by hand; test/fuzz/planted.test.ts has real machines. */

import { describe, expect, test } from 'vitest';
import type { HeldOutput, Output, ReplayGroup, TurnsResult } from '../../../hypervisor/ports.ts';
import {
  compareRuns,
  comparisonReport,
  type Side,
  turnsOf,
} from '../../../hypervisor/timeline/compare-runs.ts';
import { firstDifferingByte } from '../../../hypervisor/timeline/first-difference.ts';
import {
  asLsn,
  asMicros,
  asTicks,
  INTERRUPT,
  type InterruptRecord,
  type MidTurnRecord,
} from '../../../log-format/index.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const print = (text: string, fd: 1 | 2 = 1): Output => ({
  device: 'console',
  fd,
  bytes: bytes(text),
});
const interrupt: InterruptRecord = {
  type: 'interrupt',
  kind: INTERRUPT.check,
  time: asMicros(0),
  id: 0,
  num: 0,
  payload: undefined,
};
const resync = (turn: number): MidTurnRecord => ({
  type: 'resync',
  turn: asLsn(turn),
  ticks: asTicks(turn * 10),
  time: asMicros(turn),
});

function result(outputs: readonly Output[], more: Partial<TurnsResult> = {}): TurnsResult {
  return {
    outputs: outputs.map((output): HeldOutput => ({ lsn: asLsn(1), output })),
    end: { ticks: asTicks(5), digest: 6, outputs: 7, outputsCrc: 8, checks: new Uint8Array() },
    alarmAt: undefined,
    immediatesLeft: false,
    halted: undefined,
    ...more,
  };
}

function side(name: string, answers: readonly TurnsResult[], memory?: () => Uint8Array): Side {
  let next = 0;
  return {
    name,
    settle: (_, done) => done(answers[next++] ?? result([])),
    ...(memory && { memory }),
  };
}

const GROUP: ReplayGroup = { firstLsn: asLsn(11), records: [interrupt, interrupt] };

function differing(left: readonly TurnsResult[], right: readonly TurnsResult[]): unknown {
  const sides = { left: side('a', left), right: side('b', right), groups: [GROUP] };
  const { difference } = compareRuns(sides);
  return difference && { lsn: difference.lsn, ...difference.place };
}

describe('the turns of a group', () => {
  test('keep the lsn of every record of theirs, and none of another turn', () => {
    const records = [interrupt, interrupt, resync(21), resync(20), resync(21)];
    const turns = turnsOf({ firstLsn: asLsn(20), records });
    const own = turns.map(({ firstLsn, records: some }) =>
      some.flatMap((record, index) =>
        'turn' in record && record.turn !== 0 ? [[firstLsn + index, record.turn]] : [],
      ),
    );
    expect(turns.map(({ firstLsn }) => firstLsn)).toEqual([20, 21]);
    expect(own).toEqual([
      [[23, 20]],
      [
        [22, 21],
        [24, 21],
      ],
    ]);
    expect(
      turns.every((turn) => turn.records.filter((r) => r.type === 'interrupt').length === 1),
    ).toBe(true);
  });
});

describe('a comparison', () => {
  test('finds nothing between equal answers', () => {
    const answers = [result([print('x')]), result([])];
    expect(differing(answers, answers)).toBeUndefined();
  });

  test('counts the bytes of each stream through earlier turns and outputs', () => {
    const first = result([print('12345'), print('err', 2)]);
    const left = result([print('678'), print('more', 2), print('abXd')]);
    const right = result([print('678'), print('more', 2), print('abYd')]);
    expect(differing([first, left], [first, right])).toMatchObject({
      lsn: 12,
      type: 'outputByte',
      index: 2,
      stream: 'stdout',
      streamOffset: 10,
      byte: { offset: 2, left: 88, right: 89 },
    });
  });

  test('takes the offset of a connection from the output itself', () => {
    const write = (text: string): Output => ({
      device: 'net',
      op: 'write',
      id: 2,
      offset: 100,
      bytes: bytes(text),
    });
    expect(differing([result([write('abc')])], [result([write('ab')])])).toMatchObject({
      lsn: 11,
      stream: 'connection 2 write',
      streamOffset: 102,
      byte: { offset: 2, left: 99, right: undefined },
    });
  });

  test('names an output that one side lacks, and a field that differs', () => {
    expect(differing([result([print('x')])], [result([])])).toMatchObject({
      type: 'outputField',
      left: 'stdout',
      right: 'none',
    });
    const exit = (code: number): Output => ({ device: 'exit', code });
    expect(differing([result([exit(1)])], [result([exit(2)])])).toMatchObject({
      field: 'code',
      left: '1',
      right: '2',
    });
    const later = { ...result([print('x')]), outputs: [{ lsn: asLsn(2), output: print('x') }] };
    expect(differing([result([print('x')])], [later])).toMatchObject({ field: 'lsn', right: '2' });
  });

  test.each<[string, Partial<TurnsResult>]>([
    [
      'ticks',
      {
        end: { ticks: asTicks(9), digest: 6, outputs: 7, outputsCrc: 8, checks: new Uint8Array() },
      },
    ],
    [
      'digest',
      {
        end: { ticks: asTicks(5), digest: 9, outputs: 7, outputsCrc: 8, checks: new Uint8Array() },
      },
    ],
    ['alarm', { alarmAt: asMicros(3) }],
    ['immediates', { immediatesLeft: true }],
    ['halt', { halted: { code: 1, reason: 'x' } }],
  ])('falls back to a figure when outputs agree: %s', (name, more) => {
    expect(differing([result([])], [result([], more)])).toMatchObject({ figure: { name } });
  });

  test('looks at memory after every turn, or only after the last', () => {
    const memory = new Uint8Array(10_000);
    const changed = Uint8Array.from(memory);
    let turns = 0;
    const other: Side = {
      name: 'b',
      settle: (_, done) => {
        turns += 1;
        if (turns === 1) changed[5000] = 3;
        done(result([]));
      },
      memory: () => changed,
    };
    const left = side('a', [], () => memory);
    const groups = [GROUP];
    const every = compareRuns({ left, right: other, groups, memory: 'everyTurn' });
    expect(every.difference).toMatchObject({
      lsn: 11,
      place: { type: 'memory', byte: { offset: 5000 } },
    });
    const last = compareRuns({ left, right: other, groups, memory: 'lastTurn' });
    expect(last.difference).toMatchObject({ lsn: 12, place: { byte: { left: 0, right: 3 } } });
    expect(compareRuns({ left, right: other, groups }).difference).toBeUndefined();
  });

  test('reports on a few lines: turn, byte, both contexts, figures, record', () => {
    const left = side('recorded', [result([print('same text A')])]);
    const right = side('replayed', [result([print('same text B')], { alarmAt: asMicros(4) })]);
    const { difference } = compareRuns({ left, right, groups: [GROUP] });
    if (difference === undefined) throw new Error('nothing was found');
    const names = { left: 'recorded', right: 'replayed', startedAt: asMicros(0) };
    expect(comparisonReport(difference, names).split('\n')).toEqual([
      'FIRST DIFFERENCE in the turn at lsn 11: output 0, stdout, byte 10, byte 10 of the stream, recorded 0x41, replayed 0x42',
      '      recorded "same text ⟦A⟧"',
      '      replayed "same text ⟦B⟧"',
      '      alarm       recorded none   replayed 4',
      '    the turn:',
      expect.stringMatching(/lsn 11 .*check/),
    ]);
  });
});

test('the first differing byte is found in the first page, in a later one, and at an end', () => {
  const one = new Uint8Array(9000).fill(1);
  const with2 = (at: number): Uint8Array => one.with(at, 2);
  for (const at of [0, 17, 4095, 4096, 8999])
    expect(firstDifferingByte(one, with2(at))?.offset).toBe(at);
  expect(firstDifferingByte(one, one.slice())).toBeUndefined();
  expect(firstDifferingByte(one, one.subarray(0, 8000))).toMatchObject({
    offset: 8000,
    left: 1,
    right: undefined,
  });
});
