/** Drives chat-model.ts over a transport: one client of a room whose messages are numbered. */

import { Delivery, RoomLedger, type RoomMessage } from './chat-model.ts';
import {
  eventStreamTransport,
  type RoomTransport,
  type TransportOf,
  webSocketTransport,
} from './room-transports.ts';
import type { Tally } from './tally.ts';
import { ClientGroup, GapMeter, type WorkloadClient, type WorkloadOptions } from './workload.ts';

/** Pause of a person between two messages. Every message goes to everybody. */
const PACE_MS = 20;
/** Pause between attempts to connect. Short, because it is part of the gap a client sees. */
const RETRY_MS = 3;

export function startWebSocketWorkload(options: WorkloadOptions, tally: Tally): ClientGroup {
  return room(webSocketTransport, options, tally);
}

export function startEventStreamWorkload(options: WorkloadOptions, tally: Tally): ClientGroup {
  return room(eventStreamTransport, options, tally);
}

function room(transportOf: TransportOf, options: WorkloadOptions, tally: Tally): ClientGroup {
  const ledger = new RoomLedger(tally);
  const clients = Array.from({ length: options.clients }, (_, index) => {
    const name = `client-${index + 1}`;
    const transport = transportOf({ port: options.port, nick: name });
    return new RoomClient(name, transport, { options, tally, ledger });
  });
  return new ClientGroup(tally, clients);
}

interface Shared {
  readonly options: WorkloadOptions;
  readonly tally: Tally;
  readonly ledger: RoomLedger;
}

class RoomClient implements WorkloadClient {
  readonly name: string;
  readonly #transport: RoomTransport;
  readonly #tally: Tally;
  readonly #ledger: RoomLedger;
  readonly #delivery: Delivery;
  readonly #gap: GapMeter;
  readonly #now: () => number;
  #ordinal = 0;
  /** Text under way, and when it left; undefined when the last one was delivered. */
  #open: { readonly text: string; sentAt: number } | undefined;
  #ready = false;
  #stopped = false;
  #lastWhenAsked = 0;
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #done: (() => void) | undefined;
  /** All messages, read once more in the end. */
  #history: RoomMessage[] | undefined;

  constructor(name: string, transport: RoomTransport, shared: Shared) {
    this.name = name;
    this.#transport = transport;
    this.#tally = shared.tally;
    this.#ledger = shared.ledger;
    this.#now = shared.options.now;
    this.#delivery = new Delivery(name, shared.tally);
    this.#gap = new GapMeter(shared.options.now, shared.tally.gapsMs);
  }

  start(): void {
    this.#enter();
    this.#timer = setInterval(() => this.#speak(), PACE_MS);
  }

  finish(done: () => void): void {
    this.#done = done;
    this.#speak();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    this.#transport.close();
  }

  #enter(): void {
    if (this.#stopped) return;
    this.#lastWhenAsked = this.#ledger.last;
    if (this.#history !== undefined) this.#history = [];
    else this.#delivery.catchUp();
    this.#transport.open(this.#history === undefined ? this.#delivery.last : 0, {
      onMessage: (message) => this.#onMessage(message),
      onReady: (last) => this.#onReady(last),
      onLost: () => this.#onLost(),
    });
  }

  #onLost(): void {
    if (this.#ready) this.#gap.lost(this.#open?.sentAt);
    this.#ready = false;
    this.#retry = setTimeout(() => this.#enter(), RETRY_MS);
  }

  #onMessage(message: RoomMessage): void {
    if (this.#history !== undefined) this.#history.push(message);
    else for (const one of this.#delivery.receive(message)) this.#onDelivered(one);
  }

  #onReady(last: number): void {
    // To come in is a request, and this its answer.
    this.#tally.requests += 1;
    this.#answer();
    if (this.#history !== undefined) {
      this.#ledger.verify(this.#history, this.#lastWhenAsked);
      this.stop();
      this.#done?.();
      return;
    }
    this.#ledger.compare(last, this.#lastWhenAsked);
    this.#delivery.rewind(last);
    for (const message of this.#delivery.caughtUp()) this.#onDelivered(message);
    this.#ready = true;
    // It was under way when the connection broke and is not among the messages: it never arrived.
    if (this.#open !== undefined) this.#say(this.#open.text);
  }

  #speak(): void {
    if (!this.#ready || this.#open !== undefined || this.#history !== undefined) return;
    if (this.#done === undefined) {
      this.#ordinal += 1;
      this.#say(String(this.#ordinal));
      return;
    }
    this.#history = [];
    this.#ready = false;
    this.#transport.close();
    this.#enter();
  }

  #say(text: string): void {
    this.#open = { text, sentAt: this.#now() };
    this.#tally.requests += 1;
    this.#transport.say(text);
  }

  #answer(): void {
    this.#tally.answered += 1;
    this.#gap.answered();
  }

  #onDelivered(message: RoomMessage): void {
    this.#ledger.receive(message, Number(message.text));
    if (message.nick !== this.name || message.text !== this.#open?.text) return;
    this.#open = undefined;
    this.#answer();
    if (this.#done !== undefined) this.#speak();
  }
}
