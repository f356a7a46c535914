import { describe, expect, it } from 'vitest';
import { LogWindow } from '../../../hypervisor/protocol/log-window.ts';
import { asLsn } from '../../../log-format/index.ts';

function batch(
  firstLsn: number,
  lastLsn: number,
  bytes = 100,
): Parameters<LogWindow['shipped']>[0] {
  return { firstLsn: asLsn(firstLsn), lastLsn: asLsn(lastLsn), bytes };
}

describe('LogWindow', () => {
  it('counts the bytes of batches that are not acknowledged in full', () => {
    const window = new LogWindow();
    window.shipped(batch(1, 4));
    window.shipped(batch(5, 6));
    expect(window.acked(asLsn(3), asLsn(0))).toBe(true);
    expect(window.bytes).toBe(200);
    expect(window.acked(asLsn(4), asLsn(0))).toBe(true);
    expect(window.bytes).toBe(100);
  });

  it('does not trust an ack of what was never sent', () => {
    const window = new LogWindow();
    window.shipped(batch(1, 4));
    expect(window.acked(asLsn(5), asLsn(0))).toBe(false);
    expect(window.acked(asLsn(4), asLsn(5))).toBe(false);
    expect(window.lsnAcked).toBe(0);
  });

  it('never goes back when an older ack comes late', () => {
    const window = new LogWindow();
    window.shipped(batch(1, 4));
    window.acked(asLsn(4), asLsn(2));
    window.acked(asLsn(2), asLsn(1));
    expect([window.lsnAcked, window.lsnReplayed]).toEqual([4, 2]);
  });

  it('continues behind a state transfer and refuses a gap', () => {
    const window = new LogWindow();
    window.streamed(asLsn(9));
    expect(() => window.shipped(batch(11, 12))).toThrow('without a gap');
    window.shipped(batch(10, 12));
    expect(window.lsnShipped).toBe(12);
  });
});
