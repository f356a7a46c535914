import { describe, expect, test } from 'vitest';
import { INTERRUPT } from '../../../log-format/index.ts';
import { TinyMachine } from '../../support/tiny-machine.ts';

/** Asks for two commits at boot, and says what it is told. */
const ASKS = `(hv) => {
  hv.print(hv.commit(0) + ' and ' + hv.commit(3));
  return { interrupt: (kind, id) => hv.print('told ' + id) };
}`;

const BOTH = [
  { id: 1, level: 'received' },
  { id: 2, level: 'durable' },
];

describe('a commit', () => {
  test('has no answer until its interrupt comes, and is answered once', () => {
    const tiny = new TinyMachine(ASKS).boot();
    expect(tiny.machine.pendingCommits).toEqual(BOTH);
    tiny.interrupt(INTERRUPT.committed, { id: 2 });
    expect(tiny.machine.pendingCommits).toEqual(BOTH.slice(0, 1));
    tiny.interrupt(INTERRUPT.committed, { id: 2 });
    tiny.interrupt(INTERRUPT.committed, { id: 9 });
    expect(tiny.stdout).toBe('1 and 2\ntold 2\n');
  });

  test('without an answer is in a snapshot, and its id is not used again', () => {
    const asksAgain = ASKS.replace("hv.print('told ' + id)", 'hv.print(hv.commit(1))');
    const tiny = new TinyMachine(asksAgain).boot();
    const snapshot = structuredClone(tiny.machine.save());
    for (const id of [1, 2]) tiny.interrupt(INTERRUPT.committed, { id });
    tiny.machine.restore(snapshot);
    expect(tiny.machine.pendingCommits).toEqual(BOTH);
    tiny.stdout = '';
    tiny.interrupt(INTERRUPT.committed, { id: 1 });
    expect(tiny.stdout).toBe('3\n');
  });

  test('is compared by a replay: another level has another hash of outputs', () => {
    const [one, other] = [ASKS, ASKS.replace('hv.commit(3)', 'hv.commit(2)')].map(
      (image) => new TinyMachine(image).boot().end?.outputsCrc,
    );
    expect(one).not.toBe(other);
  });

  test('is not there in machines of earlier versions', () => {
    for (const machineVersion of [1, 2] as const) {
      const tiny = new TinyMachine('(hv) => hv.print(typeof hv.commit)', { machineVersion }).boot();
      expect(tiny.stdout).toBe('undefined\n');
    }
  });
});
