/** A proxy in front of one server that can lose its answers, or swallow everything. */

import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * `loseAnswers`: the server acts, and the connection is cut at the first byte of its answer.
 * `passNew`: connections from before stay silent for ever.
 */
export type ProxyMode = 'pass' | 'loseAnswers' | 'swallow' | 'passNew';

export class LossyProxy {
  readonly #target: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  mode: ProxyMode = 'pass';
  /** Answers lost so far. */
  lost = 0;
  /** Resolves at the first question that is swallowed. */
  readonly swallowed: Promise<void>;
  #onSwallowed: () => void = () => undefined;

  private constructor(target: number) {
    this.#target = target;
    this.swallowed = new Promise((resolve) => {
      this.#onSwallowed = resolve;
    });
    this.#server = createServer((client) => this.#serve(client));
  }

  /** Passes on to `target` on the loopback interface. */
  static async to(target: number): Promise<LossyProxy> {
    const proxy = new LossyProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #serve(client: Socket): void {
    this.#keep(client);
    const server = connect({ port: this.#target, host: '127.0.0.1' });
    this.#keep(server);
    const isNew = this.mode === 'passNew';
    client.on('data', (bytes) => {
      if (this.mode === 'swallow') this.#onSwallowed();
      else if (this.mode !== 'passNew' || isNew) server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (this.mode === 'pass' || isNew) client.write(bytes);
      if (this.mode !== 'loseAnswers') return;
      this.lost += 1;
      client.destroy();
    });
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
