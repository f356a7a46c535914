/**
 * Chain replication behind the view: a backup passes its copy of the log on to others that asked it to
 * (`hv backup --from`). It dials them, brings them up to date as a primary does, and forwards what it
 * appends, after it has appended it. Followers come back by themselves, so a link that is lost, or a copy
 * that is begun anew, ends here in closed links and nothing else.
 */

import type { EncodedBatch, Epoch, Lsn } from '../../log-format/index.ts';
import { asEpoch, asLsn } from '../../log-format/index.ts';
import { BACKUPS_MAX } from '../base/limits.ts';
import type { Clock, Link, LinkHandlers } from '../ports.ts';
import type { Message, ReplicaId } from '../protocol/messages.ts';
import { Follower, isTooSlow, relayHello } from '../protocol/relay.ts';
import type { PassableCopy } from '../replica/log-copy-types.ts';
import { StateTransfer } from '../replica/state-transfer.ts';
import type { CopyStore } from './copy-store.ts';
import { HeartbeatSender } from './heartbeat.ts';
import { JoinSource } from './join-source.ts';
import { readLogHeader } from './log-reader.ts';

export interface RelayOptions {
  readonly clock: Clock;
  dial(peer: ReplicaId, path: '/link' | '/heartbeat', handlers: LinkHandlers): Link;
  /** Of what is followed here. */
  epoch(): Epoch;
  /** What there is to pass on; undefined: nothing. */
  copy(): PassableCopy | undefined;
  readonly trouble: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** For `hv status`. */
export interface FollowerFigures {
  readonly peer: ReplicaId;
  readonly state: string;
  readonly lsnReceived: Lsn;
  readonly lsnReplayed: Lsn;
  /** Records here and not there. */
  readonly lag: number;
}

interface Entry {
  readonly follower: Follower;
  link: Link | undefined;
  beats: HeartbeatSender | undefined;
}

export class Relay {
  readonly #options: RelayOptions;
  readonly #entries = new Map<ReplicaId, Entry>();
  #store: CopyStore | undefined;
  #dir = '';

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  get peers(): readonly ReplicaId[] {
    return [...this.#entries.keys()];
  }

  figures(): readonly FollowerFigures[] {
    const lsnLast = this.#options.copy()?.history.lsnLast ?? asLsn(0);
    return [...this.#entries.values()].map(({ follower }) => {
      const { peer, state, lsnReceived, lsnReplayed } = follower;
      return { peer, state, lsnReceived, lsnReplayed, lag: lsnLast - lsnReceived };
    });
  }

  /** The copy in `dir` is written by `store` from here on; it may hold less than the one before. */
  follow(store: CopyStore, dir: string): void {
    this.closeAll('the copy that is passed on begins anew');
    this.#store = store;
    this.#dir = dir;
    store.passOn = {
      appended: (batch) => this.#forward(batch),
      frames: (bytes) => this.#forwardFrames(bytes),
    };
  }

