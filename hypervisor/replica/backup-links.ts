/** A primary's links to its backups: one per backup, and news of an old link is no news. */

import type { Link, LinkHandlers } from '../ports.ts';
import type { Message, ReplicaId } from '../protocol/messages.ts';
import type { Meters } from './meters.ts';

/** Opens a connection; may call the handlers before it returns. */
export type Dial = (handlers: LinkHandlers) => Link;

export interface BackupLinksHandlers {
  readonly meters?: Meters | undefined;
  onMessage(peer: ReplicaId, message: Message): void;
  onClose(peer: ReplicaId, reason: string): void;
}

export interface LinkStream {
  /** The link is still the one it was. */
  open(): boolean;
  /** Bytes accepted and not yet handed to the network. */
  readonly queuedBytes: number;
  send(message: Message): void;
}

interface Entry {
  link: Link | undefined;
}

export class BackupLinks {
  readonly #entries = new Map<ReplicaId, Entry>();
  readonly #handlers: BackupLinksHandlers;

  constructor(handlers: BackupLinksHandlers) {
    this.#handlers = handlers;
  }

  get size(): number {
    return this.#entries.size;
  }

  open(peer: ReplicaId, dial: Dial): void {
    const entry: Entry = { link: undefined };
    this.#entries.set(peer, entry);
    const current = () => this.#entries.get(peer) === entry;
    entry.link = dial({
      onMessage: (message) => {
        if (current()) this.#handlers.onMessage(peer, message);
      },
      onClose: (reason) => {
        if (!current()) return;
        this.#entries.delete(peer);
        this.#handlers.onClose(peer, reason);
      },
    });
  }

  /** Nothing happens if the link is gone: the news of it is on its way. */
  send(peer: ReplicaId, message: Message): void {
    this.#post(this.#entries.get(peer)?.link, message);
  }

  /** Bound to the link open now, for a stream that must not leak into a later one. */
  stream(peer: ReplicaId): LinkStream | undefined {
    const entry = this.#entries.get(peer);
    if (entry === undefined) return undefined;
    const open = (): boolean => this.#entries.get(peer) === entry;
    return {
      open,
      get queuedBytes() {
        return entry.link?.queuedBytes ?? 0;
      },
      send: (message) => {
        if (open()) this.#post(entry.link, message);
      },
    };
  }

  #post(link: Link | undefined, message: Message): void {
    if (link === undefined) return;
    const { meters } = this.#handlers;
    if (message.type === 'batch') meters?.sent(message.batch.lastLsn, message.batch.bytes.length);
    else if (message.type === 'frames') meters?.sent(undefined, message.bytes.length);
    link.send(message);
  }

  close(peer: ReplicaId): void {
    const entry = this.#entries.get(peer);
    this.#entries.delete(peer);
    entry?.link?.close();
  }

  closeAll(): void {
    for (const peer of [...this.#entries.keys()]) this.close(peer);
  }
}
