/**
 * `net.Socket` over the net device, with Node 20's events, errors and their order. An ES5-style
 * constructor: packages call `net.Socket.call(this)`.
 */

import { ENCODING, type NetAddress } from '../../log-format/abi.ts';
import { traps } from '../drivers/traps.ts';
import { nextTick } from '../ticks.ts';
import { isIP } from './net-address.ts';
import {
  checkSocketOptions,
  isOwnAddress,
  normalizeConnect,
  secondsOf,
  streamOptions,
} from './net-arguments.ts';
import { attachConnection } from './net-device.ts';
import { bindError, connectError, streamError } from './net-errors.ts';
import { type Lookup, lookUp } from './net-lookup.ts';
import { Arrivals, onReadOf } from './net-socket-read.ts';
import { kState, type SocketOptions, type Socket as SocketShape } from './net-socket-types.ts';
import { defineViews, endOf } from './net-socket-views.ts';
import { streamMethods } from './net-socket-write.ts';
import { Wire } from './net-wire.ts';
import { nodeError, outOfRange } from './node-errors.ts';
import { exported as stream } from './stream.ts';
import type { Done, StreamModule } from './stream-types.ts';
import { clearTimeout, setUnreferencedTimeout } from './timers.ts';
import { validateFunction, validateNumber } from './validators.ts';

const { Duplex } = stream as unknown as StreamModule;

const TIMEOUT_MAX_MS = 2 ** 31 - 1;

export type { ConnectionOwner, SocketOptions } from './net-socket-types.ts';
export type Socket = SocketShape;

export interface SocketConstructor {
  new (options?: SocketOptions): Socket;
  (options?: SocketOptions): Socket;
  readonly prototype: Socket;
}

function construct(this: Socket | undefined, options: SocketOptions = {}): Socket | undefined {
  if (!(this instanceof Socket)) return new Socket(options);
  checkSocketOptions(options);
  this.connecting = false;
  this._host = null;
  this._hadError = false;
  this._handle = null;
  this.server = options.server ?? null;
  this._server = this.server;
  this.timeout = undefined;
  this.autoSelectFamilyAttemptedAddresses = [];
  this[kState] = {
    ends: options.ends,
    peerRead: false,
    wire: undefined,
    reset: false,
    referenced: true,
    noDelay: options.noDelay === true,
    keepAlive: Boolean(options.keepAlive),
    keepAliveDelay: secondsOf(options.keepAliveInitialDelay),
    onRead: onReadOf(options.onread),
    pendingBytes: 0,
    attempt: undefined,
    idle: undefined,
    place: { host: '', port: 0 },
    lookedUp: true,
    announceClose: undefined,
    consumer: undefined,
  };
  Duplex.call(this, {
    allowHalfOpen: options.allowHalfOpen === true,
    ...streamOptions(options),
    emitClose: false,
    autoDestroy: true,
    decodeStrings: false,
  });
  this.on('end', onEnd);
  if (options.handle) {
    attach(this, options.handle);
    applyOptions(this, options.handle);
    if (options.pauseOnCreate) {
      options.handle.setReading(false);
      this.pause();
    } else this.read(0);
  }
  return undefined;
}

export const Socket = construct as unknown as SocketConstructor;
Object.defineProperty(Socket, 'name', { value: 'Socket', configurable: true });
Object.setPrototypeOf(Socket.prototype, Duplex.prototype);
Object.setPrototypeOf(Socket, Duplex);

/** The peer has ended and so must we: what is written from now on has nowhere to go. */
function onEnd(this: Socket): void {
  if (!this.allowHalfOpen) this.write = writeAfterEnd;
}

function writeAfterEnd(this: Socket, chunk: unknown, encoding?: unknown, done?: unknown): boolean {
  if (!this.writableEnded) return Duplex.prototype.write.call(this, chunk, encoding, done);
  const callback = typeof encoding === 'function' ? encoding : done;
  const error = Object.assign(new Error('This socket has been ended by the other party'), {
    code: 'EPIPE',
  });
  if (typeof callback === 'function') nextTick(callback as () => void, error);
  this.destroy(error);
  return false;
}

