/** The events of a WebSocket: CloseEvent (WebSockets standard, section 6) and ErrorEvent (HTML, 8.1.4). */

import { Event, type EventInit } from './event-target.ts';
import { exposeInterface } from './interface.ts';

export interface CloseEventInit extends EventInit {
  readonly wasClean?: unknown;
  readonly code?: unknown;
  readonly reason?: unknown;
}

export class CloseEvent extends Event {
  readonly #wasClean: boolean;
  readonly #code: number;
  readonly #reason: string;

  constructor(type: string, init: CloseEventInit = {}) {
    super(type, init);
    this.#wasClean = Boolean(init.wasClean);
    this.#code = Number(init.code ?? 0) & 0xffff;
    this.#reason = String(init.reason ?? '');
  }

  get wasClean(): boolean {
    return this.#wasClean;
  }
  get code(): number {
    return this.#code;
  }
  get reason(): string {
    return this.#reason;
  }
}
exposeInterface(CloseEvent, 'CloseEvent');

export interface ErrorEventInit extends EventInit {
  readonly message?: string;
  readonly error?: unknown;
}

export class ErrorEvent extends Event {
  readonly #message: string;
  readonly #error: unknown;

  constructor(type: string, init: ErrorEventInit = {}) {
    super(type, init);
    this.#message = init.message ?? '';
    this.#error = init.error;
  }

  get message(): string {
    return this.#message;
  }
  get filename(): string {
    return '';
  }
  get lineno(): number {
    return 0;
  }
  get colno(): number {
    return 0;
  }
  get error(): unknown {
    return this.#error;
  }
}
exposeInterface(ErrorEvent, 'ErrorEvent');
