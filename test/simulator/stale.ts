/**
 * Messages of an earlier epoch that arrive when a later one has begun: right sender, wrong reign. The
 * links of hv die with a reign, so a transport would have to be very broken for it; the epoch in every
 * message is what protects then.
 */

import type { Message } from '../../hypervisor/protocol/messages.ts';
import {
  asEpoch,
  asLsn,
  type Epoch,
  encodeBatch,
  INTERRUPT,
  type InterruptRecord,
} from '../../log-format/index.ts';
import { ackOf } from '../support/messages.ts';
import type { Cluster } from './cluster.ts';
import type { Host } from './host.ts';
import { STARTED_AT } from './sim-store.ts';

export const STALE_KINDS = ['ack', 'batch', 'released', 'bye', 'view'] as const;
export type StaleKind = (typeof STALE_KINDS)[number];

/**
 * Puts a message of `kind` from an earlier epoch on the link between `primary` and one of its backups.
 * `current`: it says that it is of this epoch, as if nobody compared them (a planted bug). False: there
 * is no such link.
 */
export function injectStale(
  cluster: Cluster,
  options: { readonly primary: Host; readonly kind: StaleKind; readonly current: boolean },
): boolean {
  const { primary, kind, current } = options;
  const { network, hosts, world } = cluster;
  const now = primary.primary?.core.view.epoch ?? 0;
  const names = [...hosts.values()].filter(
    (host) => host.backup?.following === primary.name && host.process.alive,
  );
  if (now === 0 || names.length === 0) return false;
  const backup = world.random.pick(names);
  // The other end may be a view behind: to it, that one is no earlier reign.
  const known = kind === 'ack' ? now : Math.min(now, backup.backup?.core.epoch ?? 0);
  if (known === 0) return false;
  const epoch = asEpoch(current ? now : known - 1);
  if (kind === 'ack') {
    const shipped = network.lastBatch(primary.process, backup.process)?.lastLsn;
    if (shipped === undefined) return false;
    const ack = ackOf({ epoch, lsnReceived: shipped, lsnReplayed: asLsn(0) });
    return network.inject(backup.process, primary.process, ack);
  }
  return network.inject(primary.process, backup.process, toBackup(kind, epoch, backup));
}

function toBackup(kind: Exclude<StaleKind, 'ack'>, epoch: Epoch, backup: Host): Message {
  const lsnReceived = backup.backup?.core.lsnReceived ?? asLsn(0);
  switch (kind) {
    case 'batch': {
      const firstLsn = asLsn(lsnReceived + 1);
      const record: InterruptRecord = {
        type: 'interrupt',
        kind: INTERRUPT.check,
        time: STARTED_AT,
        id: 0,
        num: 0,
        payload: undefined,
      };
      const batch = encodeBatch({ epoch, firstLsn, records: [record] }, STARTED_AT);
      return { type: 'batch', epoch, lsnReleased: lsnReceived, batch };
    }
    case 'released':
      return { type: 'released', epoch, lsnReleased: asLsn(lsnReceived + 1) };
    case 'bye':
      return { type: 'bye', epoch, code: 0, reason: 'an earlier reign' };
    case 'view':
      return { type: 'view', epoch, view: { epoch, primary: 'somebody', backups: [] } };
  }
}
