/** What a primary says of a link to a backup that did not come to be. */

import type { HvErrorCode } from '../base/errors.ts';
import type { ReplicaId } from '../protocol/messages.ts';
import { isUnknownPeer } from './tls.ts';

/** For an operator who named `peer`: the guest is not started without it. */
export function unreached(peer: ReplicaId, reason: string): readonly [HvErrorCode, string] {
  return isUnknownPeer(reason)
    ? ['HV_E_LINK_AUTH', `no link to backup ${peer}: ${reason}`]
    : ['HV_E_BACKUP_UNREACHABLE', `backup ${peer} cannot be reached: ${reason}`];
}

/** `reason` of a link whose peer has taken it and has had no word for a hello. */
export function silentClose(reason: string): string {
  return reason === 'closed by the peer' ? `${reason} without a word, as a primary does` : reason;
}
