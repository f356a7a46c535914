/** A client that does one thing after the other, and looks at everything once more in the end. */

import { HttpCaller } from './http-caller.ts';
import type { Tally } from './tally.ts';
import { ClientGroup, type WorkloadClient, type WorkloadOptions } from './workload.ts';

export interface Loop {
  /** Comes again and again. */
  step(): Promise<void>;
  /** Comes last: reads back what there should be. */
  conclude(): Promise<void>;
}

/** Pause of a client between two steps, so that clients do not starve the replicas. */
const PACE_MS = 5;

/** Clients over HTTP side by side. `loopOf`: what one of them does. */
export function loopingClients(
  { options, tally }: { readonly options: WorkloadOptions; readonly tally: Tally },
  loopOf: (name: string, caller: HttpCaller) => Loop,
): ClientGroup {
  const clients = Array.from({ length: options.clients }, (_, index) => {
    const name = `client-${index + 1}`;
    const caller = new HttpCaller(options, tally);
    return new LoopingClient(name, { caller, tally, loop: loopOf(name, caller) });
  });
  return new ClientGroup(tally, clients);
}

class LoopingClient implements WorkloadClient {
  readonly name: string;
  readonly #loop: Loop;
  readonly #caller: HttpCaller;
  readonly #tally: Tally;
  #done: (() => void) | undefined;

  constructor(
    name: string,
    given: { readonly loop: Loop; readonly caller: HttpCaller; readonly tally: Tally },
  ) {
    this.name = name;
    this.#loop = given.loop;
    this.#caller = given.caller;
    this.#tally = given.tally;
  }

  start(): void {
    this.#run().catch((error: unknown) => {
      this.#tally.fault('wrong', 1, `${this.name}: ${String(error)}`);
    });
  }

  finish(done: () => void): void {
    this.#done = done;
  }

  stop(): void {
    this.#caller.stop();
  }

  async #run(): Promise<void> {
    while (this.#done === undefined) {
      await this.#loop.step();
      await new Promise((resolve) => setTimeout(resolve, PACE_MS));
    }
    await this.#loop.conclude();
    this.stop();
    this.#done();
  }
}
