/**
 * A TCP proxy that is a bad network: delay, jitter, a slow line, a reader that does not read, bytes
 * that wait or get lost one way or both, flipped bits, resets, refused connections. Kernels without
 * netem have nothing of the kind. What a connection suffers is in chaos-pipe.ts; what it looks like to
 * the two ends is here:
 *
 * - While a way holds, also the end of a connection (and its reset) does not get through, and a new
 *   connection is taken but reaches nobody: a partition is silent.
 * - A connection that lost bytes is reset when its way passes again: TCP delivers all or nothing.
 */

import { createServer, type Server, Socket } from 'node:net';
import { resetSocket } from '../../hypervisor/host/reset-socket.ts';
import { ChaosPipe, CLEAN, type Impairment } from './chaos-pipe.ts';

export interface ChaosTarget {
  readonly host: string;
  readonly port: number;
}

/** Seen from whoever dialled the proxy: `there` is towards the target, `back` is towards the dialler. */
export interface BothWays {
  readonly there?: Partial<Impairment>;
  readonly back?: Partial<Impairment>;
}

export interface ProxyCounters {
  readonly open: number;
  readonly accepted: number;
  /** Bytes that are late or held, of all connections. */
  readonly queuedBytes: number;
}

const LOOPBACK = '127.0.0.1';

export class ChaosProxy {
  readonly #target: ChaosTarget;
  readonly #host: string;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  #port: number;
  #seed: number;
  #there: Impairment = CLEAN;
  #back: Impairment = CLEAN;
  #refusing = false;
  #accepted = 0;

