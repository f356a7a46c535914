/** `net.Server` over the net device. An ES5-style constructor, as packages derive from it. */

import { ENCODING, type NetAddress } from '../../log-format/abi.ts';
import { traps } from '../drivers/traps.ts';
import { handleClosed, handleOpened } from '../loop.ts';
import { nextTick } from '../ticks.ts';
import { kAsyncDispose } from './dispose-symbols.ts';
import { EventEmitter } from './events.ts';
import { isIP } from './net-address.ts';
import { type ListenPlace, normalizeListen, secondsOf } from './net-arguments.ts';
import { attachListener, type ConnectionEnds, detachListener } from './net-device.ts';
import { listenError } from './net-errors.ts';
import { type ConnectionOwner, Socket } from './net-socket.ts';
import { Wire } from './net-wire.ts';
import { invalidArgType, nodeError } from './node-errors.ts';
import type { EmitterLike } from './stream-types.ts';
import { validateAbortSignal } from './validators.ts';

interface ServerOptions {
  readonly allowHalfOpen?: boolean;
  readonly pauseOnConnect?: boolean;
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean;
  readonly keepAliveInitialDelay?: unknown;
  readonly highWaterMark?: number;
}

/** The listener of the device. */
interface Handle {
  /** Undefined while the device has not been asked to listen: which port is still open then. */
  id: number | undefined;
  /** What the device said, or will say as far as that is known. */
  address: NetAddress | undefined;
  referenced: boolean;
  readonly place: ListenPlace;
}

/** Ports that are left to programs which choose their own (RFC 6335, section 6). */
const DYNAMIC_PORTS = { first: 49_152, count: 16_384 };

export interface Server extends EmitterLike, ConnectionOwner {
  _handle: Handle | null;
  _connections: number;
  _unref: boolean;
  _connectionKey: string | undefined;
  listening: boolean;
  maxConnections: number | undefined;
  allowHalfOpen: boolean;
  pauseOnConnect: boolean;
  noDelay: boolean;
  keepAlive: boolean;
  /** Seconds, though the option is in milliseconds: as in Node. */
  keepAliveInitialDelay: number;
  highWaterMark: number | undefined;
  listen(...args: unknown[]): Server;
  close(callback?: (error?: Error) => void): Server;
  address(): NetAddress | null;
  _emitCloseIfDrained(): void;
}

export interface ServerConstructor {
  new (options?: unknown, listener?: unknown): Server;
  (options?: unknown, listener?: unknown): Server;
  readonly prototype: Server;
}

function construct(
  this: Server | undefined,
  options?: unknown,
  listener?: unknown,
): Server | undefined {
  if (!(this instanceof Server)) return new Server(options, listener);
  (EventEmitter as unknown as (this: object) => void).call(this);
  let given: ServerOptions = {};
  let onConnection = listener;
  if (typeof options === 'function') onConnection = options;
  else if (options !== undefined && options !== null) {
    if (typeof options !== 'object') throw invalidArgType('options', 'Object', options);
    given = options as ServerOptions;
  }
  if (typeof onConnection === 'function') this.on('connection', onConnection as () => void);
  this._connections = 0;
  this._handle = null;
  this._unref = false;
  this.maxConnections = undefined;
  this.allowHalfOpen = given.allowHalfOpen === true;
  this.pauseOnConnect = given.pauseOnConnect === true;
  this.noDelay = given.noDelay === true;
  this.keepAlive = Boolean(given.keepAlive);
  this.keepAliveInitialDelay = secondsOf(given.keepAliveInitialDelay);
  this.highWaterMark = given.highWaterMark;
  return undefined;
}

/** The guest's own generator; what it was before a program replaces it. */
const { random } = Math;

export const Server = construct as unknown as ServerConstructor;
Object.defineProperty(Server, 'name', { value: 'Server', configurable: true });
Object.setPrototypeOf(
  Server.prototype,
  (EventEmitter as unknown as { prototype: object }).prototype,
);
Object.setPrototypeOf(Server, EventEmitter as unknown as object);

function reference(handle: Handle, on: boolean): void {
  if (handle.referenced === on) return;
  handle.referenced = on;
  if (on) handleOpened();
  else handleClosed();
}

function release(server: Server): void {
  const handle = server._handle;
  if (handle === null) return;
  server._handle = null;
  reference(handle, false);
  if (handle.id !== undefined) detachListener(handle.id);
}

/**
 * Asks the device to listen at `port`, which is what the place says or one chosen for it. Without a
 * host Node binds within `listen()`, so that a program may ask for the address at once. The device answers later: what
 * it will answer is told before then.
 */
function bind(server: Server, handle: Handle, port: number): void {
  const { place } = handle;
  const name = traps.encode(place.host, ENCODING.utf8);
  const id = traps.netListen(port, place.backlog, name, 0, name.byteLength);
  handle.id = id;
  if (isSynchronous(place) && port !== 0) handle.address = { address: '::', family: 'IPv6', port };
  attachListener(id, {
    owner: server,
    bound: (error, address): void => {
      if (error === 0) {
        handle.address = address;
        server.emit('listening');
        if (server._unref) reference(handle, false);
        return;
      }
      release(server);
      server.emit('error', listenError(error, place));
    },
    accepted: (connection, ends): void => accept(server, connection, ends),
  });
}

