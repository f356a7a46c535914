/** A link whose messages may have to wait for something that takes its time, each in its turn. */

import type { LinkHandlers } from '../ports.ts';
import type { Message } from '../protocol/messages.ts';

export interface LookFirstOptions {
  /** Right before each message is looked at or passed on. */
  readonly taking: () => void;
  /** What has to come before `message`; undefined: nothing. */
  readonly before: (message: Message) => Promise<void> | undefined;
}

export function lookFirst(
  handlers: LinkHandlers,
  { taking, before }: LookFirstOptions,
): LinkHandlers {
  let ready: Promise<void> | undefined;
  const after = (act: () => void): void => {
    if (ready === undefined) act();
    else void ready.then(act);
  };
  return {
    onMessage: (message) => {
      taking();
      const wait = before(message);
      if (wait !== undefined)
        ready = wait.finally(() => {
          ready = undefined;
        });
      after(() => {
        taking();
        handlers.onMessage(message);
      });
    },
    onClose: (reason) => after(() => handlers.onClose(reason)),
  };
}