  private constructor(target: ChaosTarget, options: ProxyOptions) {
    this.#target = target;
    this.#host = options.host ?? LOOPBACK;
    this.#port = options.port ?? 0;
    this.#seed = options.seed ?? 1;
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) =>
      this.#accept(socket),
    );
  }

  /** Listens on `options.host:port`, loopback and any port by default. */
  static async start(target: ChaosTarget, options: ProxyOptions = {}): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(target, options);
    await proxy.#listen();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** `host:port`, to be dialled. */
  get address(): string {
    return `${this.#host}:${this.#port}`;
  }

  get counters(): ProxyCounters {
    let queuedBytes = 0;
    for (const connection of this.#connections) queuedBytes += connection.queuedBytes;
    return { open: this.#connections.size, accepted: this.#accepted, queuedBytes };
  }

  /** Replaces what both ways suffer, of connections there are and will be; what is not named is clean. */
  impair(ways: BothWays): void {
    this.#there = { ...CLEAN, ...ways.there };
    this.#back = { ...CLEAN, ...ways.back };
    for (const connection of this.#connections) connection.impair(this.#there, this.#back);
  }

  /** As `impair`, of the oldest open connection only: a middlebox that forgot one flow of several. */
  impairOldest(ways: BothWays): void {
    const [oldest] = this.#connections;
    oldest?.impair({ ...CLEAN, ...ways.there }, { ...CLEAN, ...ways.back });
  }

  heal(): void {
    this.impair({});
  }

  /** Nothing gets through and nobody is told, until it is healed. */
  blackhole(): void {
    this.impair({ there: { way: 'hold' }, back: { way: 'hold' } });
  }

  /** As `blackhole`, one way only. */
  cut(way: 'there' | 'back'): void {
    this.impair({ [way]: { way: 'hold' } });
  }

  /** Bytes of one way are lost for ever: each connection is half open until it is healed, then reset. */
  halfOpen(way: 'there' | 'back'): void {
    this.impair({ [way]: { way: 'swallow' } });
  }

  /** Flips one bit of the next bytes that come that way, on each connection. */
  corruptNext(way: 'there' | 'back'): void {
    for (const connection of this.#connections) connection.corruptNext(way);
  }

  /** RST to both ends of every connection. */
  reset(): void {
    for (const connection of [...this.#connections]) connection.reset();
  }

  /** From now on connecting is refused; connections there are stay. */
  async refuse(): Promise<void> {
    if (this.#refusing) return;
    this.#refusing = true;
    await new Promise<void>((resolve) => {
      // The callback waits for all connections, the listening socket is closed at once.
      this.#server.close();
      setImmediate(resolve);
    });
  }

  /** Takes connections again, on the same port. */
  async accept(): Promise<void> {
    if (!this.#refusing) return;
    await this.#listen();
    this.#refusing = false;
  }

  async close(): Promise<void> {
    this.reset();
    if (!this.#refusing) await new Promise<void>((done) => this.#server.close(() => done()));
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, this.#host, () => {
        this.#server.off('error', reject);
        const bound = this.#server.address();
        if (bound !== null && typeof bound === 'object') this.#port = bound.port;
        resolve();
      });
    });
  }

  #accept(client: Socket): void {
    this.#accepted += 1;
    this.#seed += 1;
    const connection: Connection = new Connection(client, this.#target, {
      seed: this.#seed,
      onGone: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
    connection.impair(this.#there, this.#back);
  }
}

export interface ProxyOptions {
  readonly host?: string;
  readonly port?: number;
  readonly seed?: number;
}

/** A pipe between two sockets: reads one, writes the other, at the pipe's times. */
class Flow {
  readonly pipe: ChaosPipe;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #onMoved: () => void;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(from: Socket, to: Socket, pipe: ChaosPipe, onMoved: () => void) {
    this.#from = from;
    this.#to = to;
    this.pipe = pipe;
    this.#onMoved = onMoved;
    from.on('data', (bytes: Buffer) => {
      pipe.push(Buffer.from(bytes), performance.now());
      this.move();
    });
    from.on('end', () => {
      this.#ended = true;
      this.move();
    });
    to.on('drain', () => this.move());
  }

  /** Nothing is under way this way. */
  get empty(): boolean {
    return this.pipe.queuedBytes === 0 && this.#to.writableLength === 0;
  }

  move(): void {
    clearTimeout(this.#timer);
    const to = this.#to;
    const open = !to.pending && to.writable;
    if (open) for (const bytes of this.pipe.due(performance.now())) to.write(bytes);
    if (this.pipe.full || to.writableNeedDrain) this.#from.pause();
    else this.#from.resume();
    if (open && this.#ended && this.pipe.queuedBytes === 0 && this.pipe.way === 'pass') to.end();
    const next = open ? this.pipe.nextAt() : undefined;
    if (next !== undefined)
      this.#timer = setTimeout(() => this.move(), Math.max(0, next - performance.now()));
    this.#onMoved();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

class Connection {
  readonly #client: Socket;
  readonly #server = new Socket({ allowHalfOpen: true });
  readonly #target: ChaosTarget;
  readonly #onGone: () => void;
  readonly #there: Flow;
  readonly #back: Flow;
  #dialled = false;
  #over = false;
  /** The end that is gone, and how, while the other may not know yet. */
  #lost: { readonly end: 'client' | 'server'; readonly how: 'closed' | 'reset' } | undefined;

  constructor(
    client: Socket,
    target: ChaosTarget,
    options: { readonly seed: number; readonly onGone: () => void },
  ) {
    this.#client = client;
    this.#target = target;
    this.#onGone = options.onGone;
    const server = this.#server;
    const settle = (): void => this.#settle();
    this.#there = new Flow(client, server, new ChaosPipe(2 * options.seed), settle);
    this.#back = new Flow(server, client, new ChaosPipe(2 * options.seed + 1), settle);
    for (const socket of [client, server]) socket.setNoDelay(true);
    client.on('error', () => this.#broken({ end: 'client', how: 'reset' }));
    client.on('close', () => this.#broken({ end: 'client', how: 'closed' }));
    server.on('error', () => this.#broken({ end: 'server', how: 'reset' }));
    server.on('close', () => this.#broken({ end: 'server', how: 'closed' }));
    server.on('connect', () => this.#there.move());
  }

  get queuedBytes(): number {
    return this.#there.pipe.queuedBytes + this.#back.pipe.queuedBytes;
  }

  impair(there: Impairment, back: Impairment): void {
    if (this.#over) return;
    this.#there.pipe.impair(there);
    this.#back.pipe.impair(back);
    const lost = this.#there.pipe.swallowedBytes + this.#back.pipe.swallowedBytes > 0;
    if (lost && there.way !== 'swallow' && back.way !== 'swallow') {
      this.reset();
      return;
    }
    // A handshake needs both ways.
    if (!this.#dialled && there.way === 'pass' && back.way === 'pass') {
      this.#dialled = true;
      this.#server.connect({ port: this.#target.port, host: this.#target.host });
    }
    this.#there.move();
    this.#back.move();
  }

  corruptNext(way: 'there' | 'back'): void {
    (way === 'there' ? this.#there : this.#back).pipe.corruptNext();
  }

  reset(): void {
    this.#end('reset');
  }

  #broken(lost: { readonly end: 'client' | 'server'; readonly how: 'closed' | 'reset' }): void {
    this.#lost ??= lost;
    this.#settle();
  }

  /** The other end learns of a loss once everything before it has arrived, and only if it can. */
  #settle(): void {
    if (this.#over || this.#lost === undefined) return;
    const [flow, other] =
      this.#lost.end === 'client' ? [this.#there, this.#server] : [this.#back, this.#client];
    const arrived = flow.pipe.way === 'pass' && flow.empty;
    if (arrived || other.destroyed) this.#end(this.#lost.how);
  }

  #end(how: 'closed' | 'reset'): void {
    if (this.#over) return;
    this.#over = true;
    this.#there.stop();
    this.#back.stop();
    for (const socket of [this.#client, this.#server])
      if (how === 'closed') socket.destroy();
      else resetSocket(socket);
    this.#onGone();
  }
}
