/** Drives kv-model.ts against a socket: one client of the key-value demo. */

import { judge, KvScript, type Operation, segmentOf, segmentStart } from './kv-model.ts';
import { PersistentSocket } from './persistent-socket.ts';
import { describeReply, encodeRequest, type Reply, ReplyReader } from './resp.ts';
import type { Tally } from './tally.ts';
import { ClientGroup, GapMeter, type WorkloadClient, type WorkloadOptions } from './workload.ts';

/** Time between looks at the window: sets the load, so that clients do not starve the replicas. */
const PACE_MS = 5;
/** Requests under way: odd clients wait for each reply, even ones pipeline. */
const WINDOWS = [4, 1];

interface Pending {
  readonly words: readonly string[];
  readonly sentAt: number;
  readonly onReply: (reply: Reply) => void;
}

export function startKvWorkload(options: WorkloadOptions, tally: Tally): ClientGroup {
  const clients = Array.from(
    { length: options.clients },
    (_, i) => new KvClient(`client ${i + 1}`, WINDOWS[i % WINDOWS.length] ?? 1, options, tally),
  );
  return new ClientGroup(tally, clients);
}

class KvClient implements WorkloadClient {
  readonly name: string;
  readonly #window: number;
  readonly #now: () => number;
  readonly #tally: Tally;
  readonly #gap: GapMeter;
  readonly #socket: PersistentSocket;
  #reader = new ReplyReader();
  #pending: Pending[] = [];
  #generation = 1;
  #script: KvScript;
  #acked = 0;
  #ready = false;
  #pace: NodeJS.Timeout | undefined;
  #done: (() => void) | undefined;
  #finalRead = false;

  constructor(name: string, window: number, options: WorkloadOptions, tally: Tally) {
    this.name = name;
    this.#window = window;
    this.#now = options.now;
    this.#tally = tally;
    this.#gap = new GapMeter(options.now, tally.gapsMs);
    this.#script = this.#newScript();
    this.#socket = new PersistentSocket(options.port, {
      onOpen: () => this.#onOpen(),
      onText: (text) => this.#onText(text),
      onLost: () => this.#onLost(),
    });
  }

  start(): void {
    this.#socket.start();
    this.#pace = setInterval(() => this.#fill(), PACE_MS);
  }

  finish(done: () => void): void {
    this.#done = done;
    this.#fill();
  }

  stop(): void {
    clearInterval(this.#pace);
    this.#socket.stop();
  }

  #newScript(): KvScript {
    return new KvScript(`demo:${this.name.replace(' ', '')}:${this.#generation}`);
  }

  /** Keys that were judged faulty are left alone: each fault counts once. */
  #startOver(): void {
    this.#generation += 1;
    this.#script = this.#newScript();
    this.#acked = 0;
  }

  #onOpen(): void {
    this.#reader = new ReplyReader();
    if (this.#script.next === 1) this.#ready = true;
    else this.#readBack({ everything: false, onJudged: (applied) => this.#resume(applied) });
  }

  #onLost(): void {
    this.#gap.lost(this.#pending[0]?.sentAt);
    this.#pending = [];
    this.#ready = false;
    this.#finalRead = false;
  }

  #resume(applied: number | undefined): void {
    if (applied === undefined) {
      this.#startOver();
    } else {
      this.#acked = applied;
      this.#script.rewind(applied);
    }
    this.#ready = true;
    this.#fill();
  }

  #fill(): void {
    if (!this.#ready) return;
    if (this.#done !== undefined) {
      this.#readEverything();
      return;
    }
    while (this.#pending.length < this.#window) {
      const operation = this.#script.issue();
      this.#request(operation.words, (reply) => this.#onAcknowledged(operation, reply));
    }
  }

  /** Once nothing is under way: the last word on every key. */
  #readEverything(): void {
    if (this.#pending.length > 0 || this.#finalRead) return;
    this.#finalRead = true;
    this.#readBack({
      everything: true,
      onJudged: () => {
        this.#done?.();
        this.stop();
      },
    });
  }

  #onAcknowledged(operation: Operation, reply: Reply): void {
    const got = describeReply(reply);
    if (got === operation.expected) this.#acked = operation.number;
    else this.#wrongReply(operation, reply, got);
  }

  #wrongReply(operation: Operation, reply: Reply, got: string): void {
    const text = `${this.name} operation ${operation.number} ${operation.words.join(' ')}: got ${got}, expected ${operation.expected}`;
    const counts = reply.type !== 'error' && Number.isFinite(Number(got));
    if (counts && Number(got) < Number(operation.expected)) this.#tally.fault('lost', 1, text);
    else if (counts && Number(got) > Number(operation.expected)) {
      this.#tally.fault('doubled', 1, text);
    } else this.#tally.fault('wrong', 1, text);
    // What follows in this window is judged by the same broken keys: it is read and not counted.
    const open = this.#pending.map((pending) => ({ ...pending, onReply: () => undefined }));
    this.#pending = open;
    this.#startOver();
  }

  /** Reads the client's keys and judges them; `onJudged` gets the number of applied operations. */
  #readBack(plan: { everything: boolean; onJudged: (applied: number | undefined) => void }): void {
    const script = this.#script;
    const span = { acked: this.#acked, sent: script.next - 1 };
    const logFrom = plan.everything ? 1 : segmentStart(span.acked);
    const logs: string[] = [];
    for (let segment = segmentOf(logFrom); segment <= segmentOf(span.sent); segment += 1) {
      this.#request(['GET', script.logKey(segment)], (reply) => logs.push(textOf(reply) ?? ''));
    }
    let register: string | undefined;
    this.#request(['GET', script.registerKey], (reply) => {
      register = textOf(reply);
    });
    this.#request(['GET', script.countKey], (reply) => {
      const seen = { log: logs.join(''), count: textOf(reply), register, logFrom };
      plan.onJudged(judge(seen, span, { tally: this.#tally, client: this.name }));
    });
  }

  #request(words: readonly string[], onReply: (reply: Reply) => void): void {
    this.#tally.requests += 1;
    this.#pending.push({ words, sentAt: this.#now(), onReply });
    this.#socket.send(encodeRequest(words));
  }

  #onText(text: string): void {
    this.#reader.push(text);
    for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next()) {
      const pending = this.#pending.shift();
      if (pending === undefined) {
        this.#tally.fault(
          'doubled',
          1,
          `${this.name} got a reply to nothing: ${describeReply(reply)}`,
        );
        continue;
      }
      this.#tally.answered += 1;
      this.#gap.answered();
      pending.onReply(reply);
    }
    if (this.#done !== undefined) this.#fill();
  }
}

function textOf(reply: Reply): string | undefined {
  return reply.type === 'bulk' ? reply.text : `(${describeReply(reply)})`;
}