  /** `peer` listens and asks for the log. Returns why it does not get it; undefined: it is dialled. */
  add(peer: ReplicaId): string | undefined {
    const copy = this.#options.copy();
    if (copy === undefined) return 'this replica has no log to pass on yet';
    if (this.#entries.has(peer)) return undefined;
    if (this.#entries.size >= BACKUPS_MAX) return `${BACKUPS_MAX} replicas follow this one already`;
    const entry: Entry = { follower: new Follower(peer), link: undefined, beats: undefined };
    this.#entries.set(peer, entry);
    entry.link = this.#options.dial(peer, '/link', {
      onMessage: (message) => this.#hear(entry, message),
      onClose: (reason) => this.#lost(entry, reason),
    });
    entry.link.send(relayHello({ ...copy, epoch: this.#options.epoch() }, peer));
    return undefined;
  }

  /** Followers look for somebody else, or come back. */
  closeAll(reason: string): void {
    for (const entry of [...this.#entries.values()]) this.#close(entry, reason);
  }

  #isOpen(entry: Entry): boolean {
    return this.#entries.get(entry.follower.peer) === entry;
  }

  #hear(entry: Entry, message: Message): void {
    const copy = this.#options.copy();
    if (!this.#isOpen(entry) || copy === undefined) return;
    const step = entry.follower.heard(message, copy.history.lsnLast);
    if (step.type === 'close') this.#close(entry, step.reason);
    if (step.type !== 'stream') return;
    this.#beat(entry);
    this.#transfer(entry, step.from);
  }

  #transfer(entry: Entry, from: Lsn): void {
    const store = this.#store;
    const link = entry.link;
    if (store === undefined || link === undefined) return;
    const { clock, epoch, trouble } = this.#options;
    const lsnReleased = (): Lsn => this.#options.copy()?.lsnReleased ?? asLsn(0);
    const transfer = new StateTransfer(
      {
        clock,
        store: store.log,
        snapshots: new JoinSource({
          dir: this.#dir,
          owner: readLogHeader(this.#dir),
          checkpoints: undefined,
          lsnLast: () => store.log.lastLsn,
          trouble,
        }),
      },
      {
        open: () => this.#isOpen(entry),
        get queuedBytes() {
          return link.queuedBytes;
        },
        send: (message) => link.send(message),
      },
      {
        epoch,
        lsnSettled: lsnReleased,
        done: (_lastLsn, failure) => {
          if (failure === undefined) entry.follower.streamed();
          else this.#close(entry, failure);
        },
      },
    );
    transfer.start(from);
  }

  /** On this thread, which does not wait for the guest's turns. */
  #beat(entry: Entry): void {
    const { clock, dial, epoch } = this.#options;
    const { peer } = entry.follower;
    entry.beats = new HeartbeatSender((handlers) => dial(peer, '/heartbeat', handlers), {
      clock,
      epoch,
      hooks: {
        onBeat: () => this.#tellReleased(entry),
        onLate: () => undefined,
        onClose: (reason) => this.#close(entry, `no heartbeats: ${reason}`),
      },
    });
  }

  #tellReleased({ follower, link }: Entry): void {
    const lsnReleased = this.#options.copy()?.lsnReleased ?? asLsn(0);
    if (!follower.tells(lsnReleased)) return;
    link?.send({ type: 'released', epoch: this.#options.epoch(), lsnReleased });
  }

  #forward(batch: EncodedBatch): void {
    if (this.#entries.size === 0) return;
    const epoch = this.#options.epoch();
    const lsnReleased = this.#options.copy()?.lsnReleased ?? asLsn(0);
    this.#sendAll({ type: 'batch', epoch, lsnReleased, batch });
  }

  #forwardFrames(bytes: Uint8Array): void {
    if (this.#entries.size > 0)
      this.#sendAll({ type: 'frames', epoch: this.#options.epoch(), bytes });
  }

  #sendAll(message: Message): void {
    for (const entry of [...this.#entries.values()]) {
      if (entry.follower.state !== 'following') continue;
      entry.link?.send(message);
      if (isTooSlow(entry.link?.queuedBytes ?? 0))
        this.#close(entry, 'takes the log more slowly than it comes');
    }
  }

  #close(entry: Entry, reason: string): void {
    if (!this.#isOpen(entry)) return;
    this.#lost(entry, reason);
    entry.link?.close();
  }

  #lost(entry: Entry, reason: string): void {
    if (!this.#isOpen(entry)) return;
    const { peer } = entry.follower;
    this.#entries.delete(peer);
    entry.beats?.stop();
    this.#options.trouble('follower.lost', { peer, reason });
  }
}

/** For who asks in vain. */
export function refuseJoin(link: Link, reason: string): void {
  link.send({ type: 'bye', epoch: asEpoch(0), code: 1, reason });
}

/** For who dials what this replica is not. */
export function refuseLink(link: Link, reason: string): LinkHandlers {
  link.send({ type: 'refuse', epoch: asEpoch(0), reason });
  link.close();
  return { onMessage: () => undefined, onClose: () => undefined };
}
