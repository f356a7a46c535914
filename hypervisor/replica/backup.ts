/**
 * The shell of a backup: keeps the copy of the log, feeds the replaying machine and acknowledges.
 * Runs apart from the machine's thread, so that an ack never waits for a long replay. It ends with a
 * handover, a deliberate stop or a divergence; a copy that lost is thrown away and the same shell
 * waits for the next primary to dial.
 */

import { asLsn, asMillis, type Lsn, toHex } from '../../log-format/index.ts';
import { assert, defined, unreachable } from '../base/assert.ts';
import {
  HELD_ACK_MS,
  LAG_ACK_MS_MAX,
  LAG_RECORDS_FREE,
  LAG_RECORDS_PER_MS,
  REPLAY_ACK_MS,
} from '../base/limits.ts';
import type { Link, LinkHandlers, TimerHandle } from '../ports.ts';
import { BackupCore } from '../protocol/backup.ts';
import type { BackupEffect, BackupEvent } from '../protocol/backup-events.ts';
import type { Message, ReplicaId, View } from '../protocol/messages.ts';
import type { Note } from '../protocol/notes.ts';
import { ask } from './ask.ts';
import type { BackupConfig, BackupHooks, BackupOutcome, BackupPorts } from './hooks.ts';
import { LogCopy } from './log-copy.ts';
import type { LogCopyHandlers, PassableCopy } from './log-copy-types.ts';
import { Stepper } from './stepper.ts';

const TOKEN_BYTES = 16;

export interface BackupSetup {
  readonly ports: BackupPorts;
  readonly config: BackupConfig;
  readonly hooks: BackupHooks;
}

/** How long an ack waits when `lag` records are received and not replayed. */
export function lagAckMs(lag: number): number {
  const excess = lag - LAG_RECORDS_FREE;
  return excess <= 0 ? 0 : Math.min(excess / LAG_RECORDS_PER_MS, LAG_ACK_MS_MAX);
}

export class BackupReplica {
  readonly #setup: BackupSetup;
  readonly #ports: BackupPorts;
  readonly #core: BackupCore;
  readonly #stepper: Stepper<BackupEvent, BackupEffect>;
  readonly #links = new Map<number, Link>();
  #linkLast = 0;
  #copy: LogCopy | undefined;
  /** Number of the newest copy. */
  #copyLast = 0;
  #ackDue = false;
  #ackHeld = false;
  #lastAck: ReturnType<BackupCore['ack']>;
  #ackTimer: TimerHandle | undefined;
  /** Set when the end is decided and only the replay under way is waited for. */
  #final: (() => void) | undefined;
  #ended = false;

