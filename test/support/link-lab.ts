/** A listener with what its links do, and one that dials it, for tests of who gets a link. */

import { formatAddress } from '../../hypervisor/host/addresses.ts';
import {
  dialLink,
  LinkListener,
  type LinkPath,
  type ListenerOptions,
} from '../../hypervisor/host/link.ts';
import type { LinkSecurity } from '../../hypervisor/host/tls.ts';
import type { Link } from '../../hypervisor/ports.ts';
import type { Message } from '../../hypervisor/protocol/messages.ts';
import { asEpoch } from '../../log-format/index.ts';

/** One that echoes what it gets. */
export async function echoListener(
  options: Partial<ListenerOptions> & { readonly address?: string },
): Promise<{ readonly listener: LinkListener; readonly address: string }> {
  const { address = '127.0.0.1:0', ...rest } = options;
  const listener = await LinkListener.listen(address, {
    onLink: ({ link }) => ({
      onMessage: (message) => link.send(message),
      onClose: () => undefined,
    }),
    ...rest,
  });
  return { listener, address: formatAddress(listener.address) };
}

export interface Dialled {
  readonly link: Link;
  /** Sends a beat and waits for its echo; rejects with the reason when the link closes before. */
  echo(): Promise<Message>;
  readonly closed: Promise<string>;
}

export function dial(address: string, security: LinkSecurity, path: LinkPath = '/link'): Dialled {
  const waiting: { resolve(message: Message): void; reject(error: Error): void }[] = [];
  let reason: string | undefined;
  let tell = (_reason: string): void => {};
  const closed = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const handlers = {
    onMessage: (message: Message) => waiting.shift()?.resolve(message),
    onClose: (why: string) => {
      reason = why;
      for (const { reject } of waiting.splice(0)) reject(new Error(why));
      tell(why);
    },
  };
  const link = dialLink(address, path, handlers, { security });
  return {
    link,
    closed,
    echo: () =>
      new Promise((resolve, reject) => {
        if (reason !== undefined) return reject(new Error(reason));
        waiting.push({ resolve, reject });
        link.send({ type: 'heartbeat', epoch: asEpoch(1), beat: 1 });
      }),
  };
}

/** Lets the loop turn until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
