/** Answers whoever asks at a replica's listener to be dialled as a backup. */

import type { LinkHandlers } from '../ports.ts';
import type { BackupCore } from '../protocol/backup.ts';
import type { ReplicaId } from '../protocol/messages.ts';
import { dialable, notAnAddress } from './addresses.ts';
import type { IncomingLink, LinkPath } from './link.ts';
import { refuseJoin } from './relay.ts';

/** `add` returns why `peer` is not dialled; undefined: it is. */
export function answerJoin(
  { link, path, remoteAddress }: IncomingLink,
  add: (peer: ReplicaId) => string | undefined,
): LinkHandlers {
  return {
    onMessage: (message) => {
      if (message.type === 'join' && (path === '/join' || path === '/follow')) {
        const wrong = notAnAddress(message.address);
        const reason = wrong ?? add(dialable(message.address, remoteAddress));
        if (reason !== undefined) refuseJoin(link, reason);
      }
      link.close();
    },
    onClose: () => undefined,
  };
}

/**
 * Why a replica that is no primary does not have who asked at `path` dialled, in words behind its address;
 * undefined: it follows one, and passes its log on to whoever asks for no more.
 */
export function whyNoPrimary(
  { phase, following }: Pick<BackupCore, 'phase' | 'following'>,
  { guest, path }: { readonly guest: string; readonly path: LinkPath },
): string | undefined {
  if (phase === 'idle') return 'it is a backup itself, and no primary has dialled it yet';
  if (phase !== 'following' || following === undefined)
    return 'it is a backup itself, and has no primary now';
  if (path === '/follow') return undefined;
  const rest = 'or follow this backup with --from, outside of the view';
  // A primary without --listen has a name that nobody can dial.
  if (notAnAddress(following) !== undefined)
    return `it is a backup itself, and its primary listens to nobody (no --listen): on the host of the primary hv protect ${guest} <host:port of the new backup> adds one, ${rest}`;
  return `it is a backup itself: ask its primary, ${following}, ${rest}`;
}
