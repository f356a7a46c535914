/**
 * A backup without a primary asks the one the arbiter names to dial it, again and again until somebody does.
 */

import { asEpoch } from '../../log-format/index.ts';
import { SEEK_MS } from '../base/limits.ts';
import type { Arbiter } from '../ports.ts';
import type { ReplicaId } from '../protocol/messages.ts';
import { dialLink } from './link.ts';
import type { LinkSecurity } from './tls.ts';

export interface SeekOptions {
  readonly arbiter: Arbiter;
  readonly vm: string;
  /** By what name `primary` is to dial this replica. */
  readonly nameFor: (primary: ReplicaId) => ReplicaId;
  readonly security: LinkSecurity;
}

/** Returns what ends it. */
export function seekPrimary({ arbiter, vm, nameFor, security }: SeekOptions): () => void {
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  const again = (): void => {
    if (!over) timer = setTimeout(look, SEEK_MS);
  };
  const ask = (primary: ReplicaId): void => {
    let link: ReturnType<typeof dialLink>;
    try {
      link = dialLink(
        primary,
        '/join',
        { onMessage: () => undefined, onClose: again },
        { security },
      );
    } catch {
      // A primary that nobody can dial has a name that is no address.
      again();
      return;
    }
    link.send({ type: 'join', epoch: asEpoch(0), address: nameFor(primary) });
  };
  const look = (): void => {
    if (over) return;
    arbiter.read(vm, (answer) => {
      if (over) return;
      const primary = answer.type === 'current' ? answer.view?.primary : undefined;
      if (primary === undefined || primary === nameFor(primary)) again();
      else ask(primary);
    });
  };
  look();
  return () => {
    over = true;
    clearTimeout(timer);
  };
}
