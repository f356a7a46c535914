/**
 * One client's HTTP connection that comes back by itself, one request at a time. A request whose answer
 * was cut off is not sent again: only who knows what it was for can tell whether that is right.
 */

import { Agent, type ClientRequest, request } from 'node:http';
import type { Socket } from 'node:net';
import type { Tally } from './tally.ts';
import { GapMeter, type WorkloadOptions } from './workload.ts';

export interface HttpReply {
  readonly status: number;
  /** The body as JSON; undefined when it is none. */
  readonly value: unknown;
}

export interface HttpAsk {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
}

/** Pause between attempts to connect. Short, because it is part of the gap a client sees. */
const RETRY_MS = 3;

export class HttpCaller {
  readonly #options: WorkloadOptions;
  readonly #tally: Tally;
  readonly #gap: GapMeter;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #known = new WeakSet<Socket>();
  #underWay: ClientRequest | undefined;
  /** The connection was lost while nothing was under way. */
  #isCut = false;
  #stopped = false;

  constructor(options: WorkloadOptions, tally: Tally) {
    this.#options = options;
    this.#tally = tally;
    this.#gap = new GapMeter(options.now, tally.gapsMs);
  }

  /**
   * Undefined: the connection was lost, now or since the last request, and the guest may have changed;
   * what was asked may have been done or not. Never settles once stopped.
   */
  async ask(ask: HttpAsk): Promise<HttpReply | undefined> {
    if (this.#isCut) {
      this.#isCut = false;
      return undefined;
    }
    const sentAt = this.#options.now();
    const reply = await this.#send(ask);
    if (this.#stopped) return new Promise(() => undefined);
    if (reply !== undefined) {
      this.#tally.answered += 1;
      this.#gap.answered();
      return reply;
    }
    this.#isCut = false;
    this.#gap.lost(sentAt);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    return undefined;
  }

  /** Asks until there is an answer: for what may be asked twice. */
  async askAgain(ask: HttpAsk): Promise<HttpReply> {
    for (;;) {
      const reply = await this.ask(ask);
      if (reply !== undefined) return reply;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#agent.destroy();
    this.#underWay?.destroy();
  }

  #send({ method, path, body }: HttpAsk): Promise<HttpReply | undefined> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      ...(text === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...(text === undefined ? {} : { 'Content-Length': Buffer.byteLength(text) }),
    };
    const { port } = this.#options;
    return new Promise((resolve) => {
      const asked = request({ port, host: '127.0.0.1', method, path, headers, agent: this.#agent });
      this.#underWay = asked;
      this.#tally.requests += 1;
      asked.setNoDelay(true);
      asked.on('socket', (socket) => this.#watch(socket));
      const over = (reply: HttpReply | undefined): void => {
        this.#underWay = undefined;
        resolve(reply);
      };
      asked.on('error', (error: NodeJS.ErrnoException) => {
        // Nobody listened: nothing has left.
        if (error.code === 'ECONNREFUSED') this.#tally.requests -= 1;
        over(undefined);
      });
      asked.on('response', (response) => {
        let answer = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          answer += part;
        });
        response.on('error', () => over(undefined));
        response.on('end', () => over({ status: response.statusCode ?? 0, value: json(answer) }));
      });
      asked.end(text);
    });
  }

  #watch(socket: Socket): void {
    if (this.#known.has(socket)) return;
    this.#known.add(socket);
    socket.once('close', () => {
      if (this.#stopped || this.#underWay !== undefined) return;
      this.#isCut = true;
      this.#gap.lost(undefined);
    });
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
