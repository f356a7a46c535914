/** A plain RESP client for tests: one connection, requests answered in order. */

import { connect, type Socket } from 'node:net';
import { encodeRequest, type Reply, ReplyReader } from '../../hypervisor/cli/demo/resp.ts';

export class KvClient {
  readonly #socket: Socket;
  readonly #reader = new ReplyReader();
  readonly #waiting: { resolve(reply: Reply): void; reject(error: Error): void }[] = [];
  #error: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => {
      this.#reader.push(bytes.toString('latin1'));
      for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next())
        this.#waiting.shift()?.resolve(reply);
    });
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('connection closed')));
  }

  static open(port: number, host = '127.0.0.1'): Promise<KvClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new KvClient(socket));
      });
    });
  }

  /** Connects as soon as somebody listens; gives up after `withinMs`. */
  static async reach(port: number, withinMs = 10_000): Promise<KvClient> {
    const until = performance.now() + withinMs;
    for (;;) {
      try {
        return await KvClient.open(port);
      } catch (error) {
        if (performance.now() > until) throw error;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }

  /** Nothing can be asked any more: a question now would not even be sent. */
  get lost(): boolean {
    return this.#error !== undefined;
  }

  ask(...words: readonly string[]): Promise<Reply> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(encodeRequest(words));
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    this.#error ??= error;
    for (const one of this.#waiting.splice(0)) one.reject(error);
  }
}

/**
 * A free TCP port of loopback, for whoever must know it before. Below the range the kernel takes ports from for connections and for port 0: what is free now is still free when
 * a process has been started to listen there. Each process of tests looks from a place of its own on.
 */
const FIRST_PORT = 12_000;
const PORTS = 20_000;
let tried = process.pid * 97;

export async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  for (;;) {
    tried += 1;
    const port = FIRST_PORT + (tried % PORTS);
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}
