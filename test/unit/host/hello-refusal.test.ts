import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { hostRefusal } from '../../../hypervisor/host/hello-refusal.ts';
import { engineParts, MACHINE_VERSION } from '../../../hypervisor/host/machine-factory.ts';
import { ACK_LEVELS, type AckLevel } from '../../../hypervisor/protocol/ack-level.ts';
import { helloOf } from '../../support/messages.ts';

function refusal(level: AckLevel, member: { readonly cold: boolean; readonly hidden: boolean }) {
  const { engineHash, helperHash } = engineParts();
  const rule = { level, quorum: 1, onLoss: 'continue' } as const;
  const machine = { engineHash, helperHash, machineVersion: MACHINE_VERSION };
  const hello = helloOf({ ...machine, rule, arbiter: `file:${tmpdir()}` });
  return hostRefusal(hello, '127.0.0.1', {
    arbiter: undefined,
    arbiterMayBeColocated: true,
    member,
  });
}

describe('a backup that runs nothing', () => {
  const refusing = (hidden: boolean): readonly AckLevel[] =>
    ACK_LEVELS.filter((level) => refusal(level, { cold: true, hidden }) !== undefined);

  test('refuses a guest whose outputs wait for its replay, and says what to do', () => {
    expect(refusing(false)).toEqual(['replayed', 'verified']);
    const words = refusal('verified', { cold: true, hidden: false });
    expect(words).toContain('with --ack verified outputs wait for its replay');
    expect(words).toContain('start it without --store-only, or with --hidden');
  });

  test('shadows any guest as one that is never waited for', () => {
    expect(refusing(true)).toEqual([]);
  });

  test('is told from one that runs the guest', () => {
    expect(refusal('replayed', { cold: false, hidden: false })).toBeUndefined();
  });
});
