/**
 * The view service under random replicas, delays and pauses: whatever they do, a view moves only to a
 * backup of the view in force that has said it holds its state, and only from a primary that is silent or
 * has restarted.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VIEW_DEAD_PINGS, VIEW_PING_MS, VIEW_TILT_MS } from '../../../hypervisor/base/limits.ts';
import type { Ping } from '../../../hypervisor/protocol/view-replicas.ts';
import { asMillis } from '../../../log-format/index.ts';
import { pingOf, shown, ViewLab } from '../../support/view-lab.ts';

const NAMES = ['A', 'B', 'C', 'D'] as const;

type Step =
  | { readonly type: 'pass'; readonly ms: number }
  | { readonly type: 'ping'; readonly at: number; readonly link: 'up' | 'down' | undefined }
  /** A ping is sent and arrives later, perhaps twice, perhaps behind others. */
  | { readonly type: 'send'; readonly at: number }
  | { readonly type: 'deliver'; readonly which: number; readonly keep: boolean }
  | { readonly type: 'crash'; readonly at: number }
  | { readonly type: 'join'; readonly at: number }
  | { readonly type: 'alone' }
  | { readonly type: 'claim'; readonly at: number }
  | { readonly type: 'restart' };

const at = fc.integer({ min: 0, max: NAMES.length - 1 });
const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('pass' as const),
      ms: fc.integer({ min: 1, max: 300 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('pass' as const),
      ms: fc.integer({ min: -5000, max: 5000 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('ping' as const),
      at,
      link: fc.constantFrom('up' as const, 'down' as const, undefined, undefined),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('send' as const), at }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('deliver' as const),
      which: fc.nat(7),
      keep: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('crash' as const), at }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('join' as const), at }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('alone' as const) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('claim' as const), at }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('restart' as const) }) },
);

/** A replica that follows hv's rules, and pings what is true of it. */
class Replica {
  readonly name: string;
  role: 'primary' | 'backup' | 'spare' = 'spare';
  epoch = 0;
  boot = 1;
  seq = 0;

  constructor(name: string) {
    this.name = name;
  }

  crash(): void {
    this.role = 'spare';
    this.epoch = 0;
    this.boot += 1;
    this.seq = 0;
  }

  ping(link: 'up' | 'down' | undefined): Ping {
    this.seq += 1;
    const primaryLink = this.role === 'backup' ? link : undefined;
    const synced = this.role !== 'spare';
    const boot = `${this.name}${this.boot}`;
    return pingOf(this.name, this.epoch, {
      role: this.role,
      synced,
      boot,
      seq: this.seq,
      primaryLink,
    });
  }
}

class World {
  readonly lab = new ViewLab();
  readonly replicas = NAMES.map((name) => new Replica(name));
  readonly flying: Ping[] = [];
  /** When the service last took a ping, and that ping. */
  readonly heard = new Map<string, { readonly at: number; readonly ping: Ping }>();
  /** Members that said since the view began that they hold nothing, or came back as another process. */
  readonly fallen = new Set<string>();
  moves = 0;

  get view() {
    return this.lab.views.at(-1);
  }

  step(step: Step): void {
    const epoch = this.view?.epoch ?? 0;
    this.#step(step);
    if ((this.view?.epoch ?? 0) !== epoch) this.fallen.clear();
    expect(this.lab.views.map((view) => view.epoch)).toEqual(
      this.lab.views.map((_, index) => index + 1),
    );
  }

