/** BroadcastChannel (HTML, section 9.5): among the channels of one name in this guest. */

import { handleClosed, handleOpened, queueArrival } from '../loop.ts';
import { inspectHook } from '../node/inspect-hook.ts';
import { invalidThis, missingArgs } from '../node/node-errors.ts';
import { DOMException } from './dom-exception.ts';
import { defineHandler, type Event, EventTarget, kTrusted } from './event-target.ts';
import { exposeInterface, innerOptions } from './interface.ts';
import { MessageEvent, type MessageEventInit } from './message-event.ts';
import { structuredClone } from './structured-clone.ts';

/** The open channels by name, in the order they were opened. */
const open = new Map<string, Set<BroadcastChannel>>();
let isActive: (channel: BroadcastChannel) => boolean;

export class BroadcastChannel extends EventTarget {
  declare onmessage: ((event: Event) => unknown) | null;
  declare onmessageerror: ((event: Event) => unknown) | null;
  readonly #name: string;
  #closed = false;
  #referenced = true;

  constructor(...args: readonly unknown[]) {
    if (args.length === 0) throw missingArgs('name');
    super();
    this.#name = `${args[0]}`;
    const channels = open.get(this.#name) ?? new Set();
    open.set(this.#name, channels.add(this));
    handleOpened();
  }

  get name(): string {
    if (!(#name in this)) throw invalidThis('BroadcastChannel');
    return this.#name;
  }

  close(): void {
    if (!(#name in this)) throw invalidThis('BroadcastChannel');
    if (this.#closed) return;
    this.unref();
    this.#closed = true;
    const channels = open.get(this.#name);
    channels?.delete(this);
    if (channels?.size === 0) open.delete(this.#name);
  }

  postMessage(...args: readonly unknown[]): void {
    if (!(#name in this)) throw invalidThis('BroadcastChannel');
    if (args.length === 0) throw missingArgs('message');
    if (this.#closed) throw new DOMException('BroadcastChannel is closed.', 'InvalidStateError');
    const data = structuredClone(args[0]);
    for (const one of open.get(this.#name) ?? []) {
      if (one === this) continue;
      const init = { data: structuredClone(data), [kTrusted]: true } as MessageEventInit;
      queueArrival(() => {
        if (!one.#closed) one.dispatchEvent(new MessageEvent('message', init));
      });
    }
  }

  ref(): this {
    if (!(#name in this)) throw invalidThis('BroadcastChannel');
    if (!this.#referenced && !this.#closed) handleOpened();
    this.#referenced ||= !this.#closed;
    return this;
  }

  unref(): this {
    if (!(#name in this)) throw invalidThis('BroadcastChannel');
    if (this.#referenced) handleClosed();
    this.#referenced = false;
    return this;
  }

  static {
    isActive = (channel) => !channel.#closed;
  }
}
defineHandler(BroadcastChannel.prototype, 'message');
defineHandler(BroadcastChannel.prototype, 'messageerror');
Object.defineProperty(BroadcastChannel, 'length', { value: 1, configurable: true });
exposeInterface(BroadcastChannel, 'BroadcastChannel', (self, depth, options) => {
  if (depth < 0) return 'BroadcastChannel';
  const shown = { name: self.name, active: isActive(self) };
  return `BroadcastChannel ${inspectHook.inspect(shown, innerOptions(options))}`;
});
