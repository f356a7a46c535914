/** Stops reading the world's input, for as long as anybody has a reason. */

import type { Console, NetBackend } from '../ports.ts';

/** `full`: the buffers are. `paused`: the guest stands still for a switchover. */
export type BrakeReason = 'full' | 'paused';

export class Brake {
  readonly #ports: { readonly net: NetBackend; readonly console: Console };
  readonly #reasons = new Set<BrakeReason>();

  constructor(ports: { readonly net: NetBackend; readonly console: Console }) {
    this.#ports = ports;
  }

  set(reason: BrakeReason, on: boolean): void {
    if (on) this.#reasons.add(reason);
    else this.#reasons.delete(reason);
    const stopped = this.#reasons.size > 0;
    this.#ports.net.throttle(stopped);
    this.#ports.console.throttle(stopped);
  }
}
