import { describe, expect, test } from 'vitest';
import { HostClock } from '../../../hypervisor/host/clock.ts';
import { NullLogStore } from '../../../hypervisor/host/null-log-store.ts';
import { Journal } from '../../../hypervisor/replica/journal.ts';
import {
  asEpoch,
  asLsn,
  asMicros,
  FRAME_HEAD_BYTES,
  type LogRecord,
} from '../../../log-format/index.ts';

const stop: LogRecord = { type: 'stop', time: asMicros(5), code: 0, reason: 'done' };

function flushed(encodes: boolean): ReturnType<Journal['flush']> {
  const epochs = [{ epoch: asEpoch(1), firstLsn: asLsn(1) }];
  const history = { epochs, lsnFirst: asLsn(1), lsnLast: asLsn(4) };
  const store = new NullLogStore({ encodes });
  const journal = new Journal({
    clock: new HostClock(),
    store,
    startedAt: asMicros(0),
    history,
  });
  expect(journal.flush(asEpoch(1))).toBeUndefined();
  journal.add(stop);
  journal.add(stop);
  const batch = journal.flush(asEpoch(1));
  expect(journal.empty).toBe(true);
  return batch;
}

describe('a guest without a log', () => {
  test('not recorded: batches have their place and no bytes', () => {
    const batch = flushed(false);
    expect(batch).toMatchObject({ epoch: 1, firstLsn: 5, lastLsn: 6 });
    expect(batch?.bytes).toHaveLength(0);
  });

  test('recorded to nowhere: batches are encoded as for a log', () => {
    const batch = flushed(true);
    expect(batch).toMatchObject({ epoch: 1, firstLsn: 5, lastLsn: 6 });
    expect(batch?.bytes.length).toBeGreaterThan(FRAME_HEAD_BYTES);
  });
});
