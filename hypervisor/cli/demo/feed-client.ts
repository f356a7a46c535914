/**
 * Clients of a guest that is a client itself: it copies a feed that is served here, outside of it, and
 * shows its copy. What it has shown once it must not lose, and the copy is the feed's beginning.
 */

import { createServer, type Server } from 'node:http';
import type { HttpCaller } from './http-caller.ts';
import { type Loop, loopingClients } from './looping-client.ts';
import type { Tally } from './tally.ts';
import type { ClientGroup, Workload, WorkloadOptions } from './workload.ts';

const ENTRY_EVERY_MS = 10;
/** Entries an answer of the feed has at most. */
const PAGE = 100;

interface Entry {
  readonly number: number;
  readonly text: string;
}

export function startFeedWorkload(options: WorkloadOptions, tally: Tally): Workload {
  const feed = new Feed(options.feedPort ?? 0);
  const group = loopingClients(
    { options, tally },
    (name, caller) => new Reader(name, caller, { feed, tally }),
  );
  return new FeedWorkload(feed, group);
}

/** The feed lives as long as its readers. */
class FeedWorkload implements Workload {
  readonly tally: Tally;
  readonly #feed: Feed;
  readonly #group: ClientGroup;

  constructor(feed: Feed, group: ClientGroup) {
    this.tally = group.tally;
    this.#feed = feed;
    this.#group = group;
  }

  start(): void {
    this.#feed.start();
    this.#group.start();
  }

  async finish(timeoutMs: number): Promise<void> {
    await this.#group.finish(timeoutMs);
    this.#feed.stop();
  }

  stop(): void {
    this.#group.stop();
    this.#feed.stop();
  }
}

class Feed {
  readonly #port: number;
  readonly #server: Server;
  #timer: NodeJS.Timeout | undefined;
  #last = 0;

  constructor(port: number) {
    this.#port = port;
    this.#server = createServer((request, response) => {
      const after = Number(new URL(request.url ?? '', 'http://feed').searchParams.get('after'));
      const count = Math.min(PAGE, Math.max(0, this.#last - after));
      const entries = Array.from({ length: count }, (_, index) => this.entry(after + 1 + index));
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(entries));
    });
  }

  get last(): number {
    return this.#last;
  }

  entry(number: number): Entry {
    return { number, text: `entry ${number}` };
  }

  start(): void {
    this.#server.listen(this.#port, '127.0.0.1');
    this.#timer = setInterval(() => {
      this.#last += 1;
    }, ENTRY_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

class Reader implements Loop {
  readonly #name: string;
  readonly #caller: HttpCaller;
  readonly #feed: Feed;
  readonly #tally: Tally;
  /** Newest entry the guest has shown. */
  #last = 0;

  constructor(
    name: string,
    caller: HttpCaller,
    { feed, tally }: { readonly feed: Feed; readonly tally: Tally },
  ) {
    this.#name = name;
    this.#caller = caller;
    this.#feed = feed;
    this.#tally = tally;
  }

  /** Asks from the newest known one on, so that an answer always shows whether that is still there. */
  async step(): Promise<void> {
    const from = Math.max(0, this.#last - 1);
    const entries = await this.#read(from);
    if (entries.length === 0 && this.#last > from) {
      const text = `${this.#name} had seen #${this.#last}, the guest has it no more`;
      this.#tally.fault('lost', 1, text);
      this.#last = 0;
      return;
    }
    this.#check(entries, from);
  }

  /** The guest gets to where the feed is now, and all of its copy is right. */
  async conclude(): Promise<void> {
    const goal = this.#feed.last;
    while (this.#last < goal) await this.step();
    this.#check(await this.#read(0), 0);
  }

  async #read(after: number): Promise<readonly unknown[]> {
    const { value } = await this.#caller.askAgain({
      method: 'GET',
      path: `/entries?after=${after}`,
    });
    return Array.isArray(value) ? value : [];
  }

  #check(entries: readonly unknown[], from: number): void {
    for (const [index, entry] of entries.entries()) {
      const expected = JSON.stringify(this.#feed.entry(from + 1 + index));
      if (JSON.stringify(entry) === expected) continue;
      this.#tally.fault('wrong', 1, `${this.#name} got ${JSON.stringify(entry)}, not ${expected}`);
      return;
    }
    this.#last = Math.max(this.#last, from + entries.length);
  }
}
