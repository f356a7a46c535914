/** Drives chat-model.ts against a socket: one client of the chat demo. */

import { Delivery, parseLast, parseMessage, RoomLedger, type RoomMessage } from './chat-model.ts';
import { PersistentSocket } from './persistent-socket.ts';
import type { Tally } from './tally.ts';
import { ClientGroup, GapMeter, type WorkloadClient, type WorkloadOptions } from './workload.ts';

const ROOM = 'demo';
/** Pause of a person between two messages. Every message goes to everybody. */
const PACE_MS = 20;
const TAKEN_RETRY_MS = 5;

export function startChatWorkload(options: WorkloadOptions, tally: Tally): ClientGroup {
  const ledger = new RoomLedger(tally);
  const clients = Array.from(
    { length: options.clients },
    (_, i) => new ChatClient(`client-${i + 1}`, { options, tally, ledger }),
  );
  return new ClientGroup(tally, clients);
}

interface Shared {
  readonly options: WorkloadOptions;
  readonly tally: Tally;
  readonly ledger: RoomLedger;
}

class ChatClient implements WorkloadClient {
  readonly name: string;
  readonly #tally: Tally;
  readonly #ledger: RoomLedger;
  readonly #delivery: Delivery;
  readonly #gap: GapMeter;
  readonly #socket: PersistentSocket;
  readonly #now: () => number;
  #rest = '';
  #ordinal = 0;
  /** Text under way, and when it left; undefined when the last one was delivered. */
  #open: { readonly text: string; sentAt: number } | undefined;
  #named = false;
  #caughtUp = false;
  #ready = false;
  #lastWhenAsked = 0;
  #timer: NodeJS.Timeout | undefined;
  #done: (() => void) | undefined;
  #history: RoomMessage[] | undefined;

  constructor(name: string, shared: Shared) {
    this.name = name;
    this.#tally = shared.tally;
    this.#ledger = shared.ledger;
    this.#now = shared.options.now;
    this.#delivery = new Delivery(name, shared.tally);
    this.#gap = new GapMeter(shared.options.now, shared.tally.gapsMs);
    this.#socket = new PersistentSocket(shared.options.port, {
      onOpen: () => this.#enter(),
      onText: (text) => this.#onText(text),
      onLost: () => this.#onLost(),
    });
  }

  start(): void {
    this.#socket.start();
    this.#timer = setInterval(() => this.#speak(), PACE_MS);
  }

  finish(done: () => void): void {
    this.#done = done;
    this.#speak();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#socket.stop();
  }

  #enter(): void {
    this.#rest = '';
    this.#history = undefined;
    this.#named = false;
    this.#caughtUp = false;
    this.#delivery.catchUp();
    this.#lastWhenAsked = this.#ledger.last;
    this.#request(`/nick ${this.name}\n/join ${ROOM}\n/history since ${this.#delivery.last}\n`, 3);
  }

  #onLost(): void {
    this.#ready = false;
    this.#gap.lost(this.#open?.sentAt);
  }

  #request(text: string, answers: number): void {
    this.#tally.requests += answers;
    this.#socket.send(text);
  }

  #answer(): void {
    this.#tally.answered += 1;
    this.#gap.answered();
  }

  #speak(): void {
    if (!this.#ready || this.#open !== undefined || this.#history !== undefined) return;
    if (this.#done !== undefined) {
      this.#history = [];
      this.#lastWhenAsked = this.#ledger.last;
      this.#request('/history since 0\n', 1);
      return;
    }
    this.#ordinal += 1;
    this.#open = { text: String(this.#ordinal), sentAt: this.#now() };
    this.#request(`${this.#open.text}\n`, 1);
  }

  #onText(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
  }

  #onLine(line: string): void {
    const message = parseMessage(line);
    if (message !== undefined) {
      // The final history repeats what was delivered, and only that: it is collected apart.
      if (this.#history !== undefined && message.number <= this.#delivery.last) {
        this.#history.push(message);
      } else {
        for (const one of this.#delivery.receive(message)) this.#onDelivered(one);
      }
      return;
    }
    if (line === `* ${this.name} is taken`) {
      // The old connection is not gone yet for the guest.
      this.#answer();
      setTimeout(() => {
        if (this.#socket.open) this.#request(`/nick ${this.name}\n`, 1);
      }, TAKEN_RETRY_MS);
    } else if (line === `* you are ${this.name}`) {
      this.#answer();
      this.#becomeReady({ named: true });
    }
    const report = parseLast(line);
    if (report !== undefined) {
      this.#answer();
      this.#onReport(report);
    }
  }

  #becomeReady(step: { named?: boolean; caughtUp?: boolean }): void {
    this.#named = step.named ?? this.#named;
    this.#caughtUp = step.caughtUp ?? this.#caughtUp;
    if (!this.#named || !this.#caughtUp || this.#ready) return;
    this.#ready = true;
    if (this.#open === undefined) return;
    // It was under way when the connection broke and is not in the history: it never arrived.
    this.#open.sentAt = this.#now();
    this.#request(`${this.#open.text}\n`, 1);
  }

  #onReport(report: { about: 'join' | 'history'; last: number }): void {
    if (report.about === 'join') {
      this.#ledger.compare(report.last, this.#lastWhenAsked);
      this.#delivery.rewind(report.last);
    } else if (this.#history !== undefined) {
      this.#ledger.verify(this.#history, this.#lastWhenAsked);
      this.#done?.();
      this.stop();
    } else {
      for (const message of this.#delivery.caughtUp()) this.#onDelivered(message);
      this.#becomeReady({ caughtUp: true });
    }
  }

  #onDelivered(message: RoomMessage): void {
    this.#ledger.receive(message, Number(message.text));
    if (message.nick !== this.name || message.text !== this.#open?.text) return;
    this.#open = undefined;
    this.#answer();
    if (this.#done !== undefined) this.#speak();
  }
}
