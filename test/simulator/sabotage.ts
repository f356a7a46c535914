/**
 * Bugs planted between the code under test and its ports, to see that the checker sees them. The
 * code itself has no switch for any of them.
 */

import type { Message } from '../../hypervisor/protocol/messages.ts';
import type { Handover } from '../../hypervisor/replica/handover.ts';
import { asLsn } from '../../log-format/index.ts';
import { ackOf } from '../support/messages.ts';
import type { Tap } from './network.ts';
import type { ArbiterTap } from './sim-arbiter.ts';

export const SABOTAGES = [
  /** An ack for every batch the moment it is sent: outputs leave before the backup has the log. */
  'releaseEarly',
  /** A deposed primary is told that it has won. */
  'ignoreFence',
  /** A primary goes on without its backup and asks nobody. */
  'skipClaim',
  /** A backup is told that outputs have left which are still held. */
  'forgetEarly',
  /** A promoted backup forgets the group whose end never came. */
  'dropTail',
  /** A promoted backup throws the outputs away that it held. */
  'dropHeld',
] as const;
export type Sabotage = (typeof SABOTAGES)[number];

export function networkTap(sabotage: Sabotage | undefined): Tap | undefined {
  if (sabotage === 'releaseEarly') {
    return (_from, message, answer) => {
      if (message.type === 'batch') {
        const { epoch } = message;
        const lsnReceived = message.batch.lastLsn;
        answer(ackOf({ epoch, lsnReceived, lsnReplayed: asLsn(0) }));
      }
      return message;
    };
  }
  if (sabotage === 'forgetEarly') {
    return (_from, message): Message =>
      message.type === 'batch' ? { ...message, lsnReleased: message.batch.lastLsn } : message;
  }
  return undefined;
}

export function arbiterTap(sabotage: Sabotage | undefined): ArbiterTap | undefined {
  if (sabotage === 'ignoreFence') {
    return (process, claim, ask, done) =>
      ask((answer) => {
        const deposed = answer.type === 'lost' && claim.next.primary === process.name;
        const primary = claim.expect > 0 && claim.next.backups.length === 0;
        done(deposed && primary ? { type: 'won', view: claim.next } : answer);
      });
  }
  if (sabotage === 'skipClaim') {
    let owner = '';
    return (process, claim, ask, done) => {
      // Who owns the view already is its primary; a backup still asks, and so does one who adds one.
      if (process.name === owner && claim.next.backups.length === 0) {
        done({ type: 'won', view: claim.next });
        return;
      }
      ask((answer) => {
        if (answer.type === 'won') owner = process.name;
        done(answer);
      });
    };
  }
  return undefined;
}

export function handoverTap(
  sabotage: Sabotage | undefined,
): ((handover: Handover) => Handover) | undefined {
  if (sabotage === 'dropTail') return (handover) => ({ ...handover, tail: undefined });
  if (sabotage === 'dropHeld') return (handover) => ({ ...handover, held: [] });
  return undefined;
}
