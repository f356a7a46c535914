/**
 * Virtual time: a heap of events, and processes that can be stopped, continued and killed. What a
 * process would do while it is stopped waits; what it would do after its death never happens.
 */

import type { Clock, TimerHandle } from '../../hypervisor/ports.ts';
import { asMicros, asMillis, type Micros, type Millis } from '../../log-format/index.ts';
import { Coverage } from './coverage.ts';
import { Random } from './random.ts';

/** One event to come; its own handle, because a history makes hundreds of timers. */
class Scheduled implements TimerHandle {
  readonly at: number;
  readonly order: number;
  readonly process: SimProcess | undefined;
  readonly timer: boolean;
  cancelled = false;
  readonly run: () => void;

  constructor(
    place: { readonly at: number; readonly order: number },
    process: SimProcess | undefined,
    run: () => void,
    timer: boolean,
  ) {
    this.at = place.at;
    this.order = place.order;
    this.process = process;
    this.run = run;
    this.timer = timer;
  }

  cancel(): void {
    this.cancelled = true;
  }
}

/** Wall clock of the world at time 0, microseconds. */
export const WALL_START = 1_700_000_000_000_000;
/** A history with more events than this has run away. */
const EVENTS_MAX = 200_000;

export class World {
  readonly seed: number;
  readonly random: Random;
  readonly #heap: Scheduled[] = [];
  #order = 0;
  #now = 0;
  events = 0;
  /** How often each kind of fault has had an effect. */
  readonly coverage: Coverage = new Coverage();
  /** One line per event, if somebody wants to read it. */
  trace: string[] | undefined;

  constructor(seed: number) {
    this.seed = seed;
    this.random = new Random(seed);
  }

  get now(): number {
    return this.#now;
  }

  note(who: string, what: string): void {
    this.trace?.push(`t=${this.#now.toFixed(2)} ${who} ${what}`);
  }

  at(at: number, process: SimProcess | undefined, run: () => void, timer = false): Scheduled {
    this.#order += 1;
    const place = { at: at > this.#now ? at : this.#now, order: this.#order };
    const scheduled = new Scheduled(place, process, run, timer);
    this.#push(scheduled);
    return scheduled;
  }

  /** Runs to `until`, or until `done` says so. */
  run(until: number, done: () => boolean = () => false): void {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until || done()) break;
      this.#pop();
      if (next.cancelled) continue;
      this.#now = next.at;
      this.events += 1;
      if (this.events > EVENTS_MAX) throw new Error('too many events: a loop without progress');
      if (next.process === undefined) next.run();
      else next.process.deliver(next.run, next.timer);
    }
    if (this.#now < until && !done()) this.#now = until;
  }

  #push(item: Scheduled): void {
    const heap = this.#heap;
    let index = heap.push(item) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Scheduled;
      if (before(above, item)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = item;
  }

  #pop(): void {
    const heap = this.#heap;
    const item = heap.pop() as Scheduled;
    const size = heap.length;
    if (size === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      const right = child + 1;
      if (right < size && before(heap[right] as Scheduled, heap[child] as Scheduled)) child = right;
      if (before(item, heap[child] as Scheduled)) break;
      heap[index] = heap[child] as Scheduled;
      index = child;
    }
    heap[index] = item;
  }
}

function before(left: Scheduled, right: Scheduled): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}

/** How the clock of a host goes wrong. */
export interface ClockFaults {
  /** Milliseconds its monotonic clock shows at time 0. */
  readonly origin: number;
  /** How fast it goes: 1.001 gains a millisecond a second. */
  readonly rate: number;
}

const TRUE_CLOCK: ClockFaults = { origin: 0, rate: 1 };
/** A timer set for `at` must not find the clock a rounding error before it. */
const ROUNDING_MS = 1e-6;

/** Has a clock of its own, and a life. */
export class SimProcess {
  readonly name: string;
  readonly world: World;
  /** Microseconds this host's wall clock is ahead. */
  wallSkew: number;
  /** Timers ring up to so many milliseconds late. */
  timerLagMs = 0;
  /** Told before every event that reaches it: a fault that strikes at the n-th. */
  onEvent: (() => void) | undefined;
  readonly #faults: ClockFaults;
  #clock: Clock | undefined;
  #state: 'running' | 'paused' | 'dead' = 'running';
  #waitingTimers: (() => void)[] = [];
  #waiting: (() => void)[] = [];

  constructor(world: World, name: string, clock: ClockFaults = TRUE_CLOCK) {
    this.world = world;
    this.name = name;
    this.#faults = clock;
    this.wallSkew = world.random.integer(-20_000, 20_000);
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  get alive(): boolean {
    return this.#state !== 'dead';
  }

  deliver(run: () => void, timer: boolean): void {
    // What strikes at this event may leave the process paused, or dead.
    if (this.running) this.onEvent?.();
    if (this.running) run();
    else if (!this.alive) return;
    else if (timer) this.#waitingTimers.push(run);
    else this.#waiting.push(run);
  }

  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  /** Timers first, then what has arrived: the order of Node's loop. */
  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    const backlog = [...this.#waitingTimers.splice(0), ...this.#waiting.splice(0)];
    for (const run of backlog) this.world.at(this.world.now, this, run);
  }

  kill(): void {
    this.#state = 'dead';
    this.#waiting = [];
    this.#waitingTimers = [];
  }

  clock(): Clock {
    this.#clock ??= this.#makeClock();
    return this.#clock;
  }

  #makeClock(): Clock {
    const { world } = this;
    const { origin, rate } = this.#faults;
    const now = (): number => world.now * rate + origin;
    return {
      now: (): Millis => asMillis(now()),
      wall: (): Micros => asMicros(WALL_START + Math.floor(world.now * 1_000) + this.wallSkew),
      setTimer: (at: Millis, run: () => void): TimerHandle => {
        let due = rate === 1 ? at - origin : (at - origin) / rate + ROUNDING_MS;
        if (this.timerLagMs > 0) {
          due += world.random.next() * this.timerLagMs;
          world.coverage.count('clock.slowTimer');
        }
        return world.at(due, this, run, true);
      },
      defer: (run: () => void): void => {
        world.at(world.now, this, run);
      },
    };
  }
}