function applyOptions(socket: Socket, wire: Wire): void {
  const state = socket[kState];
  if (state.noDelay) wire.setNoDelay(true);
  if (state.keepAlive) wire.setKeepAlive(true, state.keepAliveDelay);
}

/** Ties a connection of the device to the socket. */
function attach(socket: Socket, wire: Wire): void {
  socket._handle = wire;
  socket[kState].wire = wire;
  const arrivals = new Arrivals(socket, wire);
  attachConnection(wire.id, {
    owner: socket,
    connected(ends): void {
      const state = socket[kState];
      if (socket.destroyed || state.wire !== wire) return;
      state.attempt?.over();
      tellLookup(socket, ends.peer);
      socket.connecting = false;
      state.ends = ends;
      applyOptions(socket, wire);
      socket._unrefTimer();
      socket.emit('connect');
      socket.emit('ready');
      if (socket.readable && !socket.isPaused()) socket.read(0);
    },
    data: (bytes): void => arrivals.data(bytes),
    ended: (): void => arrivals.ended(),
    drained(): void {
      if (socket[kState].idle !== undefined) socket._unrefTimer();
      wire.drained();
    },
    closed(error): void {
      arrivals.flush();
      closedByDevice(socket, wire, error);
    },
  });
}

/** The device resolves a name while it connects: what it found shows in the address it reached. */
function tellLookup(socket: Socket, peer: NetAddress): void {
  const { lookedUp, place } = socket[kState];
  if (socket._host === null || lookedUp) return;
  socket.emit('lookup', null, peer.address, isIP(peer.address), place.host);
}

function connectFailed(socket: Socket, index: number): void {
  const state = socket[kState];
  const error = connectError(index, state.place);
  if (state.attempt !== undefined) {
    state.attempt.failed(error);
    return;
  }
  if (socket._host !== null && !state.lookedUp && error.syscall === 'getaddrinfo') {
    socket.emit('lookup', error, undefined, undefined, state.place.host);
  }
  socket.destroy(error);
}

function closedByDevice(socket: Socket, wire: Wire, error: number): void {
  const state = socket[kState];
  const wasWriting = wire.writing;
  wire.gone();
  if (socket._handle === wire) socket._handle = null;
  if (state.announceClose !== undefined) {
    state.announceClose();
    return;
  }
  // One of several addresses that was given up, or the socket itself.
  if (socket.destroyed || state.wire !== wire) return;
  if (socket.connecting) connectFailed(socket, error === 0 ? 2 : error);
  else if (error !== 0) socket.destroy(streamError(error, wasWriting ? 'write' : 'read'));
  // In order: the socket ends when what has arrived is read. Otherwise nothing more will come.
  else if (!(socket.writableEnded && hasEnded(socket))) socket.destroy();
}

function hasEnded(socket: Socket): boolean {
  const state = (socket as unknown as { _readableState?: { ended?: boolean } })._readableState;
  return state?.ended === true;
}

const lifeMethods: ThisType<Socket> & Record<string, unknown> = {
  _destroy(error: Error | null, done: Done): void {
    const state = this[kState];
    this.connecting = false;
    clearTimeout(state.idle);
    state.idle = undefined;
    state.attempt?.over();
    const hadError = error !== null && error !== undefined;
    const wire = this._handle;
    const announce = (): void => {
      this.emit('close', hadError);
    };
    if (wire?.isOpen) {
      state.announceClose = announce;
      wire.destroy({ reset: state.reset });
      this._handle = null;
      done(error);
    } else {
      done(error);
      nextTick(announce);
    }
    const server = this._server;
    this._server = null;
    server?.connectionClosed(this);
  },
};

