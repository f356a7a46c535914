/** What the disk has of a guest's log is known before its primary is answered. */

import type { LinkHandlers } from '../ports.ts';
import type { Hello } from '../protocol/backup-events.ts';

export interface LookFirst {
  /** A message of this link is about to be taken. */
  speaks(): void;
  /** Begins to look; undefined: there is no need. */
  look(hello: Hello): Promise<void> | undefined;
}

/** The same handlers, but a hello waits, and what comes behind it, until the look is over. */
export function lookFirst(handlers: LinkHandlers, options: LookFirst): LinkHandlers {
  let ready: Promise<void> | undefined;
  const after = (act: () => void): void => {
    if (ready === undefined) act();
    else void ready.then(act);
  };
  return {
    onMessage: (message) => {
      options.speaks();
      if (message.type === 'hello')
        ready = options.look(message)?.finally(() => {
          ready = undefined;
        });
      after(() => {
        options.speaks();
        handlers.onMessage(message);
      });
    },
    onClose: (reason) => after(() => handlers.onClose(reason)),
  };
}
