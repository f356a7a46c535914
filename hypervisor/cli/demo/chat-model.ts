/**
 * What must hold in a chat room whatever fails: its messages are numbered without gaps, a number
 * stands for one message for ever and for everybody, and each sender's messages are there once and
 * in order. Pure: sockets are in chat-client.ts.
 */

import type { Tally } from './tally.ts';

export interface RoomMessage {
  readonly number: number;
  readonly nick: string;
  readonly text: string;
  /** The whole line: time and id have to survive a failover, too. */
  readonly line: string;
}

/** The guest forgets older messages only when it holds more than this. */
const HISTORY_KEPT = 15_000;

const MESSAGE = /^\[\S+ #(\d+) \S+ [0-9a-f]+\] (\S+): (.*)$/;

/** Undefined for lines that are no message of a room. */
export function parseMessage(line: string): RoomMessage | undefined {
  const [, number, nick, text] = MESSAGE.exec(line) ?? [];
  if (number === undefined || nick === undefined || text === undefined) return undefined;
  return { number: Number(number), nick, text, line };
}

/** Last message of the room, as the answers to /join and /history tell. */
export function parseLast(line: string): { about: 'join' | 'history'; last: number } | undefined {
  const match = /^\* (you are in|end of history)\b.* #(\d+)$/.exec(line);
  if (match === null) return undefined;
  return { about: match[1] === 'end of history' ? 'history' : 'join', last: Number(match[2]) };
}

/** Everything the clients have seen of one room, together. */
export class RoomLedger {
  readonly #tally: Tally;
  /** `#lines[i]` is message i + 1. */
  #lines: string[] = [];
  readonly #lastOf = new Map<string, number>();
  #cut = false;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  get last(): number {
    return this.#lines.length;
  }

  /**
   * A client has received a message. Clients receive without gaps, so what is new here is the next
   * number; `ordinal` counts the sender's own messages.
   */
  receive(message: RoomMessage, ordinal: number): void {
    const known = this.#lines[message.number - 1];
    if (known !== undefined) {
      if (known !== message.line) {
        this.#tally.fault('wrong', 1, `message differs: "${known}" and "${message.line}"`);
      }
      return;
    }
    this.#lines.push(message.line);
    // After a loss was counted nobody knows with which number a sender goes on.
    const before = this.#lastOf.get(message.nick) ?? (this.#cut ? ordinal - 1 : 0);
    if (ordinal <= before) {
      this.#tally.fault('doubled', 1, `"${message.line}" after ${message.nick}'s number ${before}`);
    } else if (ordinal > before + 1) {
      const missing = ordinal - before - 1;
      this.#tally.fault(
        'lost',
        missing,
        `"${message.line}" after ${message.nick}'s number ${before}`,
      );
    }
    this.#lastOf.set(message.nick, Math.max(before, ordinal));
  }

  /**
   * The room's own last number, asked for when `lastWhenAsked` was known already. Fewer means that
   * messages somebody has seen are gone; they are counted once and the room goes on without them.
   */
  compare(last: number, lastWhenAsked: number): void {
    if (last >= lastWhenAsked || this.last <= last) return;
    this.#tally.fault(
      'lost',
      this.last - last,
      `the room ends at #${last}, #${this.last} was seen`,
    );
    this.#lines.length = last;
    this.#lastOf.clear();
    this.#cut = true;
  }

  /**
   * The final history: contiguous messages up to the end of the room, at least those known when it
   * was asked for.
   */
  verify(history: readonly RoomMessage[], lastWhenAsked: number): void {
    const first = history[0]?.number ?? 1;
    history.forEach((message, i) => {
      if (message.number !== first + i) {
        this.#tally.fault('outOfOrder', 1, `history has #${message.number} at place ${first + i}`);
      } else if (this.#lines[message.number - 1] !== message.line) {
        const seen = this.#lines[message.number - 1];
        this.#tally.fault('wrong', 1, `history says "${message.line}", clients saw "${seen}"`);
      }
    });
    const last = first + history.length - 1;
    this.#tally.fault('lost', Math.max(0, lastWhenAsked - last), `history ends at #${last}`);
    const dropped = history.length < HISTORY_KEPT ? first - 1 : 0;
    this.#tally.fault('lost', dropped, `history begins at #${first}`);
  }
}

/** One client's view: every number once and in order, apart from what it asked for again. */
export class Delivery {
  readonly #tally: Tally;
  readonly #client: string;
  #last = 0;
  /** Between connecting and the end of the history messages may come both live and from there. */
  #catchingUp = true;
  #early = new Map<number, RoomMessage>();

  constructor(client: string, tally: Tally) {
    this.#client = client;
    this.#tally = tally;
  }

  get last(): number {
    return this.#last;
  }

  catchUp(): void {
    this.#catchingUp = true;
    this.#early.clear();
  }

  /** The room has lost messages: go on from its end. */
  rewind(last: number): void {
    this.#last = Math.min(this.#last, last);
  }

  /** Messages to process now, in order. */
  receive(message: RoomMessage): RoomMessage[] {
    if (message.number <= this.#last) {
      if (!this.#catchingUp) {
        this.#tally.fault('doubled', 1, `${this.#client} got again: "${message.line}"`);
      }
      return [];
    }
    if (message.number > this.#last + 1) {
      if (this.#catchingUp) {
        this.#early.set(message.number, message);
        return [];
      }
      const missing = message.number - this.#last - 1;
      this.#tally.fault(
        'lost',
        missing,
        `${this.#client} got "${message.line}" after #${this.#last}`,
      );
    }
    this.#last = message.number;
    const out = [message];
    for (;;) {
      const next = this.#early.get(this.#last + 1);
      if (next === undefined) return out;
      this.#early.delete(next.number);
      this.#last = next.number;
      out.push(next);
    }
  }

  /** The end of the history is here; what came early and found no predecessor is a gap. */
  caughtUp(): RoomMessage[] {
    this.#catchingUp = false;
    const rest = [...this.#early.values()].sort((a, b) => a.number - b.number);
    this.#early.clear();
    return rest.flatMap((message) => this.receive(message));
  }
}