const connectionMethods: ThisType<Socket> & Record<string, unknown> = {
  connect(...args: unknown[]): Socket {
    const { options, port, callback } = normalizeConnect(args);
    const state = this[kState];
    state.attempt = undefined;
    if (this.write !== Duplex.prototype.write) this.write = Duplex.prototype.write;
    if (this.destroyed) this._undestroy();
    if (callback) this.once('connect', callback);
    const host = options.host ?? 'localhost';
    state.place = { host, port };
    if (options.noDelay) state.noDelay = true;
    if (options.keepAlive) {
      state.keepAlive = true;
      state.keepAliveDelay = secondsOf(options.keepAliveInitialDelay);
    }
    if (typeof options.timeout === 'number') this.setTimeout(options.timeout);
    this.connecting = true;
    this._host = isIP(host) === 0 ? host : null;
    this.autoSelectFamilyAttemptedAddresses = [];
    state.lookedUp = this._host === null || Boolean(options.lookup);
    if (options.localAddress && !isOwnAddress(options.localAddress)) {
      const error = bindError(String(options.localAddress));
      nextTick(() => {
        if (!this.destroyed) this.destroy(error);
      });
      return this;
    }
    const dial = (address: string): void => {
      state.place = { host: address, port };
      const name = traps.encode(address, ENCODING.utf8);
      attach(this, new Wire(traps.netConnect(port, name, 0, name.byteLength), state.referenced));
    };
    if (this._host === null || !options.lookup) dial(host);
    else lookUp(this, { host, port }, options as { lookup: Lookup }, dial);
    return this;
  },

  setTimeout(ms: number, callback?: () => void): Socket {
    if (this.destroyed) return this;
    validateNumber(ms, 'msecs');
    if (ms < 0 || !Number.isFinite(ms))
      throw outOfRange('msecs', 'a non-negative finite number', ms);
    const state = this[kState];
    this.timeout = ms;
    clearTimeout(state.idle);
    state.idle = undefined;
    if (callback !== undefined) validateFunction(callback, 'callback');
    if (ms === 0) {
      if (callback) this.removeListener('timeout', callback);
      return this;
    }
    const wait = Math.min(ms, TIMEOUT_MAX_MS);
    state.idle = setUnreferencedTimeout(() => this.emit('timeout'), wait);
    if (callback) this.once('timeout', callback);
    return this;
  },

  /** Something happened: the idle time starts again. */
  _unrefTimer(): void {
    this[kState].idle?.refresh();
  },

  _onTimeout(): void {
    this.emit('timeout');
  },

  setNoDelay(on: unknown = true): Socket {
    const state = this[kState];
    const wanted = Boolean(on);
    if (state.noDelay === wanted) return this;
    state.noDelay = wanted;
    if (this._handle && !this.connecting) this._handle.setNoDelay?.(wanted);
    return this;
  },

  setKeepAlive(on: unknown = false, delayMs?: unknown): Socket {
    const state = this[kState];
    const wanted = Boolean(on);
    const delay = secondsOf(delayMs);
    if (state.keepAlive === wanted && (!wanted || state.keepAliveDelay === delay)) return this;
    state.keepAlive = wanted;
    state.keepAliveDelay = delay;
    if (this._handle && !this.connecting) this._handle.setKeepAlive?.(wanted, delay);
    return this;
  },

  pause(): Socket {
    const wire = this._handle;
    if (wire && !this.connecting && wire.reading) wire.setReading(false);
    return Duplex.prototype.pause.call(this) as Socket;
  },

  resume(): Socket {
    const wire = this._handle;
    if (wire && !this.connecting && !wire.reading) wire.setReading(true);
    return Duplex.prototype.resume.call(this) as Socket;
  },

  ref(): Socket {
    this[kState].referenced = true;
    this._handle?.ref();
    return this;
  },

  unref(): Socket {
    this[kState].referenced = false;
    this._handle?.unref();
    return this;
  },

  address(): NetAddress | object {
    return endOf(this, 'local') ?? {};
  },

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  },

  resetAndDestroy(): Socket {
    if (this._handle === null) {
      this.destroy(nodeError(Error, 'ERR_SOCKET_CLOSED', 'Socket is closed'));
      return this;
    }
    this[kState].reset = true;
    this.destroy();
    return this;
  },
};

for (const [name, value] of Object.entries({
  ...streamMethods,
  ...lifeMethods,
  ...connectionMethods,
})) {
  Object.defineProperty(Socket.prototype, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

defineViews(Socket.prototype);
