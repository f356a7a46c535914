/**
 * The view services of all guests of an arbiter (protocol/view-service.ts), with a clock and a disk: pings
 * come in, and what they decide is made by the same compare-and-set as every claim.
 */

import { randomUUID } from 'node:crypto';
import { asEpoch, asMillis } from '../../log-format/index.ts';
import { ARBITER_WATCHED_MAX, VIEW_PING_MS } from '../base/limits.ts';
import type { Clock, TimerHandle } from '../ports.ts';
import type { View } from '../protocol/messages.ts';
import type { Ping } from '../protocol/view-replicas.ts';
import { type Advice, ViewService, type ViewServiceStatus } from '../protocol/view-service.ts';
import type { ViewRecord } from './arbiter-file.ts';
import type { ArbiterStore } from './arbiter-store.ts';
import { POOL } from './arbiter-words.ts';

export type WatchAnswer =
  | {
      readonly type: 'taken';
      readonly record: ViewRecord | undefined;
      readonly advice: Advice;
    }
  | { readonly type: 'refused'; readonly reason: string };

export interface WatchOptions {
  readonly store: ArbiterStore;
  readonly clock: Clock;
  /** The clock has jumped; nobody is judged for a while. */
  readonly suspended: () => void;
}

export class ArbiterWatch {
  readonly #options: WatchOptions;
  readonly #services = new Map<string, ViewService>();
  readonly #pool: ViewService;
  #timer: TimerHandle;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#pool = new ViewService(undefined, options.clock.now());
    this.#timer = this.#arm();
  }

  get watched(): number {
    return this.#services.size;
  }

  get suspended(): boolean {
    return this.#pool.status().suspended;
  }

  /** Spares that would serve any guest, best first. */
  get pool(): readonly string[] {
    return this.#pool.spares();
  }

  close(): void {
    this.#timer.cancel();
  }

  /** A view of the store came into force: call it before anybody is told. */
  changed(record: ViewRecord): void {
    const { view, reserved } = record;
    this.#services.get(record.vm)?.decided({ view, reserved }, this.#options.clock.now());
  }

  async ping(vm: string, ping: Ping): Promise<WatchAnswer> {
    const { store, clock } = this.#options;
    if (vm === POOL) return this.#pingPool(ping);
    const service = this.#service(vm);
    if (service === undefined)
      return {
        type: 'refused',
        reason: `the pings of ${ARBITER_WATCHED_MAX} guests are followed already`,
      };
    const outcome = service.ping(ping, clock.now());
    if (outcome.type === 'refused') {
      if (service.idle) this.#services.delete(vm);
      return outcome;
    }
    if (outcome.type === 'move') await this.#move(vm, service, outcome.next);
    return {
      type: 'taken',
      record: store.get(vm),
      advice: service.advice(ping.replica, this.pool),
    };
  }

  status(vm: string): ViewServiceStatus {
    const service = this.#services.get(vm) ?? this.#fresh(vm);
    return service.status();
  }

  #pingPool(ping: Ping): WatchAnswer {
    if (ping.role !== 'spare') return { type: 'refused', reason: 'only a spare serves any guest' };
    const outcome = this.#pool.ping({ ...ping, epoch: asEpoch(0) }, this.#options.clock.now());
    if (outcome.type === 'refused') return outcome;
    return { type: 'taken', record: undefined, advice: { type: 'none' } };
  }

  async #move(vm: string, service: ViewService, next: View): Promise<void> {
    const token = `view-service-${randomUUID()}`;
    const expect = asEpoch(next.epoch - 1);
    const answer = await this.#options.store.claim({ vm, expect, next, token, reserved: true });
    // A claim may have come first, or the disk has failed: the next ping asks again.
    if (answer.type !== 'won') service.undecided();
  }

  #service(vm: string): ViewService | undefined {
    const known = this.#services.get(vm);
    if (known !== undefined) return known;
    if (this.#services.size >= ARBITER_WATCHED_MAX) return undefined;
    const service = this.#fresh(vm);
    this.#services.set(vm, service);
    return service;
  }

  #fresh(vm: string): ViewService {
    const record = this.#options.store.get(vm);
    const current = record && { view: record.view, reserved: record.reserved };
    return new ViewService(current, this.#options.clock.now());
  }

  #arm(): TimerHandle {
    const { clock } = this.#options;
    return clock.setTimer(asMillis(clock.now() + VIEW_PING_MS), () => {
      this.#timer = this.#arm();
      this.#tick();
    });
  }

  #tick(): void {
    const now = this.#options.clock.now();
    const before = this.suspended;
    this.#pool.tick(now);
    if (this.suspended && !before) this.#options.suspended();
    for (const [vm, service] of this.#services) {
      service.tick(now);
      if (service.idle) this.#services.delete(vm);
    }
  }
}