  constructor(setup: BackupSetup) {
    const { ports, config } = setup;
    this.#setup = setup;
    this.#ports = ports;
    this.#core = new BackupCore({
      newToken: () => toHex(ports.entropy.bytes(TOKEN_BYTES)),
      refuses: (hello) => config.refuses(hello),
      priority: config.priority,
      hidden: config.hidden,
      cold: config.cold,
      standing: (hello) => config.standing(hello),
    });
    this.#stepper = new Stepper({
      clock: ports.clock,
      core: this.#core,
      perform: (effect) => this.#perform(effect),
      deadline: (now) => ({ type: 'deadline', now }),
      settled: () => this.#settled(),
    });
  }

  get core(): Pick<
    BackupCore,
    'phase' | 'epoch' | 'view' | 'synced' | 'lsnReceived' | 'following'
  > {
    return this.#core;
  }

  /** The primary it follows: who wants its heartbeats. */
  get following(): ReplicaId | undefined {
    return this.#core.following;
  }

  get lsnReplayed(): Lsn {
    return this.#copy?.lsnReplayed ?? asLsn(0);
  }

  /** What it has is still being opened or restored: there is no machine to take over with. */
  get opening(): boolean {
    return this.#copy?.opening ?? false;
  }

  /** A connection from somebody; its first message must be a hello. */
  accept(link: Link): LinkHandlers {
    this.#linkLast += 1;
    const id = this.#linkLast;
    this.#links.set(id, link);
    return {
      onMessage: (message) => {
        if (!this.#links.has(id)) return;
        this.#step({ type: 'message', now: this.#now(), link: id, message });
      },
      onClose: (reason) => {
        if (!this.#links.delete(id)) return;
        this.#step({ type: 'closed', now: this.#now(), link: id, reason });
      },
    };
  }

  /** A heartbeat of the primary's supervisor. */
  heartbeat(): void {
    const now = this.#now();
    this.#step({ type: 'beat', now, at: now });
  }

  /** The supervisor has given the primary up. */
  suspect(reason: string): void {
    this.#step({ type: 'suspect', now: this.#now(), reason });
  }

  /** The files of its copy are gone: while it follows a primary, which has all of it, it drops the rest. */
  lost(reason: string): void {
    this.#step({ type: 'lost', now: this.#now(), reason });
  }

  /** Its operator has decided that it is primary of `view`, dead or not the one it follows. */
  force(view: View): void {
    this.#step({ type: 'force', now: this.#now(), view });
  }

  /** Its copy of the log, for replicas that follow it; undefined: there is nothing in it yet. */
  get passable(): PassableCopy | undefined {
    return this.#copy?.passable;
  }

  #now(): ReturnType<BackupPorts['clock']['now']> {
    return this.#ports.clock.now();
  }

  #step(event: BackupEvent): void {
    if (!this.#ended) this.#stepper.step(event);
  }

  #settled(): void {
    const busy = this.#copy !== undefined && (this.#copy.replaying || this.#copy.opening);
    if (this.#final !== undefined && !busy) {
      const final = this.#final;
      this.#final = undefined;
      final();
    }
  }

  #perform(effect: BackupEffect): void {
    switch (effect.type) {
      case 'send':
        this.#links.get(effect.link)?.send(effect.message);
        return;
      case 'close':
        this.#close(effect.link);
        return;
      case 'open':
        this.#open(effect);
        return;
      case 'join':
        this.#join(effect);
        return;
      case 'snapshot':
        this.#copy?.snapshotPiece(effect.name, effect.offset, effect.bytes);
        return;
      case 'sync':
        this.#copy?.sync();
        return;
      case 'poll':
        for (const peer of effect.peers) this.#poll(peer, effect.message);
        return;
      case 'intake':
        this.#copy?.frames(effect.bytes);
        return;
      case 'append':
        this.#copy?.append(effect.batch);
        return;
      case 'ack':
        this.#ackSoon();
        return;
      case 'forget':
        this.#copy?.forget(effect.lsn);
        return;
      case 'ask': {
        const arbiter = this.#copy?.arbiter;
        assert(arbiter !== undefined, 'who asks the arbiter has a copy');
        ask(arbiter, effect.question, (token, answer) =>
          this.#step({ type: 'answer', now: this.#now(), token, answer }),
        );
        return;
      }
      case 'reset':
        this.#copy?.discard();
        this.#copy = undefined;
        return;
      case 'promote':
        this.#copy?.pause();
        this.#final = () => this.#promote(effect.view);
        return;
      case 'finish':
        this.#finish(effect);
        return;
      case 'fail': {
        const { lsn, report } = effect;
        this.#copy?.discard();
        this.#end({ type: 'diverged', lsn, report });
        return;
      }
      case 'note':
        this.#note(effect.note);
        return;
      default:
        unreachable(effect);
    }
  }

  #note(note: Note): void {
    this.#setup.hooks.note(note, this.#ports.clock.wall());
  }

  #close(id: number): void {
    const link = this.#links.get(id);
    this.#links.delete(id);
    link?.close();
  }

  #open({ hello, from, how }: BackupEffect & { readonly type: 'open' }): void {
    const old = this.#copy;
    if (how === 'keep') {
      old?.continued(hello);
      return;
    }
    const { cold } = this.#setup.config;
    const options = { ports: this.#ports, hello, cold, handlers: this.#handlers() };
    if (how === 'fresh') {
      old?.discard();
      this.#copy = LogCopy.empty(options);
      return;
    }
    this.#copy = LogCopy.reopen(options, from, (act) => this.#free(old, act));
  }

  #join({ hello, lsn, files }: BackupEffect & { readonly type: 'join' }): void {
    const old = this.#copy;
    const { cold } = this.#setup.config;
    const options = { ports: this.#ports, hello, cold, handlers: this.#handlers() };
    this.#copy = LogCopy.join(options, { lsn, files }, (act) => this.#free(old, act));
  }

  /** What the old copy still has to write must be on the disk before that is read or removed. */
  #free(old: LogCopy | undefined, act: (facts: { readonly lsnReleased: Lsn }) => void): void {
    const lsnReleased = old?.lsnReleased ?? asLsn(0);
    if (old === undefined) act({ lsnReleased });
    else old.discard(() => act({ lsnReleased }));
  }

  /** News of a copy that was given up is no news. */
  #handlers(): LogCopyHandlers {
    const copyAtWork = this.#copyLast + 1;
    this.#copyLast = copyAtWork;
    const step = (event: BackupEvent): void => {
      if (copyAtWork === this.#copyLast && !this.#ended) this.#step(event);
    };
    return {
      logged: (lastLsn, view, stop, history) =>
        step({ type: 'logged', now: this.#now(), lastLsn, view, stop, history }),
      replayed: (lsn, outputsCrc) => {
        step({ type: 'replayed', now: this.#now(), lsn, outputsCrc });
        if (copyAtWork === this.#copyLast) this.#ackReplay();
      },
      durable: (lsn) => step({ type: 'durable', now: this.#now(), lsn }),
      diverged: (lsn, report) => step({ type: 'diverged', now: this.#now(), lsn, report }),
      damaged: (reason) => step({ type: 'damaged', now: this.#now(), reason }),
    };
  }

  /** One question on a link of its own. */
  #poll(peer: ReplicaId, message: Message): void {
    const link = this.#ports.dial(peer, {
      onMessage: (answer) => {
        if (answer.type === 'position')
          this.#step({ type: 'position', now: this.#now(), position: answer });
        link.close();
      },
      // No answer is an answer: it is asked again.
      onClose: () => undefined,
    });
    link.send(message);
  }

  #ackReplay(): void {
    const copy = this.#copy;
    const held = this.#ackHeld && !(copy?.overloaded ?? false);
    if (held || (copy?.awaited ?? false)) this.#ackSoon();
    else if (!(copy?.replaying ?? false)) this.#ackLater();
  }

  /**
   * Once per turn of the host's loop, however many batches came in it; later while the replay lags, so
   * that outputs and with them the guest's clients slow down in small steps until it has caught up
   * (execution lag, VMware FT 2010, 2.4.1).
   */
  #ackSoon(): void {
    if (this.#ackDue) return;
    this.#ackDue = true;
    const send = (): void => {
      this.#ackDue = false;
      this.#ack();
    };
    const { clock } = this.#ports;
    const wait = lagAckMs(this.#core.lsnReceived - this.lsnReplayed);
    if (wait === 0) clock.defer(send);
    else clock.setTimer(asMillis(clock.now() + wait), send);
  }

  #ackLater(): void {
    const at = asMillis(this.#now() + REPLAY_ACK_MS);
    this.#ackTimer ??= this.#ports.clock.setTimer(at, () => {
      this.#ackTimer = undefined;
      this.#ack();
    });
  }

  #ack(): void {
    // Held back, so that the primary's window fills and the guest slows down to the replay's pace.
    this.#ackHeld = this.#copy?.overloaded ?? false;
    this.#ackTimer?.cancel();
    this.#ackTimer = undefined;
    if (this.#ackHeld) {
      this.#ackAgain();
      return;
    }
    const ack = this.#core.ack();
    if (ack !== undefined) this.#links.get(ack.link)?.send(ack.message);
    this.#lastAck = ack;
  }

  /** Says the same once more, and later again: only the link's own news tells a slow backup from a dead link. */
  #ackAgain(): void {
    const last = this.#lastAck;
    if (last !== undefined) this.#links.get(last.link)?.send(last.message);
    const { clock } = this.#ports;
    this.#ackTimer = clock.setTimer(asMillis(clock.now() + HELD_ACK_MS), () => {
      this.#ackTimer = undefined;
      this.#ack();
    });
  }

  #promote(view: View): void {
    const copy = defined(this.#copy, 'a winner has a copy');
    const { handover, estate } = copy.handover(view);
    this.#release();
    this.#setup.hooks.promoted(handover, estate);
  }

  #finish(stop: { readonly code: number; readonly reason: string }): void {
    const { code, reason } = stop;
    this.#final = () => {
      const copy = defined(this.#copy, 'a stop ends a copy');
      if (!this.#failed(copy)) copy.seal(() => this.#end({ type: 'stopped', code, reason }));
    };
  }

  /** The last replay differed when the stop was decided already: nothing may go on from this copy. */
  #failed(copy: LogCopy): boolean {
    if (copy.divergence === undefined) return false;
    copy.discard();
    this.#end({ type: 'diverged', ...copy.divergence });
    return true;
  }

  #end(outcome: BackupOutcome): void {
    this.#release();
    this.#setup.hooks.ended(outcome);
  }

  #release(): void {
    this.#ended = true;
    this.#ackTimer?.cancel();
    this.#stepper.close();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }
}
