/**
 * A primary's view of one backup, from the first hello to the day it leaves. Joining goes through
 * the states in order; a backup that is gone stays `lost` until a view without it is decided.
 *
 * greeting    hello sent
 * streaming   what it lacks of the log is on its way; new batches wait in `backlog`
 * catchingUp  the backlog is sent; batches go out as they are made
 * gated       outputs wait for its acks, whether or not it is in the view yet
 * observing   caught up, and to stay out of the view: hidden
 * lost        no more messages; its last ack still counts while a view names it
 */

import {
  asLsn,
  asMillis,
  type EncodedBatch,
  type Lsn,
  type Millis,
} from '../../log-format/index.ts';
import { assert, unreachable } from '../base/assert.ts';
import {
  HANDSHAKE_TIMEOUT_MS,
  LINK_SILENT_FACTOR,
  LINK_SILENT_MS_MIN,
  STALL_DROP_MS,
} from '../base/limits.ts';
import type { AckLevel } from './ack-level.ts';
import { earlier } from './deadlines.ts';
import { FaultDetector } from './fault-detector.ts';
import { LogWindow } from './log-window.ts';
import type { Message, ReplicaId } from './messages.ts';

export type SessionState = 'greeting' | 'streaming' | 'catchingUp' | 'gated' | 'observing' | 'lost';

/** A reason to give the backup up, or `tilted`: the observer was asleep itself. */
export type Overdue = 'no answer to the hello' | 'silent' | 'stalled' | 'tilted';

export type Welcome = Message & { readonly type: 'welcome' };
export type Ack = Message & { readonly type: 'ack' };

/** What became of an ack. `untrue`: it claims what was never sent. */
export type AckVerdict = 'taken' | 'untrue' | 'differs';

/** Acks must come to this before outputs may wait for them: else the guest would stall. */
export interface JoinTarget {
  /** Whatever the log had when the transfer was over: some of it may have left, in this life or before. */
  readonly lsnReceived: Lsn;
  /** At the level of the run. */
  readonly lsnReached: Lsn;
}

export interface SessionOptions {
  readonly detectMs: number;
  readonly now: Millis;
  readonly level: AckLevel;
}

export class BackupSession {
  readonly peer: ReplicaId;
  readonly window: LogWindow = new LogWindow();
  readonly detector: FaultDetector;
  readonly #greetedBy: Millis;
  #state: SessionState = 'greeting';
  #linked = true;
  #backlog: EncodedBatch[] = [];
  #backlogBytes = 0;
  #target: JoinTarget = { lsnReceived: asLsn(0), lsnReached: asLsn(0) };
  #lsnDurable: Lsn = asLsn(0);
  #lsnVerified: Lsn = asLsn(0);
  #acks = 0;
  #welcome: Welcome | undefined;
  #early: Ack | undefined;
  /** Of the last ack that moved, or the first batch after all were acknowledged. */
  #movedAt: Millis;
  /** Of the last message on the link, or the first batch after all were acknowledged. */
  #saidAt: Millis;
  readonly #linkSilentMs: number;
  readonly #level: AckLevel;
  /** What the backup was last told about released outputs. */
  lsnReleasedSent: Lsn = asLsn(0);

