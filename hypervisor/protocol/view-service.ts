/**
 * The view service of one guest (MIT 6.824, lab 2, 2013 and 2015): who of its replicas is alive, by
 * their pings, and what should happen to the view. Events and the time come in, decisions go out.
 *
 * Claims of replicas stay the authority on views, and the rules that make them safe stay theirs. The
 * service does two things for them. It moves the view to a backup when the primary is dead, by the same
 * compare-and-set as everybody, and only in answer to that backup's own ping, in which it says that it
 * holds the state of the view in force: an unsynced replica is never promoted. And it tells a primary
 * which idle spares it could take in. A spare is a candidate and never named in a view by the service: a
 * replica named in a view may claim, so only a primary that has sent it everything may name it
 * (docs/decisions/0013-view-service.md).
 */

import { asEpoch, type Epoch, type Millis } from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { VIEW_FORGET_MS, VIEW_REPLICAS_MAX } from '../base/limits.ts';
import type { ReplicaId, View } from './messages.ts';
import { ViewClock } from './view-clock.ts';
import { type Known, KnownReplica, type Ping, pingOrder } from './view-replicas.ts';
import { mayMove, successor, type Verdict } from './view-succession.ts';

/** The view in force. `reserved`: the service made it, and its primary has not claimed it yet. */
export interface ViewInForce {
  readonly view: View;
  readonly reserved: boolean;
}

export type PingOutcome =
  | { readonly type: 'taken' }
  /** Set the view to `next` by compare-and-set, then call `decided` and only then `advice`. */
  | { readonly type: 'move'; readonly next: View }
  /** A late or repeated ping: it changes nothing, but its sender may be told what is in force. */
  | { readonly type: 'stale' }
  | { readonly type: 'refused'; readonly reason: string };

/** What a replica should do, in answer to its ping. */
export type Advice =
  | { readonly type: 'none' }
  /** You are primary: dial these, best first, and claim a view with each once it holds the state. */
  | { readonly type: 'recruit'; readonly spares: readonly ReplicaId[] }
  /** The view in force names you as primary and waits for you: claim it, then dial these. */
  | { readonly type: 'promoted'; readonly spares: readonly ReplicaId[] }
  /** You act as primary and another one is it, in a later epoch. */
  | { readonly type: 'deposed' }
  /** The view in force does not name you: what you hold is no longer kept up to date. */
  | { readonly type: 'dropped' }
  /** The primary is dead and nobody is promoted. */
  | { readonly type: 'waiting'; readonly reason: string };

export interface ReplicaStatus extends Known {
  readonly state: 'alive' | 'dead' | 'restarted' | 'unheard';
  /** Since the last ping; undefined: none that can be judged by. */
  readonly silentMs: number | undefined;
  readonly inView: boolean;
}

export interface ViewServiceStatus {
  readonly view: View | undefined;
  readonly reserved: boolean;
  /** The primary has pinged with the epoch in force. */
  readonly acked: boolean;
  /** The service's own clock has jumped: it judges nobody until their grace is over. */
  readonly suspended: boolean;
  readonly primary: ReplicaStatus['state'] | undefined;
  /** Who would be promoted if the primary died now, or why nobody would. */
  readonly successor: Verdict;
  readonly spares: readonly ReplicaId[];
  readonly replicas: readonly ReplicaStatus[];
}

export class ViewService {
  readonly #clock: ViewClock;
  readonly #replicas = new Map<ReplicaId, KnownReplica>();
  #current: ViewInForce | undefined;
  /** When the view in force was learnt, on the service's own clock: its members' grace runs from here. */
  #currentSince: number;
  /** Backups an output needs in the view in force, at the least; undefined: its primary has not acked. */
  #needs: number | undefined;
  #deciding = false;

  /** `current` as the arbiter has it on disk: after a restart everybody gets the grace of a start. */
  constructor(current: ViewInForce | undefined, now: Millis) {
    this.#clock = new ViewClock(now);
    this.#current = current;
    this.#currentSince = this.#clock.time;
  }

  get current(): ViewInForce | undefined {
    return this.#current;
  }

  /** Nobody has pinged for so long that nothing is known any more. */
  get idle(): boolean {
    return this.#replicas.size === 0 && !this.#deciding;
  }

