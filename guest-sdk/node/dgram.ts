/**
 * `node:dgram`. The network device of a guest has no datagrams: sockets can be made, and whatever would
 * send or receive fails, with a callback where there is one and otherwise with the `error` event.
 */

import { EventEmitter } from './events.ts';
import { kernel } from './kernel-hooks.ts';
import { nodeError } from './node-errors.ts';
import { markRefused, refusal, throwing } from './refusals.ts';
import type { EmitterLike } from './stream-types.ts';
import { validateAbortSignal, validateFunction } from './validators.ts';

const TCP = 'TCP by node:net, or a service beside the guest that takes datagrams for it,';

export interface DatagramSocket extends EmitterLike {
  type: 'udp4' | 'udp6';
  closed: boolean;
}

function notRunning(): Error {
  return nodeError(Error, 'ERR_SOCKET_DGRAM_NOT_RUNNING', 'Not running');
}

/** Tells of a failed call on its callback or, without one, as the socket's error. */
function fail(socket: DatagramSocket, name: string, args: readonly unknown[], toCallback: boolean) {
  const callback = args.at(-1);
  const error = refusal('dgram', name, TCP);
  kernel().nextTick((() => {
    if (toCallback && typeof callback === 'function') callback(error);
    else if (!socket.closed) socket.emit('error', error);
  }) as never);
}

interface Signal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options: object): void;
}

function closeOnAbort(socket: DatagramSocket, signal: unknown): void {
  if (signal === undefined) return;
  validateAbortSignal(signal, 'options.signal');
  const given = signal as Signal;
  const onAbort = (): void => {
    if (!socket.closed) (socket as DatagramSocket & { close(): void }).close();
  };
  if (given.aborted) onAbort();
  else given.addEventListener('abort', onAbort, { once: true });
}

interface SocketConstructor {
  new (type?: unknown, listener?: unknown): DatagramSocket;
  readonly prototype: DatagramSocket;
}
const emitter = EventEmitter as unknown as { prototype: object; call(self: object): void };

function construct(
  this: DatagramSocket | undefined,
  given?: unknown,
  listener?: unknown,
): DatagramSocket | undefined {
  if (!(this instanceof Socket)) return new Socket(given, listener);
  emitter.call(this);
  const options = typeof given === 'object' && given !== null ? given : { type: given };
  const { type } = options as { type?: unknown };
  if (type !== 'udp4' && type !== 'udp6') {
    const text = 'Bad socket type specified. Valid types are: udp4, udp6';
    throw nodeError(TypeError, 'ERR_SOCKET_BAD_TYPE', text);
  }
  this.type = type;
  this.closed = false;
  if (typeof listener === 'function') this.on('message', listener as () => void);
  closeOnAbort(this as DatagramSocket, (options as { signal?: unknown }).signal);
  return undefined;
}

const Socket = construct as unknown as SocketConstructor;
Object.defineProperty(Socket, 'name', { value: 'Socket', configurable: true });
Object.setPrototypeOf(Socket.prototype, emitter.prototype);
Object.setPrototypeOf(Socket, emitter);

function checkOpen(socket: DatagramSocket): void {
  if (socket.closed) throw notRunning();
}

const methods: ThisType<DatagramSocket> & Record<string, unknown> = {
  bind(...args: unknown[]): DatagramSocket {
    checkOpen(this);
    fail(this, 'Socket.prototype.bind', args, false);
    return this;
  },
  connect(...args: unknown[]): void {
    checkOpen(this);
    fail(this, 'Socket.prototype.connect', args, true);
  },
  send(...args: unknown[]): void {
    checkOpen(this);
    fail(this, 'Socket.prototype.send', args, true);
  },
  close(callback?: unknown): DatagramSocket {
    if (callback !== undefined) {
      validateFunction(callback, 'callback');
      this.once('close', callback as () => void);
    }
    checkOpen(this);
    this.closed = true;
    kernel().nextTick((() => this.emit('close')) as never);
    return this;
  },
  disconnect(): void {
    throw nodeError(Error, 'ERR_SOCKET_DGRAM_NOT_CONNECTED', 'Not connected');
  },
  remoteAddress(): void {
    throw nodeError(Error, 'ERR_SOCKET_DGRAM_NOT_CONNECTED', 'Not connected');
  },
  address(): void {
    throw notRunning();
  },
  ref(): DatagramSocket {
    return this;
  },
  unref(): DatagramSocket {
    return this;
  },
  getSendQueueSize: (): number => 0,
  getSendQueueCount: (): number => 0,
};
for (const name of ['bind', 'connect', 'send']) markRefused(methods[name] as object);
const REFUSED =
  'sendto setBroadcast setTTL setMulticastTTL setMulticastLoopback setMulticastInterface addMembership dropMembership addSourceSpecificMembership dropSourceSpecificMembership setRecvBufferSize setSendBufferSize getRecvBufferSize getSendBufferSize';
for (const name of REFUSED.split(' ')) {
  methods[name] = throwing('dgram', `Socket.prototype.${name}`, TCP);
}
Object.assign(Socket.prototype, methods);

export const exported: Record<string, unknown> = {
  createSocket: (type: unknown, listener?: unknown): DatagramSocket => new Socket(type, listener),
  Socket,
};
