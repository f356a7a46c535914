/** EventSource (HTML, section 9.2): server-sent events over `fetch`, and again when the server ends. */

import { clearTimeout, setTimeout, type Timeout } from '../node/timers.ts';
import { AbortController } from './abort.ts';
import type { ByteSource } from './byte-source.ts';
import { DOMException } from './dom-exception.ts';
import { EventStreamParser } from './event-source-parser.ts';
import { defineHandler, Event, EventTarget, kTrusted } from './event-target.ts';
import { fetch } from './fetch.ts';
import { checkCount } from './fetch-arguments.ts';
import { exposeInterface } from './interface.ts';
import { MessageEvent } from './message-event.ts';
import { type Response, takeBody } from './response.ts';
import { TextDecoder } from './text-encoding.ts';
import { URL } from './url.ts';
import { toUsv } from './usv.ts';

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;
const RECONNECT_MS = 3000;
const trusted = { [kTrusted]: true } as object;

export class EventSource extends EventTarget {
  declare onopen: ((event: Event) => unknown) | null;
  declare onmessage: ((event: Event) => unknown) | null;
  declare onerror: ((event: Event) => unknown) | null;
  static readonly CONNECTING = CONNECTING;
  static readonly OPEN = OPEN;
  static readonly CLOSED = CLOSED;
  readonly #url: string;
  readonly #withCredentials: boolean;
  readonly #aborter = new AbortController();
  #state = CONNECTING;
  #reconnectMs = RECONNECT_MS;
  #lastEventId = '';
  #timer: Timeout | undefined;

  constructor(...args: readonly unknown[]) {
    checkCount(args, 1, 'EventSource constructor');
    super();
    const { withCredentials } = (args[1] ?? {}) as { withCredentials?: unknown };
    this.#withCredentials = Boolean(withCredentials);
    try {
      this.#url = new URL(toUsv(args[0])).href;
    } catch (error) {
      throw new DOMException(String(error), 'SyntaxError');
    }
    this.#connect();
  }

  get readyState(): number {
    return this.#state;
  }
  get url(): string {
    return this.#url;
  }
  get withCredentials(): boolean {
    return this.#withCredentials;
  }

  close(): void {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    clearTimeout(this.#timer);
    this.#aborter.abort();
  }

  #connect(): void {
    const headers: [string, string][] = [
      ['accept', 'text/event-stream'],
      ['cache-control', 'no-cache'],
    ];
    if (this.#lastEventId !== '') {
      const utf8 = encodeURIComponent(this.#lastEventId).replace(/%([0-9A-F]{2})/g, (_all, hex) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
      headers.push(['last-event-id', utf8]);
    }
    const { signal } = this.#aborter;
    fetch(this.#url, { headers, signal, cache: 'no-store' }).then(
      (response) => this.#answered(response),
      () => this.#reconnect(),
    );
  }

  #answered(response: Response): void {
    if (this.#state === CLOSED) return;
    const type = response.headers.get('content-type') ?? '';
    const isEvents = /^text\/event-stream\s*(?:;|$)/i.test(type);
    const source = takeBody(response);
    if (response.status !== 200 || !isEvents || source === undefined) {
      this.close();
      this.dispatchEvent(new Event('error', trusted));
      return;
    }
    this.#state = OPEN;
    this.dispatchEvent(new Event('open', trusted));
    this.#read(source, new URL(response.url).origin).then(
      () => this.#reconnect(),
      () => this.#reconnect(),
    );
  }

  async #read(source: ByteSource, origin: string): Promise<void> {
    const decoder = new TextDecoder();
    const parser = new EventStreamParser(
      {
        event: (type, data, lastEventId) => {
          if (this.#state === CLOSED) return;
          this.dispatchEvent(new MessageEvent(type, { ...trusted, data, origin, lastEventId }));
        },
        retry: (ms) => {
          this.#reconnectMs = ms;
        },
      },
      this.#lastEventId,
    );
    for (let chunk = await source.read(); chunk !== undefined; chunk = await source.read()) {
      parser.push(decoder.decode(chunk, { stream: true }));
      this.#lastEventId = parser.lastEventId;
    }
  }

  #reconnect(): void {
    if (this.#state === CLOSED) return;
    this.#state = CONNECTING;
    this.dispatchEvent(new Event('error', trusted));
    // A listener may have closed it.
    if ((this.#state as number) === CLOSED) return;
    this.#timer = setTimeout(() => this.#connect(), this.#reconnectMs);
  }
}
for (const type of ['open', 'message', 'error']) defineHandler(EventSource.prototype, type);
exposeInterface(EventSource, 'EventSource');
for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSED })) {
  Object.defineProperty(EventSource.prototype, name, { value, enumerable: true });
}
Object.defineProperty(EventSource, 'length', { value: 1, configurable: true });
