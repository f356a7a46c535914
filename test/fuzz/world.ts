/**
 * The world around a random guest: hears its outputs and turns the steps of a schedule into
 * interrupts that a real host could have delivered in that state.
 */

import type { HostInterrupt, Output, TurnsResult } from '../../hypervisor/ports.ts';
import { INTERRUPT, type InterruptKind } from '../../log-format/index.ts';
import type { Step } from './schedule.ts';

interface Connection {
  readonly id: number;
  undrained: number;
  ended: boolean;
  destroyed: boolean;
}

const SIGNALS = [1, 2, 12, 15];
const CONNECTIONS_MAX = 4;
/** Of NET_ERRORS: reset, refused, address in use, timed out. */
const ERRORS = [0, 2, 3, 4, 8];
const ADDRESS = { address: '127.0.0.1', family: 'IPv4', port: 8080 };

export class World {
  readonly #listeners = new Set<number>();
  readonly #connections = new Map<number, Connection>();
  /** Answers the guest waits for; a step decides when each comes. */
  readonly #owed: HostInterrupt[] = [];
  readonly #signals = new Set<number>();
  #acceptedNext = 2;
  #stdin = false;
  #alarmAt: number | undefined;
  #immediates = false;
  /** Text of what clients send: moves on with every byte, so that cuts show. */
  #sent = 0;

  get alarmAt(): number | undefined {
    return this.#alarmAt;
  }

  /** Something will happen without another step. */
  get busy(): boolean {
    return this.#immediates || this.#alarmAt !== undefined;
  }

  hear(result: TurnsResult): void {
    this.#alarmAt = result.alarmAt;
    this.#immediates = result.immediatesLeft;
    for (const { output } of result.outputs) this.#note(output);
  }

  /** What becomes due by itself: the next round of the loop, or the alarm. */
  due(): HostInterrupt {
    return interrupt(this.#immediates ? INTERRUPT.check : INTERRUPT.alarm);
  }

  /** What a step does now; undefined when there is nothing it could do. */
  act(step: Step): HostInterrupt | undefined {
    const { action, which, size } = step;
    if (action < 10) return this.#owed.shift() ?? this.#fromClient(step);
    if (action < 22) return this.#fromClient(step);
    if (action < 24) return this.#accept(which);
    if (action < 27 && this.#stdin) return this.#input(which, size);
    if (action < 29 && this.#signals.size > 0)
      return interrupt(INTERRUPT.signal, SIGNALS[which % SIGNALS.length]);
    if (action === 29)
      return interrupt(INTERRUPT.reseed, 0, 0, new Uint8Array(32).fill(which + size));
    // Alarms that were disarmed while they were on their way, signals nobody listens for.
    if (action === 30) return interrupt(INTERRUPT.alarm);
    if (action === 31) return interrupt(INTERRUPT.signal, SIGNALS[which % SIGNALS.length]);
    return this.busy ? this.due() : undefined;
  }

  #input(which: number, size: number): HostInterrupt {
    if (which > 5) return interrupt(INTERRUPT.stdinEnd);
    return interrupt(INTERRUPT.stdinData, 0, 0, this.#data(size));
  }

  #accept(which: number): HostInterrupt | undefined {
    const listeners = [...this.#listeners];
    const listener = listeners[which % listeners.length];
    if (listener === undefined || this.#connections.size >= CONNECTIONS_MAX) return undefined;
    const id = this.#acceptedNext;
    this.#acceptedNext += 2;
    this.#open(id);
    return interrupt(INTERRUPT.netAccept, id, listener, ends());
  }

  #fromClient({ action, which, size }: Step): HostInterrupt | undefined {
    const open = [...this.#connections.values()];
    const connection = open[which % open.length];
    if (connection === undefined) return this.#accept(which);
    const { id } = connection;
    if (action === 21 || (action === 20 && connection.ended)) {
      this.#connections.delete(id);
      return interrupt(INTERRUPT.netClose, id, ERRORS[size % ERRORS.length]);
    }
    if (action >= 19 && !connection.ended) {
      connection.ended = true;
      return interrupt(INTERRUPT.netEnd, id);
    }
    if (action >= 17 && connection.undrained > 0) {
      const drained = Math.min(connection.undrained, size + 1);
      connection.undrained -= drained;
      return interrupt(INTERRUPT.netDrain, id, drained);
    }
    if (connection.ended) return undefined;
    return interrupt(INTERRUPT.netData, id, 0, this.#data(size));
  }

  #data(size: number): Uint8Array {
    const from = this.#sent;
    this.#sent += size + 1;
    return Uint8Array.from({ length: size + 1 }, (_, index) => {
      const at = from + index;
      return at % 29 === 0 ? 10 : (at * 7 + (at >> 5)) & 0xff;
    });
  }

  #open(id: number): void {
    this.#connections.set(id, { id, undrained: 0, ended: false, destroyed: false });
  }

  #note(output: Output): void {
    if (output.device === 'stdin') this.#stdin = output.on;
    if (output.device === 'signal') {
      if (output.on) this.#signals.add(output.number);
      else this.#signals.delete(output.number);
    }
    if (output.device !== 'net') return;
    const { id, op } = output;
    const connection = this.#connections.get(id);
    if (op === 'listen') {
      // Every fourth finds its port taken.
      const fails = id % 4 === 0;
      const payload = fails ? undefined : bytes({ ...ADDRESS, port: 40_000 + id });
      this.#owed.push(interrupt(INTERRUPT.netBound, id, fails ? 4 : 0, payload));
      if (!fails) this.#listeners.add(id);
    } else if (op === 'unlisten') {
      this.#listeners.delete(id);
      this.#owed.push(interrupt(INTERRUPT.netUnbound, id));
    } else if (op === 'connect') {
      if (id % 3 === 0) this.#owed.push(interrupt(INTERRUPT.netClose, id, 3));
      else {
        this.#open(id);
        this.#owed.push(interrupt(INTERRUPT.netConnected, id, 0, ends()));
      }
    } else if (op === 'write' && connection !== undefined) {
      connection.undrained += output.bytes.length;
    } else if (op === 'destroy' && connection !== undefined) {
      connection.destroyed = true;
      this.#connections.delete(id);
      this.#owed.push(interrupt(INTERRUPT.netClose, id));
    }
  }
}

function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function ends(): Uint8Array {
  return bytes({ peer: { ...ADDRESS, port: 5001 }, local: ADDRESS });
}

function interrupt(kind: InterruptKind, id = 0, num = 0, payload?: Uint8Array): HostInterrupt {
  return { kind, id, num, payload };
}
