/**
 * Links with delay and jitter that deliver in order, lose everything at a break, stall under a cut
 * and learn of a death late or never. Heartbeats travel beside them: lost, doubled or overtaken.
 */

import type { Link, LinkHandlers } from '../../hypervisor/ports.ts';
import type { Message } from '../../hypervisor/protocol/messages.ts';
import { asLsn, type EncodedBatch } from '../../log-format/index.ts';
import { ackOf } from '../support/messages.ts';
import type { FaultKind } from './coverage.ts';
import type { SimProcess, World } from './world.ts';

/** May change what is sent, or answer it itself: how a planted bug gets between two replicas. */
export type Tap = (
  from: SimProcess,
  message: Message,
  answer: (message: Message) => void,
) => Message;

/** What befalls one message of a link. `drop` and `corrupt` cost the link, as they do on TCP. */
export type MessageFault = 'drop' | 'duplicate' | 'delay' | 'corrupt';

/** Asked for every message that is sent on a link. */
export type MessageFaults = (from: SimProcess, message: Message) => MessageFault | undefined;

interface End {
  readonly process: SimProcess;
  handlers: LinkHandlers | undefined;
  open: boolean;
}

interface Connection {
  readonly ends: readonly [End, End];
  /** Arrival of the last message each way, so that none overtakes another. */
  readonly arrival: [number, number];
  /** What a cut holds back, each way. */
  readonly stalled: [(() => void)[], (() => void)[]];
  /** The last batch sent each way. */
  readonly lastBatch: [EncodedBatch | undefined, EncodedBatch | undefined];
}

export interface NetworkOptions {
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly tap?: Tap | undefined;
  readonly faults?: MessageFaults | undefined;
  /** Chance of each heartbeat to be lost, doubled or overtaken. */
  readonly beatChance?: number;
  /** A planted bug: a backup that has closed its link goes on acknowledging on it. */
  readonly ghostAcks?: boolean;
}

/** Longer than a detector waits by default, shorter than a handshake may take. */
const DELAYED_MS = 60;

export class Network {
  readonly #world: World;
  readonly #options: NetworkOptions;
  #connections: Connection[] = [];
  readonly #cuts = new Map<string, FaultKind>();
  /** Ways on which every message takes longer, by so many milliseconds. */
  readonly #slow = new Map<string, number>();

  constructor(world: World, options: NetworkOptions) {
    this.#world = world;
    this.#options = options;
  }

  delay(): number {
    const { delayMs, jitterMs } = this.#options;
    return delayMs + this.#world.random.next() * jitterMs;
  }

