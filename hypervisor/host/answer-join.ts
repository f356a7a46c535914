/** Answers whoever asks at a replica's listener to be dialled as a backup. */

import type { LinkHandlers } from '../ports.ts';
import type { ReplicaId } from '../protocol/messages.ts';
import { dialable, notAnAddress } from './addresses.ts';
import type { IncomingLink } from './link.ts';
import { refuseJoin } from './relay.ts';

/** `add` returns why `peer` is not dialled; undefined: it is. */
export function answerJoin(
  { link, path, remoteAddress }: IncomingLink,
  add: (peer: ReplicaId) => string | undefined,
): LinkHandlers {
  return {
    onMessage: (message) => {
      if (path === '/join' && message.type === 'join') {
        const wrong = notAnAddress(message.address);
        const reason = wrong ?? add(dialable(message.address, remoteAddress));
        if (reason !== undefined) refuseJoin(link, reason);
      }
      link.close();
    },
    onClose: () => undefined,
  };
}
