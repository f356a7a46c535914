import { describe, expect, test } from 'vitest';
import { COMMANDS, parseLine, parsePosition } from '../../../hypervisor/cli/inspect/parse.ts';
import { INTERRUPT } from '../../../log-format/index.ts';

describe('a position', () => {
  test.each([
    ['4320', { type: 'lsn', lsn: 4320 }],
    ['10,691', { type: 'lsn', lsn: 10_691 }],
    ['12:345', { type: 'tick', lsn: 12, ticks: 345, relative: false }],
    ['12:+0', { type: 'tick', lsn: 12, ticks: 0, relative: true }],
    ['+3.2s', { type: 'time', micros: 3_200_000 }],
    ['250ms', { type: 'time', micros: 250_000 }],
    ['+7us', { type: 'time', micros: 7 }],
    ['50%', { type: 'fraction', fraction: 0.5 }],
    ['start', { type: 'start' }],
    ['end', { type: 'end' }],
  ])('%s', (text, target) => {
    expect(parsePosition(text)).toEqual(target);
  });

  test.each(['', '-1', '+3.2', '101%', '3:', 'soon', '1.5', '0x10', '3 4'])(
    '%j is refused with what there is',
    (text) => {
      expect(() => parsePosition(text)).toThrow(/is no position: a position is an lsn/);
    },
  );
});

describe('a line', () => {
  test('with a dot before a letter is a command, anything else an expression', () => {
    const evaluated = (expression: string): unknown => ({
      type: 'request',
      request: { type: 'evaluate', expression },
    });
    for (const text of ['1 + 1', '.5 + 1', '[1].length', '...x'])
      expect(parseLine(text)).toEqual(evaluated(text));
    expect(parseLine('   ')).toEqual({ type: 'empty' });
    expect(parseLine('.exit')).toEqual({ type: 'exit' });
    expect(parseLine('.step 1,000')).toMatchObject({ request: { type: 'step', count: 1000 } });
    expect(parseLine('.find --every a > 1')).toMatchObject({
      request: { type: 'find', every: true, expression: 'a > 1' },
    });
    expect(parseLine('.find a--every')).toMatchObject({ request: { every: false } });
    expect(parseLine('.next netData')).toMatchObject({ request: { kind: INTERRUPT.netData } });
    expect(parseLine('.next conn 4')).toMatchObject({ request: { connection: 4 } });
    expect(parseLine('.diff 3')).toEqual({
      type: 'diff',
      from: { type: 'lsn', lsn: 3 },
      to: undefined,
    });
  });

  test('that is no command says so, and with wrong arguments how it is used', () => {
    expect(() => parseLine('.gote')).toThrow('there is no command .gote, but .goto');
    expect(() => parseLine('.goto')).toThrow('usage: .goto <position>');
    expect(() => parseLine('.step 0')).toThrow('usage: .step [n]');
    expect(() => parseLine('.diff 1 2 3')).toThrow('usage: .diff');
    expect(() => parseLine('.find')).toThrow('usage: .find');
    expect(() => parseLine('.next packet')).toThrow(/no kind of turn; there are boot, alarm/);
  });

  test('of every command in the help can be typed', () => {
    const wanted: Record<string, string> = {
      '.goto': '1',
      '.find': 'x',
      '.diff': '1',
      '.fork': 'a',
    };
    for (const command of Object.keys(COMMANDS))
      expect(() => parseLine(`${command} ${wanted[command] ?? ''}`)).not.toThrow();
  });
});
