/** What the view service remembers of one replica, and which of its pings count. */

import type { Epoch, Lsn } from '../../log-format/index.ts';
import { VIEW_BOOTS_KEPT } from '../base/limits.ts';
import type { ReplicaId } from './messages.ts';

/** What a replica says of itself. */
export interface Known {
  readonly replica: ReplicaId;
  /** Of the newest view it acts in or holds the state of; 0: it has (re)started and holds nothing. */
  readonly epoch: Epoch;
  readonly role: 'primary' | 'backup' | 'spare';
  /** It holds everything that a primary of `epoch` may have let out. */
  readonly synced: boolean;
  readonly lsn: Lsn;
  /** Higher is promoted and recruited first; 0: never promoted. */
  readonly priority: number;
  /** A backup that is never promoted, whatever its priority. */
  readonly hidden: boolean;
  /** Of a backup: `up` while it hears its primary, `down` once it has closed the link for good, so that it
   * acknowledges nothing more. Undefined: it does not say. */
  readonly primaryLink: 'up' | 'down' | undefined;
  /** Of a primary: backups that must have an output's cause before it leaves; undefined: all in the view. */
  readonly needs: number | undefined;
  /** Of a primary: how many backups it would like to have. */
  readonly wants: number;
}

export interface Ping extends Known {
  /** Names the process: the same in all its pings, and in no other's. */
  readonly boot: string | undefined;
  /** Counts the pings of a process up; 0: not counted. */
  readonly seq: number;
}

export type PingOrder = 'new' | 'next' | 'reboot' | 'stale';

/** Where `ping` stands among those already seen of the same replica. */
export function pingOrder(known: KnownReplica, ping: Ping): PingOrder {
  if (ping.boot !== undefined && known.boots.slice(1).includes(ping.boot)) return 'stale';
  if (ping.boot !== known.boots[0] && known.boots[0] !== undefined)
    // Who has named its process once and does not any more is a person with curl.
    return ping.boot === undefined ? 'stale' : 'reboot';
  if (ping.seq !== 0 && ping.seq <= known.seq) return 'stale';
  return 'next';
}

export class KnownReplica {
  last: Known;
  seq = 0;
  /** The present process first. */
  boots: readonly string[] = [];
  /** It has lost its state since the view in force began. Nothing it says later takes that back. */
  restarted = false;
  /** It was the present process that said it holds nothing, and not one that took another's place. */
  #emptyHanded = false;
  #heardAt: number | undefined;
  #barred = false;

  constructor(ping: Ping) {
    this.last = ping;
  }

  /** `at` on the service's own clock. */
  heard(
    ping: Ping,
    seen: { readonly at: number; readonly restarted: boolean; readonly epochInForce: Epoch },
  ): void {
    const { boot, seq, ...known } = ping;
    // A spare that is taken into a view may have said just before that it holds nothing. What the same
    // process says later is true; where pings may overtake each other nobody knows which one is later.
    const inOrder = boot !== undefined && boot === this.boots[0] && seq > this.seq;
    const holds = inOrder && known.synced && known.epoch === seen.epochInForce;
    if (holds && this.#emptyHanded) this.restarted = false;
    if (seen.restarted)
      this.#emptyHanded =
        boot !== undefined && boot === this.boots[0] && (!this.restarted || this.#emptyHanded);
    this.last = known;
    this.seq = seq;
    if (boot !== undefined && boot !== this.boots[0])
      this.boots = [boot, ...this.boots].slice(0, 1 + VIEW_BOOTS_KEPT);
    this.restarted ||= seen.restarted;
    this.#heardAt = seen.at;
    this.#barred = false;
  }

  /** `barred`: it was in the view before and is not in this one. */
  enterView({ barred }: { readonly barred: boolean }): void {
    this.restarted = false;
    this.#emptyHanded = false;
    this.#barred = barred;
  }

  /** It has pinged, and that can still be judged by. */
  get timed(): boolean {
    return this.#heardAt !== undefined;
  }

  forgetTime(): void {
    this.#heardAt = undefined;
  }

  silentMs(time: number): number {
    return this.#heardAt === undefined ? 0 : time - this.#heardAt;
  }

  /** Holds nothing, serves nobody, and has said so since it was last in a view. */
  get idle(): boolean {
    const { role, epoch } = this.last;
    return !this.#barred && role !== 'primary' && (role === 'spare' || epoch === 0);
  }
}
