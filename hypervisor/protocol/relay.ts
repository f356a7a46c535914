/**
 * What a backup that passes its log on says to those who follow it, and how it takes what they say. A
 * follower is never in a view and nothing waits for it: its acks are figures. Followers hold what this copy
 * holds, so whatever this copy drops or cuts they must hear of: they are greeted anew then.
 */

import { asLsn, type Epoch, type Lsn } from '../../log-format/index.ts';
import { unreachable } from '../base/assert.ts';
import { HISTORY_EPOCHS_MAX, WINDOW_BYTES_MAX } from '../base/limits.ts';
import type { Hello } from './backup-events.ts';
import type { History } from './history.ts';
import type { Message, ReplicaId } from './messages.ts';

/** The copy that is passed on, as it is now. */
export interface RelayedLog {
  /** Of the primary at the head of the chain. */
  readonly hello: Hello;
  readonly history: History;
  readonly epoch: Epoch;
  /** Outputs up to here are known to have left. */
  readonly lsnReleased: Lsn;
}

/** The name of the one that passes on stands where a primary's does: the follower hears nobody else. */
export function relayHello(
  { hello, history, epoch, lsnReleased }: RelayedLog,
  to: ReplicaId,
): Hello {
  const { lsnFirst, lsnLast } = history;
  return {
    ...hello,
    epoch,
    primary: hello.backup,
    backup: to,
    spares: [],
    epochs: history.epochs.slice(-HISTORY_EPOCHS_MAX),
    lsnFirst,
    lsnLast,
    lsnSettled: lsnReleased,
    relay: true,
  };
}

export type FollowerState = 'greeting' | 'streaming' | 'following';

/** What a follower's word asks for. */
export type FollowerStep =
  | { readonly type: 'none' }
  /** Send what lies behind `from`. */
  | { readonly type: 'stream'; readonly from: Lsn }
  | { readonly type: 'close'; readonly reason: string };

/** One follower of a copy that grows. */
export class Follower {
  readonly peer: ReplicaId;
  #state: FollowerState = 'greeting';
  #lsnReceived: Lsn = asLsn(0);
  #lsnReplayed: Lsn = asLsn(0);
  #lsnReleasedSent: Lsn = asLsn(0);

  constructor(peer: ReplicaId) {
    this.peer = peer;
  }

  get state(): FollowerState {
    return this.#state;
  }

  get lsnReceived(): Lsn {
    return this.#lsnReceived;
  }

  get lsnReplayed(): Lsn {
    return this.#lsnReplayed;
  }

  /** `lsnLast`: of the copy that is passed on. */
  heard(message: Message, lsnLast: Lsn): FollowerStep {
    switch (message.type) {
      case 'welcome':
        if (this.#state !== 'greeting') return { type: 'close', reason: 'a second welcome' };
        if (message.lsnReceived > lsnLast)
          return { type: 'close', reason: 'has more of the log than there is' };
        this.#state = 'streaming';
        this.#lsnReceived = message.lsnReceived;
        return { type: 'stream', from: message.lsnReceived };
      case 'ack':
        if (message.lsnReceived > lsnLast)
          return { type: 'close', reason: 'acknowledged what was never sent' };
        this.#lsnReceived = message.lsnReceived;
        this.#lsnReplayed = message.lsnReplayed;
        return { type: 'none' };
      case 'refuse':
        return { type: 'close', reason: `refused: ${message.reason}` };
      case 'diverged':
        return { type: 'close', reason: 'diverged' };
      case 'hello':
      case 'transfer':
      case 'snapshot':
      case 'frames':
      case 'batch':
      case 'released':
      case 'view':
      case 'sync':
      case 'poll':
      case 'position':
      case 'heartbeat':
      case 'bye':
      case 'join':
        return { type: 'none' };
      default:
        return unreachable(message);
    }
  }

  /** All that was there has been sent: batches go out as they come. */
  streamed(): void {
    this.#state = 'following';
  }

  /** It has not been told that outputs have left up to there; from here on it counts as told. */
  tells(lsnReleased: Lsn): boolean {
    if (this.#state !== 'following' || lsnReleased <= this.#lsnReleasedSent) return false;
    this.#lsnReleasedSent = lsnReleased;
    return true;
  }
}

/** Nothing waits for a follower: one that takes less than comes in would only fill memory. */
export function isTooSlow(queuedBytes: number): boolean {
  return queuedBytes > WINDOW_BYTES_MAX;
}