  /** `accept` runs in the target when the connection arrives and returns its handlers. */
  dial(
    from: SimProcess,
    to: SimProcess | undefined,
    handlers: LinkHandlers,
    accept: (link: Link) => LinkHandlers | undefined,
  ): Link {
    const target = to ?? from;
    const connection: Connection = {
      ends: [
        { process: from, handlers, open: true },
        { process: target, handlers: undefined, open: true },
      ],
      arrival: [0, 0],
      stalled: [[], []],
      lastBatch: [undefined, undefined],
    };
    this.#connections.push(connection);
    if (to === undefined || !to.alive) {
      connection.ends[1].open = false;
      this.#world.at(this.#world.now + this.delay(), from, () =>
        this.#closed(connection, 0, 'refused'),
      );
      return this.#link(connection, 0, 'nobody');
    }
    this.#carry(connection, 0, () => {
      const taken = accept(this.#link(connection, 1, from.name));
      if (taken === undefined) {
        connection.ends[1].open = false;
        this.#carry(connection, 1, () => this.#closed(connection, 0, 'refused'));
      } else connection.ends[1].handlers = taken;
    });
    return this.#link(connection, 0, to.name);
  }

  /** Unreliable: lost under a cut, and sometimes without one. */
  datagram(from: SimProcess, to: SimProcess, arrive: () => void): void {
    const { coverage, random } = this.#world;
    const cut = this.#cuts.get(`${from.name}>${to.name}`);
    if (cut !== undefined) {
      coverage.count(cut);
      return;
    }
    const { beatChance = 0 } = this.#options;
    const bring = (extraMs: number): void => {
      this.#world.at(this.#world.now + this.delay() + extraMs, to, arrive);
    };
    if (beatChance === 0 || !random.chance(beatChance)) {
      bring(0);
      return;
    }
    const fault = random.pick(['net.beatLost', 'net.beatTwice', 'net.beatLate'] as const);
    coverage.count(fault);
    if (fault === 'net.beatLost') return;
    bring(fault === 'net.beatLate' ? random.between(10, 30) : 0);
    if (fault === 'net.beatTwice') bring(0);
  }

  cut(from: SimProcess, to: SimProcess, kind: FaultKind = 'net.oneWay'): void {
    this.#cuts.set(`${from.name}>${to.name}`, kind);
  }

  /** Messages from one to the other take `extraMs` longer. */
  slow(from: SimProcess, to: SimProcess, extraMs: number): void {
    this.#slow.set(`${from.name}>${to.name}`, extraMs);
  }

  heal(from: SimProcess, to: SimProcess): void {
    this.#cuts.delete(`${from.name}>${to.name}`);
    this.#slow.delete(`${from.name}>${to.name}`);
    for (const connection of this.#connections) this.#flush(connection);
  }

  healAll(): void {
    this.#cuts.clear();
    this.#slow.clear();
    for (const connection of [...this.#connections]) {
      this.#flush(connection);
      // Whoever talks to nobody is told so at last: keepalive, or the next packet's reset.
      const half = connection.ends.some(({ open }) => !open) && connection.arrival[0] === Infinity;
      if (half) this.#reset(connection, 'timed out');
    }
  }

  /** What was held back arrives a little later, and what is sent meanwhile queues up behind it. */
  #flush(connection: Connection): void {
    for (const way of [0, 1] as const) {
      if (connection.stalled[way].length === 0 || this.#isCut(connection, way)) continue;
      const { process } = connection.ends[1 - way] as End;
      this.#world.at(this.#world.now + this.delay(), process, () => {
        if (this.#isCut(connection, way)) return;
        for (const arrive of connection.stalled[way].splice(0)) arrive();
      });
    }
  }

  #isCut(connection: Connection, way: 0 | 1): boolean {
    return this.#cutOf(connection, way) !== undefined;
  }

  #cutOf(connection: Connection, way: 0 | 1): FaultKind | undefined {
    if (this.#cuts.size === 0) return undefined;
    const sender = connection.ends[way].process;
    const receiver = (connection.ends[1 - way] as End).process;
    return this.#cuts.get(`${sender.name}>${receiver.name}`);
  }

  #between(a: SimProcess, b: SimProcess): readonly Connection[] {
    return this.#connections.filter(({ ends: [first, second] }) => {
      if (first.process === a) return second.process === b;
      return first.process === b && second.process === a;
    });
  }

  /** Both ends see a reset; what is under way is lost. */
  break(a: SimProcess, b: SimProcess): void {
    for (const connection of this.#between(a, b)) {
      this.#world.coverage.count('net.loss');
      this.#reset(connection, 'reset');
    }
  }

  /** `a` sees a reset and `b` nothing: what `b` sends goes nowhere. */
  halfOpen(a: SimProcess, b: SimProcess): void {
    for (const connection of this.#between(a, b)) {
      const way = connection.ends[0].process === a ? 0 : 1;
      this.#world.coverage.count('net.halfOpen');
      connection.arrival[0] = Infinity;
      connection.arrival[1] = Infinity;
      this.#world.at(this.#world.now, a, () => this.#closed(connection, way, 'reset'));
    }
  }

  /** Puts a message on the open link between two, as if `from` had sent it. False: there is none. */
  inject(from: SimProcess, to: SimProcess, message: Message): boolean {
    const found = this.#open(from, to);
    if (found === undefined) return false;
    const { connection, way } = found;
    const other = connection.ends[1 - way] as End;
    this.#carry(connection, way, () => {
      if (other.open) other.handlers?.onMessage(message);
    });
    return true;
  }

  /** The last batch `from` has sent to `to` on the link that is open. */
  lastBatch(from: SimProcess, to: SimProcess): EncodedBatch | undefined {
    const found = this.#open(from, to);
    return found?.connection.lastBatch[found.way];
  }

  #open(
    from: SimProcess,
    to: SimProcess,
  ): { readonly connection: Connection; readonly way: 0 | 1 } | undefined {
    const connection = this.#between(from, to).find(({ ends }) => ends.every(({ open }) => open));
    if (connection === undefined) return undefined;
    return { connection, way: connection.ends[0].process === from ? 0 : 1 };
  }

  /** `silent`: the host is gone, nobody sends a FIN. Else the kernel of a killed process does. */
  died(process: SimProcess, options: { readonly silent: boolean }): void {
    for (const connection of this.#connections) {
      for (const way of [0, 1] as const) {
        const end = connection.ends[way];
        if (end.process !== process || !end.open) continue;
        end.open = false;
        if (options.silent) {
          // Lost on the wire: only what has been delivered counts.
          connection.arrival[way] = Number.POSITIVE_INFINITY;
        } else {
          this.#carry(connection, way, () =>
            this.#closed(connection, (1 - way) as 0 | 1, 'peer died'),
          );
        }
      }
    }
  }

  #reset(connection: Connection, reason: string): void {
    connection.arrival[0] = Number.POSITIVE_INFINITY;
    connection.arrival[1] = Number.POSITIVE_INFINITY;
    for (const way of [0, 1] as const) {
      const { process } = connection.ends[way];
      this.#world.at(this.#world.now, process, () => this.#closed(connection, way, reason));
    }
  }

  #link(connection: Connection, way: 0 | 1, peer: string): Link {
    const own = connection.ends[way];
    return {
      peer,
      queuedBytes: 0,
      send: (message) => {
        if (!own.open) return;
        const answer = (reply: Message): void => {
          this.#world.at(this.#world.now, own.process, () => {
            if (own.open) own.handlers?.onMessage(reply);
          });
        };
        const sent = this.#options.tap?.(own.process, message, answer) ?? message;
        if (sent.type === 'batch') connection.lastBatch[way] = sent.batch;
        this.#transmit(connection, way, sent);
      },
      close: () => {
        if (!own.open) return;
        own.open = false;
        if (way === 1 && this.#options.ghostAcks === true) return;
        this.#carry(connection, way, () => this.#closed(connection, (1 - way) as 0 | 1, 'closed'));
      },
    };
  }

  #transmit(connection: Connection, way: 0 | 1, message: Message): void {
    const own = connection.ends[way];
    const other = connection.ends[1 - way] as End;
    const fault = this.#options.faults?.(own.process, message);
    if (fault === 'drop') {
      this.#reset(connection, 'reset');
      return;
    }
    const arrive = (): void => {
      if (other.open) other.handlers?.onMessage(message);
      else if (way === 0 && this.#options.ghostAcks === true) this.#ghostAck(connection, message);
    };
    if (fault === 'corrupt') {
      // A receiver that reads garbage closes, and the sender learns of it.
      this.#carry(connection, way, () => this.#reset(connection, 'damaged frame'));
      return;
    }
    this.#carry(connection, way, arrive, fault === 'delay' ? DELAYED_MS : 0);
    if (fault === 'duplicate') this.#carry(connection, way, arrive);
  }

  #ghostAck(connection: Connection, message: Message): void {
    const [own] = connection.ends;
    if (message.type !== 'batch' || !own.open) return;
    const { epoch, batch } = message;
    const ack = ackOf({ epoch, lsnReceived: batch.lastLsn, lsnReplayed: asLsn(0) });
    this.#carry(connection, 1, () => own.handlers?.onMessage(ack));
  }

  #closed(connection: Connection, way: 0 | 1, reason: string): void {
    const end = connection.ends[way];
    if (!end.open) return;
    end.open = false;
    end.handlers?.onClose(reason);
    this.#connections = this.#connections.filter((one) => one.ends.some((each) => each.open));
  }

  /** Brings `arrive` to the other end, behind everything sent before. */
  #carry(connection: Connection, way: 0 | 1, arrive: () => void, extraMs = 0): void {
    if (connection.arrival[way] === Number.POSITIVE_INFINITY) return;
    const { process } = connection.ends[1 - way] as End;
    const slowMs = this.#slowMs(connection, way) + extraMs;
    const at = Math.max(connection.arrival[way], this.#world.now + this.delay() + slowMs);
    connection.arrival[way] = at;
    this.#world.at(at, process, () => {
      if (connection.arrival[way] === Number.POSITIVE_INFINITY) return;
      const held = connection.stalled[way];
      const cut = this.#cutOf(connection, way);
      if (cut !== undefined) this.#world.coverage.count(cut);
      if (held.length > 0 || cut !== undefined) held.push(arrive);
      else arrive();
    });
  }

  #slowMs(connection: Connection, way: 0 | 1): number {
    if (this.#slow.size === 0) return 0;
    const { process } = connection.ends[way];
    const ms = this.#slow.get(`${process.name}>${(connection.ends[1 - way] as End).process.name}`);
    if (ms !== undefined) this.#world.coverage.count('net.delay');
    return ms ?? 0;
  }
}
