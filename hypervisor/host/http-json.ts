/**
 * A client of one HTTP server that speaks JSON: connections are kept, every question has an end, and
 * what cannot be an answer is an error. `https:` goes the same way, with `tls` as Node takes it.
 */

import {
  Agent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { ARBITER_ANSWER_BYTES_MAX, ARBITER_IDLE_MS, ARBITER_SOCKETS_MAX } from '../base/limits.ts';
import { readTokenFile } from './arbiter-token.ts';

export interface JsonEndpoint {
  /** `http://host:port` or `https://host:port`. */
  readonly origin: string;
  /** Read when it is first needed, and again when the server does not take its word. */
  readonly tokenFile: string | undefined;
  readonly tls?: SecureContextOptions;
}

export interface JsonAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface JsonQuestion {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly body?: object;
  /** Ends the question; what it did at the server nobody knows then. */
  readonly signal: AbortSignal;
}

export class JsonClient {
  readonly #endpoint: JsonEndpoint;
  readonly #agent: Agent;
  #token: string | undefined;

  constructor(endpoint: JsonEndpoint) {
    this.#endpoint = endpoint;
    const keep = { keepAlive: true, maxSockets: ARBITER_SOCKETS_MAX, timeout: ARBITER_IDLE_MS };
    this.#agent = endpoint.origin.startsWith('https:')
      ? new HttpsAgent({ ...keep, ...endpoint.tls })
      : new Agent(keep);
  }

  /**
   * Asks, and once more where a kept connection turns out to be closed: the question must be one that
   * does the same when it is asked twice.
   */
  async ask(question: JsonQuestion): Promise<JsonAnswer> {
    const answer = await this.#askAgain(question);
    if (answer.status !== 401 || this.#endpoint.tokenFile === undefined) return answer;
    const before = this.#token;
    this.#token = readTokenFile(this.#endpoint.tokenFile);
    return this.#token === before ? answer : await this.#askAgain(question);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #askAgain(question: JsonQuestion): Promise<JsonAnswer> {
    const how = { reused: false };
    try {
      return await this.#once(question, how);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const closed = code === 'ECONNRESET' || code === 'EPIPE';
      if (!how.reused || !closed || question.signal.aborted) throw error;
      return await this.#once(question, how);
    }
  }

  #once(
    { method, path, body, signal }: JsonQuestion,
    how: { reused: boolean },
  ): Promise<JsonAnswer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const { tokenFile, origin } = this.#endpoint;
    if (tokenFile !== undefined) this.#token ??= readTokenFile(tokenFile);
    const { protocol, hostname, port } = new URL(origin);
    const options: RequestOptions = {
      method,
      // Not as part of a URL, which would take /v1/vm/.. for /v1.
      path,
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
      agent: this.#agent,
      signal,
      headers: {
        ...(text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      },
    };
    return new Promise((resolve, reject) => {
      const request = (protocol === 'https:' ? httpsRequest : httpRequest)(options, (response) => {
        readJson(response).then(resolve, reject);
      });
      request.on('error', (error) => {
        how.reused = request.reusedSocket;
        reject(error);
      });
      request.end(text);
    });
  }
}

async function readJson(response: IncomingMessage): Promise<JsonAnswer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > ARBITER_ANSWER_BYTES_MAX) throw new Error('the answer is too long to be one');
    parts.push(part);
  }
  const status = response.statusCode ?? 0;
  const text = Buffer.concat(parts).toString();
  try {
    return { status, body: JSON.parse(text) as unknown };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Error(`the answer (${status}) is not JSON; is there an hv arbiter at this address?`);
  }
}
