import { describe, expect, it } from 'vitest';
import { NOTHING_RAN } from '../../../hypervisor/replica/handover.ts';
import { ReplayQueue } from '../../../hypervisor/replica/replay-queue.ts';
import { asLsn, asMicros } from '../../../log-format/index.ts';

function queue(): ReplayQueue {
  return new ReplayQueue({
    clock: {
      now: () => {
        throw new Error('no clock');
      },
      wall: () => {
        throw new Error('no clock');
      },
      setTimer: () => ({ cancel: () => {} }),
      defer: () => {},
    },
    meters: undefined,
    guestTime: () => asMicros(0),
    retain: () => {},
    replayed: () => {},
    diverged: () => {},
  });
}

describe('a replay queue', () => {
  it('goes on behind control records at the end of a reopened copy, not behind its last group', () => {
    const reopened = queue();
    const standing = { lsnReplayed: asLsn(7), outputsCrc: 0, state: NOTHING_RAN, held: [] };
    reopened.startAt(standing, asLsn(9));
    const next = { firstLsn: asLsn(10), lastLsn: asLsn(11), bytes: 100 };
    expect(() => reopened.push(next, [])).not.toThrow();
    expect(reopened.lsnReplayed).toBe(7);
  });
});
