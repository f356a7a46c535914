import { describe, expect, test } from 'vitest';
import { INTERRUPT } from '../../../log-format/index.ts';
import { TinyMachine } from '../../support/tiny-machine.ts';

/** Says where it stands at every turn; an interrupt makes it say how it is, by the state's index. */
const SAYS = `(hv) => {
  hv.print('at ' + hv.position());
  return { interrupt: (kind, id) => {
    hv.print('at ' + hv.position());
    if (id === 9) hv.report(1, 0, '');
    else hv.report(2, id, 'x'.repeat(id * 150));
  } };
}`;

const say = (tiny: TinyMachine, id: number): void => {
  tiny.interrupt(INTERRUPT.check, { id });
};

describe('what a guest says of itself', () => {
  test('is nothing until it does, then its last word, cut to a line', () => {
    const tiny = new TinyMachine(SAYS).boot();
    expect(tiny.machine.meter().health).toBeUndefined();
    say(tiny, 0);
    expect(tiny.machine.meter().health).toMatchObject({ state: 'ok', reason: '' });
    say(tiny, 2);
    expect(tiny.machine.meter().health).toMatchObject({
      state: 'failing',
      reason: 'x'.repeat(200),
    });
  });

  test('is in a snapshot', () => {
    const tiny = new TinyMachine(SAYS).boot();
    say(tiny, 1);
    const before = tiny.machine.meter().health;
    const snapshot = structuredClone(tiny.machine.save());
    say(tiny, 0);
    tiny.machine.restore(snapshot);
    expect(tiny.machine.meter().health).toEqual(before);
    expect(before?.state).toBe('degraded');
  });

  test('hints at a checkpoint until one is taken, and not in another process', () => {
    const tiny = new TinyMachine(SAYS).boot();
    const { report } = tiny.machine;
    expect(report.isCheckpointWelcome).toBe(false);
    say(tiny, 9);
    expect(report.isCheckpointWelcome).toBe(true);
    const snapshot = structuredClone(tiny.machine.save());
    report.checkpointTaken();
    expect(report.isCheckpointWelcome).toBe(false);
    say(tiny, 9);
    tiny.machine.restore(snapshot);
    expect(report.isCheckpointWelcome).toBe(false);
  });
});

test('the position is the lsn of the interrupt whose turn runs', () => {
  const tiny = new TinyMachine(SAYS).boot();
  say(tiny, 0);
  say(tiny, 0);
  expect(tiny.stdout).toBe('at 1\nat 2\nat 3\n');
});

test('machines of earlier versions have neither trap', () => {
  for (const machineVersion of [1, 2, 3] as const) {
    const program = '(hv) => hv.print(typeof hv.position + typeof hv.report)';
    const tiny = new TinyMachine(program, { machineVersion }).boot();
    expect(tiny.stdout).toBe('undefinedundefined\n');
  }
});
