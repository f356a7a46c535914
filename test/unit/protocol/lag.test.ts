import { describe, expect, it } from 'vitest';
import { LAG_ACK_MS_MAX, LAG_RECORDS_FREE } from '../../../hypervisor/base/limits.ts';
import { lagAckMs } from '../../../hypervisor/replica/backup.ts';

describe('the delay of an ack', () => {
  it('is nothing while the replay keeps up, grows with the lag and has an end', () => {
    expect(lagAckMs(0)).toBe(0);
    expect(lagAckMs(LAG_RECORDS_FREE)).toBe(0);
    expect(lagAckMs(LAG_RECORDS_FREE + 512)).toBe(2);
    expect(lagAckMs(1_000_000)).toBe(LAG_ACK_MS_MAX);
  });
});
