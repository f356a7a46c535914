/** Messages with every field set, for tests that are about some of them. */

import type { Hello } from '../../hypervisor/protocol/backup-events.ts';
import type { Ack, Welcome } from '../../hypervisor/protocol/backup-session.ts';
import { PROTOCOL_VERSION } from '../../hypervisor/protocol/messages.ts';
import { asEpoch, asLsn } from '../../log-format/index.ts';

export function helloOf(given: Partial<Hello>): Hello {
  return {
    type: 'hello',
    protocol: PROTOCOL_VERSION,
    hvVersion: '0.0.0',
    vm: 'vm',
    name: 'guest',
    epoch: asEpoch(1),
    primary: 'a',
    backup: 'b',
    engineHash: '',
    helperHash: '',
    machineVersion: 1,
    imageHash: '',
    arbiter: 'sim:',
    detectMs: 50,
    rule: { level: 'received', quorum: 0, onLoss: 'continue' },
    spares: [],
    epochs: [],
    lsnFirst: asLsn(1),
    lsnLast: asLsn(0),
    lsnSettled: asLsn(0),
    relay: false,
    ...given,
  };
}

export function welcomeOf(given: Partial<Welcome>): Welcome {
  return {
    type: 'welcome',
    epoch: asEpoch(1),
    lsnReceived: asLsn(0),
    priority: 0,
    hidden: false,
    cold: false,
    ...given,
  };
}

/** Everything received is replayed, unless said otherwise; nothing is on disk. */
export function ackOf(given: Partial<Ack> & Pick<Ack, 'epoch' | 'lsnReceived'>): Ack {
  return {
    type: 'ack',
    lsnReplayed: given.lsnReceived,
    lsnDurable: asLsn(0),
    outputsCrc: 0,
    ...given,
  };
}
