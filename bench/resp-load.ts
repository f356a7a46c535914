/**
 * Closed-loop load on a RESP server: each connection keeps `pipeline` requests under way, and every
 * reply is checked against the only right one.
 *
 *   node dist/bench/resp-load.js --port 6379 [--connections 16] [--seconds 3] [--pipeline 1]
 */

import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { quantilesOf } from '../hypervisor/cli/demo/quantiles.ts';
import { describeReply, encodeRequest, ReplyReader } from '../hypervisor/cli/demo/resp.ts';

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** Requests under way per connection. */
  readonly pipeline: number;
  /** Bytes of each value. */
  readonly valueBytes: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Milliseconds from write to reply. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** Runs the load; rejects at the first wrong reply or lost connection: there is no rate of those. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  const until = startedAt + options.seconds * 1000;
  const clients = Array.from(
    { length: options.connections },
    (_, i) => new LoadClient(`load:${i}`, options, { until, latencies }),
  );
  try {
    await Promise.all(clients.map((client) => client.run()));
  } finally {
    for (const client of clients) client.close();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const latencyMs = quantilesOf(latencies);
  if (latencyMs === undefined) throw new Error('no request was answered');
  const { p50, p99, max } = latencyMs;
  return {
    requests: latencies.length,
    requestsPerSecond: latencies.length / seconds,
    latencyMs: { p50, p99, max },
  };
}

/** SET and GET of a growing value in turn, so that a stale or crossed reply is a wrong one. */
class LoadClient {
  readonly #key: string;
  readonly #options: LoadOptions;
  readonly #run: { readonly until: number; readonly latencies: number[] };
  readonly #reader = new ReplyReader();
  readonly #pending: { expected: string; sentAt: number }[] = [];
  readonly #socket: Socket;
  #number = 0;
  #value = '';
  #finish: (() => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  constructor(
    key: string,
    options: LoadOptions,
    run: { readonly until: number; readonly latencies: number[] },
  ) {
    this.#key = key;
    this.#options = options;
    this.#run = run;
    this.#socket = connect(options.port, '127.0.0.1');
    this.#socket.setEncoding('latin1');
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (text: string) => this.#onText(text));
    this.#socket.on('connect', () => this.#fill());
    this.#socket.on('error', (error) => this.#fail?.(error));
    this.#socket.on('close', () => this.#fail?.(new Error('the connection was closed')));
  }

  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #fill(): void {
    if (performance.now() >= this.#run.until) {
      if (this.#pending.length === 0) this.#finish?.();
      return;
    }
    let out = '';
    while (this.#pending.length < this.#options.pipeline) out += this.#next();
    if (out !== '') this.#socket.write(out, 'latin1');
  }

  #next(): string {
    this.#number += 1;
    const sets = this.#number % 2 === 1;
    if (sets) this.#value = String(this.#number).padEnd(this.#options.valueBytes, 'x');
    this.#pending.push({ expected: sets ? 'OK' : this.#value, sentAt: performance.now() });
    return encodeRequest(sets ? ['SET', this.#key, this.#value] : ['GET', this.#key]);
  }

  #onText(text: string): void {
    this.#reader.push(text);
    const now = performance.now();
    for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next()) {
      const pending = this.#pending.shift();
      const got = reply.type === 'bulk' ? reply.text : describeReply(reply);
      if (pending === undefined || got !== pending.expected) {
        this.#fail?.(new Error(`${this.#key}: got ${got}, expected ${pending?.expected}`));
        return;
      }
      this.#run.latencies.push(now - pending.sentAt);
    }
    this.#fill();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '6379' },
      connections: { type: 'string', default: '16' },
      seconds: { type: 'string', default: '3' },
      pipeline: { type: 'string', default: '1' },
      'value-bytes': { type: 'string', default: '64' },
    },
  });
  const result = await runLoad({
    port: Number(values.port),
    connections: Number(values.connections),
    seconds: Number(values.seconds),
    pipeline: Number(values.pipeline),
    valueBytes: Number(values['value-bytes']),
  });
  console.log(JSON.stringify(result));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
