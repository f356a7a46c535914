/**
 * Brings a backup and the primary together: as long as the backup has none, the primary that the
 * arbiter names is asked to dial it. So it does not matter who starts first, and who was primary before.
 */

import { asEpoch } from '../../../log-format/index.ts';
import { HvError } from '../../base/errors.ts';
import { UP_LOOK_MS } from '../../base/tool-limits.ts';
import { dialLink } from '../../host/link.ts';
import type { LinkSecurity } from '../../host/tls.ts';
import type { Arbiter } from '../../ports.ts';
import { readRegistration, readView } from './registration.ts';

export interface Wanted {
  readonly arbiter: Arbiter;
  readonly name: string;
  /** Address of the backup. */
  readonly own: string;
  /** Of the run in this host's log, for a guest that is not registered. */
  readonly logVm: string | undefined;
  readonly security: LinkSecurity;
  readonly isOwn: (address: string) => Promise<boolean>;
  /** It needs no primary now. */
  readonly placed: () => boolean;
  /** Why there is no primary to follow; each reason once in a row. */
  readonly tell: (reason: string) => void;
}

/** Begins at once; the function returned ends it. */
export function bringTogether(wanted: Wanted): () => void {
  let over = false;
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    const reason = wanted.placed() ? undefined : await askPrimary(wanted);
    if (over) return;
    if (reason !== undefined && !wanted.placed()) wanted.tell(reason);
    timer = setTimeout(() => void look(), UP_LOOK_MS);
  };
  void look();
  return () => {
    over = true;
    clearTimeout(timer);
  };
}

/** Why there was nobody to ask, or nobody came of it. */
async function askPrimary(wanted: Wanted): Promise<string | undefined> {
  const { arbiter, name, own, security } = wanted;
  const found = await readRegistration(arbiter, name);
  if (found.type === 'unavailable') return found.reason;
  const vm = found.value?.vm ?? wanted.logVm;
  const view = vm === undefined ? undefined : await readView(arbiter, vm);
  if (view?.type === 'unavailable') return view.reason;
  const primary = view?.value?.primary ?? found.value?.by;
  if (primary === undefined) return 'no run of the guest has begun anywhere';
  if (await wanted.isOwn(primary)) return `the view names this replica, ${primary}, as primary`;
  return await requestJoin(primary, { own, security });
}

/** What the primary said instead of dialling, if anything. */
function requestJoin(
  primary: string,
  { own, security }: { readonly own: string; readonly security: LinkSecurity },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    let said: string | undefined;
    try {
      const link = dialLink(
        primary,
        '/join',
        {
          onOpen: () => {
            said = '';
          },
          onMessage: (message) => {
            if (message.type === 'bye') said = `${primary}: ${message.reason}`;
          },
          onClose: (reason) => resolve(said === '' ? undefined : (said ?? `${primary}: ${reason}`)),
        },
        { security },
      );
      link.send({ type: 'join', epoch: asEpoch(0), address: own });
    } catch (error) {
      // A primary that was started without --listen has a name and no address.
      if (!(error instanceof HvError)) throw error;
      resolve(`the primary calls itself ${primary}, and cannot be asked to take this replica`);
    }
  });
}
