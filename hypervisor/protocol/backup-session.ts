/**
 * A primary's view of one backup, from the first hello to the day it leaves. Joining goes through
 * the states in order; a backup that is gone stays `lost` until a view without it is decided.
 *
 * greeting    hello sent
 * streaming   the log from its start is on its way; new batches wait in `backlog`
 * catchingUp  the backlog is sent; batches go out as they are made
 * gated       outputs wait for its acks, whether or not it is in the view yet
 * lost        no more messages; its last ack still counts while a view names it
 */

import {
  asLsn,
  asMillis,
  type EncodedBatch,
  type Lsn,
  type Millis,
} from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../base/limits.ts';
import { FaultDetector } from './fault-detector.ts';
import { LogWindow } from './log-window.ts';
import type { ReplicaId } from './messages.ts';

export type SessionState = 'greeting' | 'streaming' | 'catchingUp' | 'gated' | 'lost';

/** A reason to give the backup up, or `tilted`: the observer was asleep itself. */
export type Overdue = 'no answer to the hello' | 'silent' | 'tilted';

export class BackupSession {
  readonly peer: ReplicaId;
  readonly window: LogWindow = new LogWindow();
  readonly detector: FaultDetector;
  readonly #greetedBy: Millis;
  #state: SessionState = 'greeting';
  #linked = true;
  #backlog: EncodedBatch[] = [];
  #backlogBytes = 0;
  /** Acks must reach this before outputs may wait for them: else the guest would stall. */
  #lsnTarget: Lsn = asLsn(0);
  /** What the backup was last told about released outputs. */
  lsnReleasedSent: Lsn = asLsn(0);

  constructor(peer: ReplicaId, options: { readonly detectMs: number; readonly now: Millis }) {
    this.peer = peer;
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
    return this.#state === 'catchingUp' || this.#state === 'gated';
  }

  /** Bytes on the primary's side that wait for this backup. */
  get pendingBytes(): number {
    return this.#backlogBytes + this.window.bytes;
  }

  welcomed(now: Millis): void {
    assert(this.#state === 'greeting', 'a welcome answers a hello');
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
  streamed(lastLsn: Lsn, lsnAppended: Lsn): readonly EncodedBatch[] {
    assert(this.#state === 'streaming', 'a stream ends once');
    this.#state = 'catchingUp';
    this.#lsnTarget = lsnAppended;
    this.window.streamed(lastLsn);
    const rest = this.#backlog.filter((batch) => batch.firstLsn > lastLsn);
    this.#backlog = [];
    this.#backlogBytes = 0;
    return rest;
  }

  /** False if the ack cannot be true. */
  acked(lsnReceived: Lsn, lsnReplayed: Lsn): boolean {
    if (!this.window.acked(lsnReceived, lsnReplayed)) return false;
    if (this.#state === 'catchingUp' && this.window.lsnAcked >= this.#lsnTarget) {
      this.#state = 'gated';
    }
    return true;
  }

  lose(options: { readonly linked: boolean }): void {
    this.#state = 'lost';
    this.#linked = options.linked;
    this.#backlog = [];
    this.#backlogBytes = 0;
  }

  deadline(): Millis | undefined {
    if (this.#state === 'lost') return undefined;
    return this.#state === 'greeting' ? this.#greetedBy : this.detector.deadline();
  }

  /** What the silence of this backup means at `now`; undefined: nothing yet. */
  overdue(now: Millis): Overdue | undefined {
    const deadline = this.deadline();
    if (deadline === undefined || now < deadline) return undefined;
    if (this.#state === 'greeting') return 'no answer to the hello';
    const verdict = this.detector.check(now);
    if (verdict === 'alive') return undefined;
    return verdict === 'suspect' ? 'silent' : 'tilted';
  }
}
