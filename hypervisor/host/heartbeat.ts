/**
 * Heartbeats between supervisors, on a link of their own: they must not queue behind batches, nor
 * stop while a long turn runs in the worker. The side that protects sends, the other echoes, and
 * both report what they hear. Judging silence is the fault detector's business
 * (protocol/fault-detector.ts); this file only says when something was heard, and when the observer
 * itself was too late to say anything.
 */

import { asMillis, type Epoch, type Millis } from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { HEARTBEAT_INTERVAL_MS, HEARTBEAT_QUEUE_BYTES_MAX } from '../base/limits.ts';
import type { Clock, Link, LinkHandlers, TimerHandle } from '../ports.ts';
import type { Message } from '../protocol/messages.ts';

export interface HeartbeatSeen {
  /** Of the sender of the beat. An older one than ours comes from a deposed primary. */
  readonly epoch: Epoch;
  readonly beat: number;
  readonly at: Millis;
  /** Only where beats are echoed to, and while the beat is one of the last few. */
  readonly roundTripMs: number | undefined;
}

export interface HeartbeatHooks {
  onBeat(seen: HeartbeatSeen): void;
  /**
   * Our own timer fired `lateMs` too late: this process was stopped, starved or busy, and silence
   * until now says nothing about the peer. Comes before the beats that waited meanwhile.
   */
  onLate(late: { readonly lateMs: number; readonly at: Millis }): void;
  /** Exactly once. After it nothing is sent or reported. */
  onClose(reason: string): void;
  /** Anything else on the link, such as a bye. */
  onMessage?(message: Message): void;
}

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly hooks: HeartbeatHooks;
  /** Asked for every beat, because it changes with the view. */
  epoch(): Epoch;
  readonly intervalMs?: number;
}

/** Beats whose sending time is kept. Older echoes count as heard, without a round trip. */
const BEATS_REMEMBERED = 256;

/** Calls back at a fixed pace and says when it could not. */
class Pulse {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #onPulse: (at: Millis) => void;
  readonly #hooks: HeartbeatHooks;
  #timer: TimerHandle | undefined;
  #stopped = false;

  constructor(options: HeartbeatOptions, onPulse: (at: Millis) => void) {
    this.#clock = options.clock;
    this.#intervalMs = options.intervalMs ?? HEARTBEAT_INTERVAL_MS;
    this.#hooks = options.hooks;
    this.#onPulse = onPulse;
    assert(this.#intervalMs > 0, 'a pulse has a pace');
    this.#arm(this.#clock.now());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #arm(from: Millis): void {
    const due = asMillis(from + this.#intervalMs);
    this.#timer = this.#clock.setTimer(due, () => this.#fire(due));
  }

  #fire(due: Millis): void {
    if (this.#stopped) return;
    const at = this.#clock.now();
    const lateMs = at - due;
    // The next pulse counts from now: a process that has slept must not catch up with a burst.
    this.#arm(lateMs >= this.#intervalMs ? at : due);
    if (lateMs >= this.#intervalMs) this.#hooks.onLate({ lateMs, at });
    if (!this.#stopped) this.#onPulse(at);
  }
}

/** Sends a beat every interval on a link it opens, and reports the echoes. */
export class HeartbeatSender {
  readonly #options: HeartbeatOptions;
  readonly #link: Link;
  readonly #pulse: Pulse;
  /** When beat `n` was sent, at `n % BEATS_REMEMBERED`. */
  readonly #sentAt: Float64Array = new Float64Array(BEATS_REMEMBERED);
  #beat = 0;

  /** `open` dials: for one `(handlers) => dialLink(address, '/heartbeat', handlers)`. */
  constructor(open: (handlers: LinkHandlers) => Link, options: HeartbeatOptions) {
    this.#options = options;
    this.#pulse = new Pulse(options, (at) => this.#send(at));
    this.#link = open({
      onMessage: (message) => this.#onMessage(message),
      onClose: (reason) => {
        this.#pulse.stop();
        options.hooks.onClose(reason);
      },
    });
  }

  stop(): void {
    this.#pulse.stop();
    this.#link.close();
  }

  #send(at: Millis): void {
    // A stopped peer: what it will not read for a while would only reach it as old news.
    if (this.#link.queuedBytes > HEARTBEAT_QUEUE_BYTES_MAX) return;
    this.#beat += 1;
    this.#sentAt[this.#beat % BEATS_REMEMBERED] = at;
    this.#link.send({ type: 'heartbeat', epoch: this.#options.epoch(), beat: this.#beat });
  }

  #onMessage(message: Message): void {
    const { clock, hooks } = this.#options;
    if (message.type !== 'heartbeat') {
      hooks.onMessage?.(message);
      return;
    }
    const at = clock.now();
    const { epoch, beat } = message;
    const age = this.#beat - beat;
    const sentAt = this.#sentAt[beat % BEATS_REMEMBERED] ?? 0;
    const known = age >= 0 && age < BEATS_REMEMBERED && beat > 0;
    hooks.onBeat({ epoch, beat, at, roundTripMs: known ? at - sentAt : undefined });
  }
}

/** Echoes the beats of an incoming link and reports them: return it as the link's handlers. */
export class HeartbeatResponder implements LinkHandlers {
  readonly #options: HeartbeatOptions;
  readonly #link: Link;
  readonly #watch: Pulse;

  constructor(link: Link, options: HeartbeatOptions) {
    this.#link = link;
    this.#options = options;
    this.#watch = new Pulse(options, () => {});
  }

  stop(): void {
    this.#watch.stop();
    this.#link.close();
  }

  onMessage(message: Message): void {
    const { clock, hooks } = this.#options;
    if (message.type !== 'heartbeat') {
      hooks.onMessage?.(message);
      return;
    }
    const { epoch, beat } = message;
    if (this.#link.queuedBytes <= HEARTBEAT_QUEUE_BYTES_MAX) {
      this.#link.send({ type: 'heartbeat', epoch: this.#options.epoch(), beat });
    }
    hooks.onBeat({ epoch, beat, at: clock.now(), roundTripMs: undefined });
  }

  onClose(reason: string): void {
    this.#watch.stop();
    this.#options.hooks.onClose(reason);
  }
}