/** Node looks a host up first, even one that is an address: only without one does it bind at once. */
function isSynchronous(place: ListenPlace): boolean {
  return place.host === '';
}

function accept(server: Server, connection: number, ends: ConnectionEnds): void {
  const { maxConnections } = server;
  if (maxConnections !== undefined && server._connections >= maxConnections) {
    traps.netDestroy(connection, 0);
    server.emit('drop', {
      localAddress: ends.local.address,
      localPort: ends.local.port,
      localFamily: ends.local.family,
      remoteAddress: ends.peer.address,
      remotePort: ends.peer.port,
      remoteFamily: ends.peer.family,
    });
    return;
  }
  const socket = new Socket({
    handle: new Wire(connection, true),
    ends,
    server,
    allowHalfOpen: server.allowHalfOpen,
    pauseOnCreate: server.pauseOnConnect,
    noDelay: server.noDelay,
    keepAlive: server.keepAlive,
    keepAliveInitialDelay: server.keepAliveInitialDelay * 1000,
    ...(server.highWaterMark === undefined ? {} : { highWaterMark: server.highWaterMark }),
  });
  server._connections += 1;
  server.emit('connection', socket);
}

const methods: ThisType<Server> & Record<string, unknown> = {
  listen(...args: unknown[]): Server {
    const { place, callback } = normalizeListen(args);
    if (this._handle !== null) {
      const text = 'Listen method has been called more than once without closing.';
      throw nodeError(Error, 'ERR_SERVER_ALREADY_LISTEN', text);
    }
    validateAbortSignal(place.signal, 'options.signal');
    if (callback) this.once('listening', callback);
    const handle: Handle = { id: undefined, address: undefined, referenced: false, place };
    this._handle = handle;
    // Even one that keeps nothing alive hears where it listens.
    reference(handle, true);
    this._connectionKey = keyOf(place);
    if (place.port !== 0) bind(this, handle, place.port);
    else {
      nextTick(() => {
        if (this._handle === handle && handle.id === undefined) bind(this, handle, 0);
      });
    }
    closeOnAbort(this, place.signal);
    return this;
  },

  address(): NetAddress | null {
    const handle = this._handle;
    // Any free port would do, and is wanted before the device can say which: this server chooses.
    if (handle !== null && handle.id === undefined && isSynchronous(handle.place)) {
      bind(this, handle, DYNAMIC_PORTS.first + Math.floor(random() * DYNAMIC_PORTS.count));
    }
    return handle?.address ?? null;
  },

  close(callback?: (error?: Error) => void): Server {
    if (typeof callback === 'function') {
      if (this._handle === null) {
        this.once('close', () => {
          callback(nodeError(Error, 'ERR_SERVER_NOT_RUNNING', 'Server is not running.'));
        });
      } else this.once('close', callback);
    }
    const handle = this._handle;
    if (handle !== null) {
      release(this);
      if (handle.id !== undefined) traps.netUnlisten(handle.id);
    }
    this._emitCloseIfDrained();
    return this;
  },

  _emitCloseIfDrained(): void {
    if (this._handle !== null || this._connections > 0) return;
    nextTick(() => this.emit('close'));
  },

  connectionClosed(): void {
    this._connections -= 1;
    this._emitCloseIfDrained();
  },

  getConnections(callback: (error: Error | null, count: number) => void): Server {
    nextTick(callback as () => void, null, this._connections);
    return this;
  },

  ref(): Server {
    this._unref = false;
    if (this._handle) reference(this._handle, true);
    return this;
  },

  unref(): Server {
    this._unref = true;
    if (this._handle?.address) reference(this._handle, false);
    return this;
  },
};

/** What Node calls the place, in every error about it and in clusters. */
function keyOf({ host, port }: { readonly host: string; readonly port: number }): string {
  const family = host === '' ? 6 : isIP(host);
  return `${family || 4}:${host === '' ? '::' : host}:${port}`;
}

interface Signal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
}

function closeOnAbort(server: Server, signal: unknown): void {
  if (signal === undefined) return;
  const given = signal as Signal;
  const onAbort = (): void => {
    server.close();
  };
  if (given.aborted) nextTick(onAbort);
  else given.addEventListener('abort', onAbort);
}

/** A listener that rejects: its connection is at fault, or else the server. */
function rejected(this: Server, error: Error, event: string, ...args: unknown[]): void {
  if (event === 'connection') (args[0] as { destroy(error: Error): void }).destroy(error);
  else this.emit('error', error);
}

async function dispose(this: Server): Promise<void> {
  if (this._handle === null) return;
  await new Promise<void>((resolve, reject) => {
    this.close((error) => (error ? reject(error) : resolve()));
  });
}

for (const [symbol, value] of [
  [Symbol.for('nodejs.rejection'), rejected],
  [kAsyncDispose, dispose],
] as const) {
  const name = symbol.description === undefined ? '' : `[${symbol.description}]`;
  Object.defineProperty(value, 'name', { value: name, configurable: true });
  Object.defineProperty(Server.prototype, symbol, {
    value,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

for (const [name, value] of Object.entries(methods)) {
  Object.defineProperty(Server.prototype, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}
Object.defineProperty(Server.prototype, 'listening', {
  get(this: Server): boolean {
    const handle = this._handle;
    return handle !== null && (isSynchronous(handle.place) || handle.address !== undefined);
  },
  configurable: true,
  enumerable: true,
});
