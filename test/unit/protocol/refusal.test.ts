import { describe, expect, it } from 'vitest';
import type { Hello } from '../../../hypervisor/protocol/backup-events.ts';
import { refusalOf } from '../../../hypervisor/replica/refusal.ts';
import { helloOf } from '../../support/messages.ts';

const OWN = { hvVersion: '0.1.0', engineHash: 'aa', helperHash: 'bb', machineVersion: 1 };
const HELLO: Hello = helloOf({ vm: 'kv-00000000', name: 'kv', ...OWN });

describe('a hello from another version', () => {
  it('is taken when the machines are the same, and refused with what differs otherwise', () => {
    expect(refusalOf(HELLO, OWN)).toBeUndefined();
    expect(refusalOf({ ...HELLO, hvVersion: '0.2.0' }, OWN)).toBeUndefined();
    expect(refusalOf({ ...HELLO, protocol: 99 }, OWN)).toContain('protocol 99 there');
    expect(refusalOf({ ...HELLO, machineVersion: 2 }, OWN)).toContain('machine version 2 there');
    const other = { ...HELLO, hvVersion: '0.2.0' };
    expect(refusalOf({ ...other, engineHash: 'cc' }, OWN)).toContain('hv 0.2.0 there');
    expect(refusalOf({ ...other, helperHash: 'cc' }, OWN)).toContain('hv 0.2.0 there');
  });
});
