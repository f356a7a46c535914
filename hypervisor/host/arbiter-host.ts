/** An arbiter: its views on disk, its view services and its HTTP server, put together. */

import type { Micros } from '../../log-format/index.ts';
import type { HvError } from '../base/errors.ts';
import type { View } from '../protocol/messages.ts';
import { parseAddress } from './addresses.ts';
import { ArbiterPolls } from './arbiter-polls.ts';
import { ArbiterServer, type ArbiterServerOptions } from './arbiter-server.ts';
import { ArbiterStore } from './arbiter-store.ts';
import { ArbiterWatch } from './arbiter-watch.ts';
import { HostClock } from './clock.ts';
import type { Disk } from './disk.ts';

/** What people and programs are told of an arbiter. The names are stable. */
export type ArbiterEvent =
  | { readonly evt: 'arbiter.listening'; readonly address: string; readonly vms: number }
  /** The last write of an earlier arbiter was unfinished: nobody was told of it, and it is gone. */
  | { readonly evt: 'arbiter.tail-cut'; readonly bytes: number }
  | {
      readonly evt: 'view.changed';
      readonly vm: string;
      readonly view: View;
      /** Who asked for it: a replica, or the view service because the primary is dead. */
      readonly by: 'claim' | 'view-service';
    }
  /** The service's clock has jumped: nobody is judged until all had time to ping. */
  | { readonly evt: 'view-service.suspended' }
  | { readonly evt: 'arbiter.failed'; readonly code: string; readonly message: string }
  | { readonly evt: 'arbiter.stopped' };

export interface ArbiterHostOptions
  extends Pick<ArbiterServerOptions, 'createServer' | 'limits' | 'token'> {
  /** `host:port`; port 0: any. */
  readonly listen: string;
  /** Made if it is missing. */
  readonly dir: string;
  readonly event: (event: ArbiterEvent, at: Micros) => void;
  /** It has ended: by a disk that fails, or by a bug. Not called after `close`. */
  readonly failed: (error: unknown) => void;
  readonly disk?: Disk;
}

export class ArbiterHost {
  readonly address: string;
  readonly #close: () => Promise<void>;

  private constructor(address: string, close: () => Promise<void>) {
    this.address = address;
    this.#close = close;
  }

  /** Throws what ArbiterStore.open and ArbiterServer.listen throw. */
  static async start(options: ArbiterHostOptions): Promise<ArbiterHost> {
    const clock = new HostClock();
    const event = (one: ArbiterEvent): void => options.event(one, clock.wall());
    const listen = parseAddress(options.listen, { what: 'the address to listen on' });
    const polls = new ArbiterPolls();
    let watch: ArbiterWatch | undefined;
    let over = false;
    const failed = (error: unknown): void => {
      if (over) return;
      over = true;
      const { code = 'HV_E_INTERNAL', message } = error as Partial<HvError> & Error;
      event({ evt: 'arbiter.failed', code, message });
      options.failed(error);
    };
    const { store, tornBytes } = await ArbiterStore.open({
      dir: options.dir,
      disk: options.disk,
      failed,
      changed: (record) => {
        watch?.changed(record);
        polls.changed(record);
        const { vm, view, reserved } = record;
        event({ evt: 'view.changed', vm, view, by: reserved ? 'view-service' : 'claim' });
      },
    });
    if (tornBytes > 0) event({ evt: 'arbiter.tail-cut', bytes: tornBytes });
    watch = new ArbiterWatch({
      store,
      clock,
      suspended: () => event({ evt: 'view-service.suspended' }),
    });
    const parts = { store, watch, polls, startedAt: performance.now() };
    try {
      const server = await ArbiterServer.listen({ ...options, ...parts, listen, broken: failed });
      event({ evt: 'arbiter.listening', address: server.address, vms: store.size });
      return new ArbiterHost(server.address, async () => {
        over = true;
        await server.close();
        parts.watch.close();
        await store.close();
        event({ evt: 'arbiter.stopped' });
      });
    } catch (error) {
      watch.close();
      await store.close();
      throw error;
    }
  }

  /** Answers what is being asked, and frees the directory. */
  close(): Promise<void> {
    return this.#close();
  }
}
