/**
 * Links with delay and jitter that deliver in order, lose everything at a break, stall under a cut
 * and learn of a death late or never. Heartbeats travel beside them and are simply lost.
 */

import type { Link, LinkHandlers } from '../../hypervisor/ports.ts';
import type { Message } from '../../hypervisor/protocol/messages.ts';
import type { SimProcess, World } from './world.ts';

/** May change what is sent, or answer it itself: how a planted bug gets between two replicas. */
export type Tap = (
  from: SimProcess,
  message: Message,
  answer: (message: Message) => void,
) => Message;

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
}

export interface NetworkOptions {
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly tap?: Tap | undefined;
}

export class Network {
  readonly #world: World;
  readonly #options: NetworkOptions;
  #connections: Connection[] = [];
  readonly #cuts = new Set<string>();

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

  /** Unreliable: lost under a cut. */
  datagram(from: SimProcess, to: SimProcess, arrive: () => void): void {
    if (this.#cuts.has(`${from.name}>${to.name}`)) return;
    this.#world.at(this.#world.now + this.delay(), to, arrive);
  }

  cut(from: SimProcess, to: SimProcess): void {
    this.#cuts.add(`${from.name}>${to.name}`);
  }

  heal(from: SimProcess, to: SimProcess): void {
    this.#cuts.delete(`${from.name}>${to.name}`);
    for (const connection of this.#connections) this.#flush(connection);
  }

  healAll(): void {
    this.#cuts.clear();
    for (const connection of this.#connections) this.#flush(connection);
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
    const sender = connection.ends[way].process;
    const receiver = (connection.ends[1 - way] as End).process;
    return this.#cuts.has(`${sender.name}>${receiver.name}`);
  }

  /** Both ends see a reset; what is under way is lost. */
  break(a: SimProcess, b: SimProcess): void {
    for (const connection of this.#connections) {
      const [first, second] = connection.ends;
      const between =
        (first.process === a && second.process === b) ||
        (first.process === b && second.process === a);
      if (between) this.#reset(connection, 'reset');
    }
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
        this.#carry(connection, way, () => {
          const other = connection.ends[1 - way];
          if (other?.open) other.handlers?.onMessage(sent);
        });
      },
      close: () => {
        if (!own.open) return;
        own.open = false;
        this.#carry(connection, way, () => this.#closed(connection, (1 - way) as 0 | 1, 'closed'));
      },
    };
  }

  #closed(connection: Connection, way: 0 | 1, reason: string): void {
    const end = connection.ends[way];
    if (!end.open) return;
    end.open = false;
    end.handlers?.onClose(reason);
    this.#connections = this.#connections.filter((one) => one.ends.some((each) => each.open));
  }

  /** Brings `arrive` to the other end, behind everything sent before. */
  #carry(connection: Connection, way: 0 | 1, arrive: () => void): void {
    if (connection.arrival[way] === Number.POSITIVE_INFINITY) return;
    const { process } = connection.ends[1 - way] as End;
    const at = Math.max(connection.arrival[way], this.#world.now + this.delay());
    connection.arrival[way] = at;
    this.#world.at(at, process, () => {
      if (connection.arrival[way] === Number.POSITIVE_INFINITY) return;
      const held = connection.stalled[way];
      if (held.length > 0 || this.#isCut(connection, way)) held.push(arrive);
      else arrive();
    });
  }
}