  constructor(peer: ReplicaId, options: SessionOptions) {
    this.peer = peer;
    this.#level = options.level;
    this.#movedAt = options.now;
    this.#saidAt = options.now;
    this.#linkSilentMs = Math.max(LINK_SILENT_MS_MIN, options.detectMs * LINK_SILENT_FACTOR);
    this.detector = new FaultDetector(options.detectMs);
    this.#greetedBy = asMillis(options.now + HANDSHAKE_TIMEOUT_MS);
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Messages can still be sent. A lost session may be linked until it has been told why. */
  get linked(): boolean {
    return this.#linked;
  }

  /** Batches go out as they are made. */
  get live(): boolean {
    return this.#state === 'catchingUp' || this.#state === 'gated' || this.#state === 'observing';
  }

  /** Preferred for a takeover: more comes first. */
  get priority(): number {
    return this.#welcome?.priority ?? 0;
  }

  get hidden(): boolean {
    return this.#welcome?.hidden ?? false;
  }

  get cold(): boolean {
    return this.#welcome?.cold ?? false;
  }

  /** How many have come: one that comes after a question shows that somebody is there. */
  get acks(): number {
    return this.#acks;
  }

  /** On the backup's disk. */
  get lsnDurable(): Lsn {
    return this.#lsnDurable;
  }

  /**
   * Every record up to here is as safe on this backup as `level` asks. One that runs nothing cannot be
   * asked for more than to have it; a rule that waits for replays does not take it.
   */
  position(level: AckLevel): number {
    switch (level) {
      case 'async':
        return Infinity;
      case 'received':
        return this.window.lsnAcked;
      case 'replayed':
        return this.cold ? this.window.lsnAcked : this.window.lsnReplayed;
      case 'verified':
        return this.cold ? this.window.lsnAcked : this.#lsnVerified;
      case 'durable':
        return this.#lsnDurable;
      default:
        return unreachable(level);
    }
  }

  /** Bytes on the primary's side that wait for this backup. */
  get pendingBytes(): number {
    return this.#backlogBytes + this.window.bytes;
  }

  welcomed(welcome: Welcome, now: Millis): void {
    assert(this.#state === 'greeting', 'a welcome answers a hello');
    this.#welcome = welcome;
    this.detector.start(now);
    this.#state = 'streaming';
  }

  /** Keeps a batch made while the log is being streamed: the stream may or may not include it. */
  keep(batch: EncodedBatch): void {
    assert(this.#state === 'streaming', 'only a stream needs a backlog');
    this.#backlog.push(batch);
    this.#backlogBytes += batch.bytes.length;
  }

  /**
   * The stream ended with `lastLsn`. Returns the batches to send behind it, oldest first. Records at
   * or below `lastLsn` are in the stream and are sent once only (either before or after the state
   * transfer, never both: rule 5 of primary/backup replication, MIT 6.824 lecture 3, 2015).
   */
  streamed(lastLsn: Lsn, target: JoinTarget): readonly EncodedBatch[] {
    assert(this.#state === 'streaming', 'a stream ends once');
    this.#state = 'catchingUp';
    this.#target = target;
    this.window.streamed(lastLsn);
    const rest = this.#backlog.filter((batch) => batch.firstLsn > lastLsn);
    this.#backlog = [];
    this.#backlogBytes = 0;
    return rest;
  }

  /** An ack that came while the log was being streamed. */
  early(ack: Ack): void {
    if (this.#state === 'streaming') this.#early = ack;
  }

  takeEarly(): Ack | undefined {
    const early = this.#early;
    this.#early = undefined;
    return early;
  }

  /** A batch goes out at `now`. */
  shipped(batch: EncodedBatch, now: Millis): void {
    if (this.window.bytes === 0) {
      this.#movedAt = now;
      this.#saidAt = now;
    }
    const { firstLsn, lastLsn, bytes } = batch;
    this.window.shipped({ firstLsn, lastLsn, bytes: bytes.length });
  }

  /** `outputsCrc`: the primary's own of the record, if it is still known. */
  acked(ack: Ack, now: Millis, outputsCrc: (lsn: Lsn) => number | undefined): AckVerdict {
    const { lsnReceived, lsnReplayed } = ack;
    this.#saidAt = now;
    this.#acks += 1;
    const moved = lsnReceived > this.window.lsnAcked;
    if (!this.window.acked(lsnReceived, lsnReplayed) || ack.lsnDurable > lsnReceived)
      return 'untrue';
    if (moved) this.#movedAt = now;
    this.#lsnDurable = asLsn(Math.max(this.#lsnDurable, ack.lsnDurable));
    const own = outputsCrc(lsnReplayed);
    if (own !== undefined) {
      if (own !== ack.outputsCrc) return 'differs';
      this.#lsnVerified = asLsn(Math.max(this.#lsnVerified, lsnReplayed));
    }
    const { lsnReceived: has, lsnReached } = this.#target;
    const reached = this.window.lsnAcked >= has && this.position(this.#level) >= lsnReached;
    if (this.#state === 'catchingUp' && reached) this.#state = this.hidden ? 'observing' : 'gated';
    return 'taken';
  }

  lose(options: { readonly linked: boolean }): void {
    this.#state = 'lost';
    this.#linked = options.linked;
    this.#backlog = [];
    this.#backlogBytes = 0;
  }

  deadline(): Millis | undefined {
    if (this.#state === 'lost') return undefined;
    if (this.#state === 'greeting') return this.#greetedBy;
    return earlier(this.detector.deadline(), this.#stalledAt);
  }

  /** Silence is one thing; a peer that beats and takes nothing keeps the guest waiting as well. */
  get #stalledAt(): Millis | undefined {
    if (this.window.bytes === 0) return undefined;
    // Nobody waits for one that joins, and it may be reading its disk: it has the longer time.
    const silent = this.#state === 'gated' ? this.#linkSilentMs : STALL_DROP_MS;
    return asMillis(Math.min(this.#movedAt + STALL_DROP_MS, this.#saidAt + silent));
  }

  /** What the silence of this backup means at `now`; undefined: nothing yet. */
  overdue(now: Millis): Overdue | undefined {
    const deadline = this.deadline();
    if (deadline === undefined || now < deadline) return undefined;
    if (this.#state === 'greeting') return 'no answer to the hello';
    if (this.#stalledAt !== undefined && now >= this.#stalledAt) return 'stalled';
    const verdict = this.detector.check(now);
    if (verdict === 'alive') return undefined;
    return verdict === 'suspect' ? 'silent' : 'tilted';
  }
}
