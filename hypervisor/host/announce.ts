/**
 * A replica's word to the view service of an `hv arbiter`, and what it makes of the answers. With other
 * arbiters nothing happens.
 */

import { asEpoch, asLsn, type Epoch, type Lsn } from '../../log-format/index.ts';
import type { AckRule } from '../protocol/ack-level.ts';
import type { ReplicaId } from '../protocol/messages.ts';
import { type Pings, startPings } from './view-pings.ts';

type Trouble = (event: string, fields: Readonly<Record<string, unknown>>) => void;

export interface PrimaryAnnouncement {
  readonly url: string;
  readonly vm: string;
  readonly replica: ReplicaId;
  readonly rule: AckRule;
  /** How many backups it would like to have. */
  readonly wants: number;
  /** Of its view; 0: it has none yet. */
  readonly epoch: () => Epoch;
  readonly recruit: (spares: readonly ReplicaId[]) => void;
  readonly trouble: Trouble;
}

/** What a primary with these settings says; undefined where nobody listens. */
export function announcementOf(
  replica: ReplicaId,
  settings: { readonly arbiter: string | undefined; readonly rule: AckRule },
  { vm, wants }: { readonly vm: string; readonly wants: number },
): Pick<PrimaryAnnouncement, 'url' | 'vm' | 'replica' | 'rule' | 'wants'> | undefined {
  const { arbiter: url, rule } = settings;
  return url === undefined
    ? undefined
    : { url, vm, replica, rule, wants: Math.max(wants, rule.quorum) };
}

export function announcePrimary(given: PrimaryAnnouncement): Pings {
  const { url, vm, replica, rule, wants, trouble } = given;
  return startPings({
    url,
    vm,
    replica,
    state: () => {
      const epoch = given.epoch();
      if (epoch === 0) return undefined;
      const needs = rule.quorum === 0 ? undefined : rule.quorum;
      return { epoch, role: 'primary', synced: true, lsn: asLsn(0), needs, wants };
    },
    onAdvice: (advice) => {
      if (advice.type === 'recruit' || advice.type === 'promoted') given.recruit(advice.spares);
    },
    onTrouble: (reason) => trouble('view-service.unavailable', { reason }),
  });
}

/** What a backup says of itself. */
export interface BackupStanding {
  readonly vm: string;
  /** The epoch it would follow with a claim; 0: no view in its log names it. */
  readonly epoch: Epoch;
  readonly synced: boolean;
  readonly follows: boolean;
  readonly lsn: Lsn;
  readonly priority: number;
  readonly hidden: boolean;
}

export interface BackupAnnouncement {
  readonly url: string;
  readonly replica: ReplicaId;
  /** Undefined: it follows nobody and would serve any guest. */
  readonly standing: () => BackupStanding | undefined;
  /** The view service has made this replica primary: it is to claim, as when it suspects. */
  readonly promoted: () => void;
  readonly trouble: Trouble;
}

export function announceBackup(given: BackupAnnouncement): Pings {
  const { url, replica, trouble } = given;
  return startPings({
    url,
    replica,
    state: () => {
      const standing = given.standing();
      if (standing === undefined)
        return { epoch: asEpoch(0), role: 'spare', synced: false, lsn: asLsn(0) };
      const { vm, epoch, synced, follows, lsn, hidden } = standing;
      const primaryLink = follows ? 'up' : 'down';
      // 0 is never promoted there; here it is what nobody has asked for.
      const priority = standing.priority + 1;
      return { vm, epoch, role: 'backup', synced, lsn, priority, hidden, primaryLink };
    },
    onAdvice: (advice) => {
      if (advice.type === 'promoted') given.promoted();
    },
    onTrouble: (reason) => trouble('view-service.unavailable', { reason }),
  });
}