  #step(step: Step): void {
    const one = this.replicas['at' in step ? step.at : 0] as Replica;
    switch (step.type) {
      case 'pass':
        // Small steps back happen to no monotonic clock; large ones stand for a machine that was restored.
        if (step.ms < 0 && step.ms >= -VIEW_PING_MS - VIEW_TILT_MS) return;
        this.lab.now += step.ms;
        this.lab.service.tick(asMillis(this.lab.now));
        // What was heard before a jump of the clock says nothing.
        if (Math.abs(step.ms) > VIEW_PING_MS + VIEW_TILT_MS)
          for (const [name, { ping }] of this.heard)
            this.heard.set(name, { at: this.lab.now, ping });
        return;
      case 'ping':
        this.#arrive(one.ping(step.link));
        return;
      case 'send':
        this.flying.push(one.ping(undefined));
        return;
      case 'deliver': {
        const ping = this.flying[step.which % Math.max(1, this.flying.length)];
        if (ping === undefined) return;
        if (!step.keep) this.flying.splice(this.flying.indexOf(ping), 1);
        this.#arrive(ping);
        return;
      }
      case 'crash':
        one.crash();
        return;
      case 'join':
        this.#join(one);
        return;
      case 'alone':
        this.#alone();
        return;
      case 'claim':
        if (one.role === 'backup' && this.lab.claim(one.epoch, one.name)) this.#lead(one);
        return;
      case 'restart':
        this.heard.clear();
        this.fallen.clear();
        this.lab.restart();
        return;
    }
  }

  /** The primary has sent its state to a spare, and claims the view with it. */
  #join(one: Replica): void {
    if (this.view === undefined) {
      if (this.lab.claim(0, one.name)) this.#lead(one);
      return;
    }
    const leader = this.replicas.find(
      ({ role, epoch }) => role === 'primary' && epoch === this.view?.epoch,
    );
    if (leader === undefined || one.role !== 'spare') return;
    const backups = [...this.view.backups, one.name];
    if (!this.lab.claim(leader.epoch, leader.name, ...backups)) return;
    for (const member of this.replicas) {
      if (
        member === leader ||
        member === one ||
        (member.role === 'backup' && backups.includes(member.name))
      )
        member.epoch = this.view.epoch;
    }
    one.role = 'backup';
  }

  /** The primary goes on without its backups. */
  #alone(): void {
    const leader = this.replicas.find(
      ({ role, epoch }) => role === 'primary' && epoch === this.view?.epoch,
    );
    if (leader === undefined || !this.lab.claim(leader.epoch, leader.name)) return;
    leader.epoch = this.view?.epoch ?? 0;
  }

  #lead(one: Replica): void {
    one.role = 'primary';
    one.epoch = this.view?.epoch ?? 0;
  }

  #arrive(ping: Ping): void {
    const { lab } = this;
    const before = this.view;
    const outcome = lab.service.ping(ping, asMillis(lab.now));
    if (outcome.type === 'refused' || outcome.type === 'stale') return;
    const last = this.heard.get(ping.replica)?.ping;
    if (last !== undefined && last.boot !== ping.boot) this.fallen.add(ping.replica);
    if (ping.epoch === 0) this.fallen.add(ping.replica);
    this.heard.set(ping.replica, { at: lab.now, ping });
    if (outcome.type === 'move') {
      this.moves += 1;
      const { next } = outcome;
      expect(next.primary).toBe(ping.replica);
      expect(next.epoch).toBe((before?.epoch ?? 0) + 1);
      expect(before).toBeDefined();
      if (before === undefined) return;
      expect(before.backups).toContain(ping.replica);
      expect(ping).toMatchObject({ synced: true, epoch: before.epoch });
      const heard = this.heard.get(before.primary);
      const dead = heard === undefined || lab.now - heard.at > VIEW_DEAD_PINGS * VIEW_PING_MS;
      expect(dead || this.fallen.has(before.primary), `${shown(before)} is alive`).toBe(true);
      lab.views.push(next);
      lab.reserved = true;
      lab.service.decided({ view: next, reserved: true }, asMillis(lab.now));
    }
    const advice = lab.service.advice(ping.replica);
    const spares = 'spares' in advice ? advice.spares : [];
    expect(spares.length).toBeLessThanOrEqual(ping.wants);
    for (const spare of spares) {
      expect([this.view?.primary, ...(this.view?.backups ?? [])]).not.toContain(spare);
      expect(this.heard.get(spare)?.ping.epoch).toBe(0);
    }
  }
}

describe('whatever replicas, links and clocks do', () => {
  test('a view moves only to a backup that proved it holds the state, from a primary that is gone', () => {
    let moves = 0;
    fc.assert(
      fc.property(fc.array(STEP, { minLength: 20, maxLength: 250, size: 'max' }), (steps) => {
        const world = new World();
        for (const step of steps) world.step(step);
        moves += world.moves;
      }),
      { numRuns: 400, seed: 6_824 },
    );
    // Without moves nothing has been shown.
    expect(moves).toBeGreaterThan(20);
  });
});
