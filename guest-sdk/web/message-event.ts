/** MessageEvent (HTML, section 9.1), as Node has it. */

import { invalidArgType } from '../node/node-errors.ts';
import { Event, type EventInit } from './event-target.ts';
import { exposeInterface } from './interface.ts';
import { portRule } from './structured-clone.ts';

export interface MessageEventInit extends EventInit {
  readonly data?: unknown;
  readonly origin?: unknown;
  readonly lastEventId?: unknown;
  readonly source?: unknown;
  readonly ports?: Iterable<unknown>;
}

function isPort(value: unknown): boolean {
  return typeof value === 'object' && value !== null && portRule.isPort(value);
}

export class MessageEvent extends Event {
  readonly #data: unknown;
  readonly #origin: string;
  readonly #lastEventId: string;
  readonly #source: unknown;
  readonly #ports: readonly unknown[];

  constructor(type: unknown = undefined, init: MessageEventInit | null = {}) {
    super(String(type), init ?? {});
    const given = init ?? {};
    const { data = null, origin = '', lastEventId = '', source = null, ports = [] } = given;
    if (source !== null && !isPort(source)) {
      throw invalidArgType('init.source', 'MessagePort', source);
    }
    this.#ports = [...ports];
    for (const [index, port] of this.#ports.entries()) {
      if (!isPort(port)) throw invalidArgType(`init.ports[${index}]`, 'MessagePort', port);
    }
    this.#data = data;
    this.#origin = String(origin);
    this.#lastEventId = String(lastEventId);
    this.#source = source;
  }

  get data(): unknown {
    return this.#data;
  }
  get origin(): string {
    return this.#origin;
  }
  get lastEventId(): string {
    return this.#lastEventId;
  }
  get source(): unknown {
    return this.#source;
  }
  get ports(): readonly unknown[] {
    return this.#ports;
  }
}
exposeInterface(MessageEvent, 'MessageEvent');
Object.defineProperty(MessageEvent, 'length', { value: 1, configurable: true });
