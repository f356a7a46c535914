/** Stops reading the world's input, for as long as anybody has a reason. */

import type { Clock, Console, NetBackend } from '../ports.ts';
import type { Meters } from './meters.ts';

/** `full`: the buffers are. `paused`: the guest stands still for a switchover. */
export type BrakeReason = 'full' | 'paused';

export interface BrakePorts {
  readonly clock: Pick<Clock, 'now'>;
  readonly net: Pick<NetBackend, 'throttle'>;
  readonly console: Pick<Console, 'throttle'>;
  readonly meters?: Meters | undefined;
}

export class Brake {
  readonly #ports: BrakePorts;
  readonly #reasons = new Set<BrakeReason>();

  constructor(ports: BrakePorts) {
    this.#ports = ports;
  }

  set(reason: BrakeReason, on: boolean): void {
    if (on) this.#reasons.add(reason);
    else this.#reasons.delete(reason);
    const stopped = this.#reasons.size > 0;
    const { clock, net, console, meters } = this.#ports;
    net.throttle(stopped);
    console.throttle(stopped);
    // A switchover is meant to stop the input; a full window is what somebody has to know.
    if (reason === 'full') meters?.stopped(clock.now(), on);
  }
}