  /** Call every VIEW_PING_MS: a call that comes late is how the service notices that it was asleep. */
  tick(now: Millis): void {
    this.#look(now);
    for (const [name, one] of this.#replicas) {
      if (!this.#names(name) && one.silentMs(this.#clock.time) > VIEW_FORGET_MS)
        this.#replicas.delete(name);
    }
  }

  ping(ping: Ping, now: Millis): PingOutcome {
    this.#look(now);
    const epoch = this.#epoch;
    if (ping.epoch > epoch) {
      const reason = `epoch ${ping.epoch} is in the future: the view in force has ${epoch}`;
      return { type: 'refused', reason };
    }
    const before = this.#replicas.get(ping.replica);
    if (before === undefined && this.#replicas.size >= VIEW_REPLICAS_MAX)
      return { type: 'refused', reason: `${VIEW_REPLICAS_MAX} replicas ping already` };
    const order = before === undefined ? 'new' : pingOrder(before, ping);
    if (order === 'stale') return { type: 'stale' };
    const replica = before ?? new KnownReplica(ping);
    this.#replicas.set(ping.replica, replica);
    const restarted = order === 'reboot' || (ping.epoch === 0 && !this.#starts(ping));
    replica.heard(ping, {
      at: this.#clock.time,
      restarted: restarted && this.#names(ping.replica),
      epochInForce: epoch,
    });
    this.#noteAck(replica);
    return this.#decide(ping);
  }

  /** The view in force is this one: a claim was won, or a move of the service's own. */
  decided(current: ViewInForce, now: Millis): void {
    this.#look(now);
    this.#deciding = false;
    const before = this.#current;
    if (before !== undefined && current.view.epoch < before.view.epoch) return;
    this.#current = current;
    if (current.view.epoch === before?.view.epoch) return;
    this.#currentSince = this.#clock.time;
    this.#needs = undefined;
    for (const [name, one] of this.#replicas) {
      const was = before !== undefined && namedIn(before.view, name);
      // Who was in the last view, or crashed in it, has to say anew that it is idle.
      one.enterView({ barred: was && !this.#names(name) });
    }
  }

  /** The move could not be made; a later ping may ask for it again. */
  undecided(): void {
    this.#deciding = false;
  }

  /** `pool`: spares that would serve any guest, best first. */
  advice(replica: ReplicaId, pool: readonly ReplicaId[] = []): Advice {
    const known = this.#replicas.get(replica);
    const current = this.#current;
    if (known === undefined || current === undefined) return { type: 'none' };
    const { role, epoch } = known.last;
    const old = epoch < current.view.epoch;
    if (this.#leads(replica)) {
      if (known.restarted) return { type: 'none' };
      const spares = this.#wanted(known.last.wants, pool);
      if (current.reserved) return { type: 'promoted', spares };
      if (role !== 'primary' || old) return { type: 'none' };
      return spares.length === 0 ? { type: 'none' } : { type: 'recruit', spares };
    }
    if (role === 'primary' && epoch > 0) return { type: 'deposed' };
    if (role !== 'backup' || epoch === 0) return { type: 'none' };
    // A newcomer in transfer is not in the view yet; it does not say that it is synced either.
    if (!this.#names(replica)) return known.last.synced ? { type: 'dropped' } : { type: 'none' };
    if (this.#state(current.view.primary) === 'alive') return { type: 'none' };
    const verdict = this.#verdict();
    return verdict.type === 'none' ? { type: 'waiting', reason: verdict.reason } : { type: 'none' };
  }

  /** Replicas that hold nothing and could be dialled, best first. */
  spares(): readonly ReplicaId[] {
    const idle = [...this.#replicas.values()].filter(
      (one) => one.idle && !this.#names(one.last.replica) && !this.#isDead(one),
    );
    idle.sort((a, b) => b.last.priority - a.last.priority || byName(a, b));
    return idle.map((one) => one.last.replica);
  }

  status(): ViewServiceStatus {
    const { view, reserved = false } = this.#current ?? {};
    const replicas = [...this.#replicas.values()].map((one): ReplicaStatus => {
      const { replica } = one.last;
      const silentMs = one.timed ? Math.round(one.silentMs(this.#clock.time)) : undefined;
      return { ...one.last, state: this.#state(replica), silentMs, inView: this.#names(replica) };
    });
    return {
      view,
      reserved,
      acked: this.#needs !== undefined,
      suspended: this.#clock.suspended,
      primary: view === undefined ? undefined : this.#state(view.primary),
      successor: this.#verdict(),
      spares: this.spares(),
      replicas,
    };
  }

  get #epoch(): Epoch {
    return this.#current?.view.epoch ?? asEpoch(0);
  }

  #look(now: Millis): void {
    if (!this.#clock.advance(now)) return;
    // We were asleep: what was heard before is no ground to judge by.
    this.#currentSince = this.#clock.time;
    for (const one of this.#replicas.values()) one.forgetTime();
  }

  /** A guest that has just started holds its whole state, though it knows of no view yet. */
  #starts({ replica, role, synced }: Ping): boolean {
    const first = this.#epoch <= 1 && this.#needs === undefined;
    return first && role === 'primary' && synced && (this.#epoch === 0 || this.#leads(replica));
  }

  /** The primary acts in the view in force: it has sent its state to everyone whom it named. */
  #noteAck({ last, restarted }: KnownReplica): void {
    if (!this.#leads(last.replica) || last.role !== 'primary' || restarted) return;
    if (last.epoch !== this.#epoch) return;
    const needs = last.needs ?? VIEW_REPLICAS_MAX;
    this.#needs = Math.min(this.#needs ?? needs, needs);
  }

  #decide(ping: Ping): PingOutcome {
    if (this.#deciding) return { type: 'taken' };
    const next = this.#next(ping);
    if (next === undefined) return { type: 'taken' };
    assert(next.epoch === this.#epoch + 1, 'view numbers count up by one');
    this.#deciding = true;
    return { type: 'move', next };
  }

  #next(ping: Ping): View | undefined {
    const { replica } = ping;
    const current = this.#current;
    if (current === undefined) {
      // The first view is for the replica that has started the guest; a spare has none to serve.
      return this.#starts(ping) ? { epoch: asEpoch(1), primary: replica, backups: [] } : undefined;
    }
    const { view } = current;
    if (!view.backups.includes(replica) || !mayMove(this.#state(view.primary))) return undefined;
    const verdict = this.#verdict();
    if (verdict.type !== 'promote' || verdict.replica !== replica) return undefined;
    return { epoch: asEpoch(view.epoch + 1), primary: replica, backups: [] };
  }

  #verdict(): Verdict {
    const view = this.#current?.view;
    if (view === undefined) return { type: 'none', reason: 'there is no view yet' };
    return successor(view, {
      find: (name) => this.#replicas.get(name),
      alive: (name) => this.#state(name) === 'alive',
      needs: this.#needs ?? 1,
      asIfGone: this.#state(view.primary) === 'alive',
    });
  }

  /** Of the backups it has, those that are not gone count, and newcomers in transfer. */
  #wanted(wants: number, pool: readonly ReplicaId[]): readonly ReplicaId[] {
    const backups = this.#current?.view.backups ?? [];
    const has = backups.filter((name) => ['alive', 'unheard'].includes(this.#state(name)));
    const joining = [...this.#replicas.values()].filter(
      ({ last: { role, replica, synced } }) =>
        role === 'backup' && !synced && !this.#names(replica) && this.#state(replica) === 'alive',
    );
    const missing = Math.max(0, wants - has.length - joining.length);
    const others = pool.filter((name) => !this.#replicas.has(name) && !this.#names(name));
    return [...this.spares(), ...others].slice(0, missing);
  }

  #state(name: ReplicaId): ReplicaStatus['state'] {
    const one = this.#replicas.get(name);
    if (one?.restarted === true) return 'restarted';
    if (one?.timed === true) return this.#isDead(one) ? 'dead' : 'alive';
    // Never heard, or not since our clock jumped: grace from there on.
    return this.#clock.graceOver(this.#currentSince) ? 'dead' : 'unheard';
  }

  #isDead(one: KnownReplica): boolean {
    return !one.timed || this.#clock.missed(one.silentMs(this.#clock.time));
  }

  #leads(name: ReplicaId): boolean {
    return this.#current?.view.primary === name;
  }

  #names(name: ReplicaId): boolean {
    return this.#current !== undefined && namedIn(this.#current.view, name);
  }
}

function namedIn(view: View, name: ReplicaId): boolean {
  return view.primary === name || view.backups.includes(name);
}

function byName(a: KnownReplica, b: KnownReplica): number {
  return a.last.replica < b.last.replica ? -1 : 1;
}
