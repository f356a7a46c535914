import { describe, expect, it } from 'vitest';
import { GroupSplitter } from '../../../hypervisor/replica/group-splitter.ts';
import { inTurn } from '../../../hypervisor/replica/in-turn.ts';
import { Inbox } from '../../../hypervisor/replica/inbox.ts';
import { VirtualClock } from '../../../hypervisor/replica/virtual-clock.ts';
import {
  asEpoch,
  asLsn,
  asMicros,
  asMillis,
  asTicks,
  INTERRUPT,
  type LogRecord,
} from '../../../log-format/index.ts';

const interrupt = (time: number): LogRecord => ({
  type: 'interrupt',
  kind: INTERRUPT.check,
  time: asMicros(time),
  id: 0,
  num: 0,
  payload: undefined,
});
const end: LogRecord = {
  type: 'end',
  ticks: asTicks(1),
  digest: 1,
  outputs: 0,
  outputsCrc: 0,
  checks: new Uint8Array(),
};
const view: LogRecord = {
  type: 'view',
  time: asMicros(9),
  epoch: asEpoch(2),
  primary: 'a',
  backups: [],
};

describe('VirtualClock', () => {
  it('follows the wall clock while that goes forward', () => {
    const clock = new VirtualClock(asMicros(0));
    expect(clock.stamp(asMicros(1_000), asMillis(1))).toBe(1_000);
    expect(clock.stamp(asMicros(5_000), asMillis(5))).toBe(5_000);
  });

  it('never runs back, and goes on while the wall clock catches up', () => {
    const clock = new VirtualClock(asMicros(0));
    clock.stamp(asMicros(10_000_000), asMillis(0));
    const after = clock.stamp(asMicros(6_400_000), asMillis(1_000));
    expect(after).toBeGreaterThan(10_990_000);
    expect(after).toBeLessThan(11_000_001);
  });

  it('goes on from the last time in the log on another host', () => {
    const clock = new VirtualClock(asMicros(7_000));
    expect(clock.stamp(asMicros(3_000), asMillis(0))).toBe(7_000);
  });
});

describe('GroupSplitter', () => {
  it('completes a group at its end, across batches, and leaves control records out', () => {
    const splitter = new GroupSplitter();
    const epoch = asEpoch(1);
    const first = splitter.push({ epoch, firstLsn: asLsn(1), records: [view, interrupt(10)] });
    expect(first).toEqual([]);
    const records = [interrupt(11), end, view, interrupt(12)];
    const second = splitter.push({ epoch, firstLsn: asLsn(3), records });
    expect(second).toEqual([{ firstLsn: 2, records: [interrupt(10), interrupt(11), end] }]);
    expect(splitter.tail()).toEqual({ firstLsn: 6, records: [interrupt(12)] });
    expect(splitter.view).toEqual(view);
    expect(splitter.timeLast).toBe(12);
  });

  it('has no tail behind an end', () => {
    const splitter = new GroupSplitter();
    splitter.push({ epoch: asEpoch(1), firstLsn: asLsn(1), records: [interrupt(1), end] });
    expect(splitter.tail()).toBeUndefined();
  });
});

describe('Inbox', () => {
  const push = (inbox: Inbox, count: number, bytes: number): void => {
    for (let id = 0; id < count; id++) {
      inbox.push({ kind: INTERRUPT.netData, id, num: 0, payload: new Uint8Array(bytes) });
    }
  };

  it('cuts groups at 256 interrupts', () => {
    const inbox = new Inbox();
    push(inbox, 300, 1);
    expect(inbox.take()).toHaveLength(256);
    expect(inbox.take()).toHaveLength(44);
    expect(inbox.take()).toHaveLength(0);
  });

  it('cuts groups at the size of a batch, and lets a larger interrupt through alone', () => {
    const inbox = new Inbox();
    push(inbox, 20, 65_536);
    expect(inbox.take()).toHaveLength(15);
    const large = new Inbox();
    push(large, 2, 3 << 20);
    expect(large.take()).toHaveLength(1);
  });

  it('takes what is urgent first', () => {
    const inbox = new Inbox();
    push(inbox, 1, 1);
    inbox.pushUrgent({ kind: INTERRUPT.reseed, id: 0, num: 0, payload: undefined });
    expect(inbox.take().map(({ kind }) => kind)).toEqual([INTERRUPT.reseed, INTERRUPT.netData]);
  });
});

describe('inTurn', () => {
  it('takes a hundred thousand steps that answer at once without a deep stack', () => {
    let steps = 0;
    let finished = 0;
    const run = (_index: number, done: () => void): void => {
      steps += 1;
      done();
    };
    inTurn(100_000, run, () => {
      finished += 1;
    });
    expect([steps, finished]).toEqual([100_000, 1]);
  });

  it('waits for a step that answers later', () => {
    const waiting: (() => void)[] = [];
    const seen: number[] = [];
    inTurn(
      3,
      (index, done) => {
        seen.push(index);
        if (index === 1) waiting.push(done);
        else done();
      },
      () => seen.push(99),
    );
    expect(seen).toEqual([0, 1]);
    waiting[0]?.();
    expect(seen).toEqual([0, 1, 2, 99]);
  });
});
