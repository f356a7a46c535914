/**
 * `net.Socket` over the net device, with Node 20's events, errors and their order. An ES5-style
 * constructor: packages call `net.Socket.call(this)`.
 */

import { ENCODING, type NetAddress } from '../../log-format/abi.ts';
import { traps } from '../drivers/traps.ts';
import { nextTick } from '../ticks.ts';
import { Buffer } from './buffer.ts';
import { isIP } from './net-address.ts';
import { normalizeConnect } from './net-arguments.ts';
import { attachConnection } from './net-device.ts';
import { connectError, streamError } from './net-errors.ts';
import { type Lookup, lookUp } from './net-lookup.ts';
import { kState, type SocketOptions, type Socket as SocketShape } from './net-socket-types.ts';
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
    keepAlive: options.keepAlive === true,
    idle: undefined,
    place: { host: '', port: 0 },
    announceClose: undefined,
    consumer: undefined,
  };
  Duplex.call(this, {
    allowHalfOpen: options.allowHalfOpen === true,
    ...(options.highWaterMark === undefined ? {} : { highWaterMark: options.highWaterMark }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
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
  if (state.keepAlive) wire.setKeepAlive(true);
}

/** Ties a connection of the device to the socket. */
function attach(socket: Socket, wire: Wire): void {
  socket._handle = wire;
  socket[kState].wire = wire;
  attachConnection(wire.id, {
    connected(ends): void {
      if (socket.destroyed) return;
      socket.connecting = false;
      socket[kState].ends = ends;
      applyOptions(socket, wire);
      socket._unrefTimer();
      socket.emit('connect');
      socket.emit('ready');
      if (socket.readable && !socket.isPaused()) socket.read(0);
    },
    data(bytes): void {
      if (socket.destroyed) return;
      wire.bytesRead += bytes.byteLength;
      const state = socket[kState];
      if (state.idle !== undefined) socket._unrefTimer();
      if (state.consumer?.(bytes)) return;
      if (!socket.push(Buffer.from(bytes))) wire.setReading(false);
    },
    ended(): void {
      wire.inputEnded();
      if (socket.destroyed) return;
      socket.push(null);
      socket.read(0);
    },
    drained(): void {
      if (socket[kState].idle !== undefined) socket._unrefTimer();
      wire.drained();
    },
    closed(error): void {
      closedByDevice(socket, wire, error);
    },
  });
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
  if (socket.destroyed) return;
  if (socket.connecting) socket.destroy(connectError(error === 0 ? 2 : error, state.place));
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
    if (this.write !== Duplex.prototype.write) this.write = Duplex.prototype.write;
    if (this.destroyed) this._undestroy();
    if (callback) this.once('connect', callback);
    const host = options.host ?? 'localhost';
    state.place = { host, port };
    if (options.noDelay) state.noDelay = true;
    if (options.keepAlive) state.keepAlive = true;
    if (typeof options.timeout === 'number') this.setTimeout(options.timeout);
    this.connecting = true;
    this._host = isIP(host) === 0 ? host : null;
    this.autoSelectFamilyAttemptedAddresses = [];
    const dial = (address: string): void => {
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

  setKeepAlive(on: unknown = false): Socket {
    const state = this[kState];
    const wanted = Boolean(on);
    if (state.keepAlive === wanted) return this;
    state.keepAlive = wanted;
    if (this._handle && !this.connecting) this._handle.setKeepAlive?.(wanted);
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

function getter(name: string, get: (this: Socket) => unknown): void {
  Object.defineProperty(Socket.prototype, name, { get, enumerable: true, configurable: true });
}

/** Only an open socket has addresses; the peer's stays known to those who asked in time (as Node). */
function endOf(socket: Socket, which: 'peer' | 'local'): NetAddress | undefined {
  const state = socket[kState];
  const isOpen = socket._handle !== null && !socket.connecting;
  if (which === 'peer' && isOpen) state.peerRead = true;
  return isOpen || (which === 'peer' && state.peerRead) ? state.ends?.[which] : undefined;
}

getter('_connecting', function () {
  return this.connecting;
});
getter('pending', function () {
  return this._handle === null || this.connecting;
});
getter('readyState', function () {
  if (this.connecting) return 'opening';
  if (this.readable && this.writable) return 'open';
  if (this.readable) return 'readOnly';
  return this.writable ? 'writeOnly' : 'closed';
});
getter('bufferSize', function () {
  return this._handle ? this.writableLength : undefined;
});
getter('bytesRead', function () {
  return this[kState].wire?.bytesRead ?? 0;
});
getter('bytesWritten', function () {
  // What was handed to the device, and what still waits in the stream's buffer.
  const wire = this[kState].wire;
  return (wire?.bytesWritten ?? 0) + this.writableLength - (wire?.bytesInFlight ?? 0);
});
getter('_bytesDispatched', function () {
  return this[kState].wire?.bytesWritten ?? 0;
});
getter('remoteAddress', function () {
  return endOf(this, 'peer')?.address;
});
getter('remoteFamily', function () {
  return endOf(this, 'peer')?.family;
});
getter('remotePort', function () {
  return endOf(this, 'peer')?.port;
});
getter('localAddress', function () {
  return endOf(this, 'local')?.address;
});
getter('localFamily', function () {
  return endOf(this, 'local')?.family;
});
getter('localPort', function () {
  return endOf(this, 'local')?.port;
});
