/** `http.Agent`: which sockets the requests of a client use. An ES5-style constructor. */

import { EventEmitter } from './events.ts';
import type { ClientRequest } from './http-client.ts';
import type { HttpSocket } from './http-types.ts';
import { exported as net } from './net.ts';
import type { EmitterLike } from './stream-types.ts';
import { validateNumber, validateOneOf } from './validators.ts';

export interface AgentOptions {
  keepAlive?: boolean;
  keepAliveMsecs?: number;
  maxSockets?: number;
  maxFreeSockets?: number;
  maxTotalSockets?: number;
  scheduling?: string;
  timeout?: number;
  noDelay?: boolean;
  host?: string;
  port?: number | string;
  localAddress?: string;
  family?: number;
  path?: string | null;
  socketPath?: string;
  [name: string]: unknown;
}

type Pool = Record<string, HttpSocket[]>;
type OnCreated = (error: Error | null | undefined, socket?: HttpSocket) => void;

export interface Agent extends EmitterLike {
  defaultPort: number;
  protocol: string;
  options: AgentOptions;
  requests: Record<string, ClientRequest[]>;
  sockets: Pool;
  freeSockets: Pool;
  keepAliveMsecs: number;
  keepAlive: boolean;
  maxSockets: number;
  maxFreeSockets: number;
  scheduling: string;
  maxTotalSockets: number;
  totalSocketCount: number;
  createConnection(options: object, callback?: OnCreated): HttpSocket | undefined;
  getName(options?: AgentOptions): string;
  addRequest(request: ClientRequest, options: AgentOptions | string, ...old: unknown[]): void;
  createSocket(request: ClientRequest, options: AgentOptions, callback: OnCreated): void;
  removeSocket(socket: HttpSocket, options: AgentOptions): void;
  keepSocketAlive(socket: HttpSocket): boolean;
  reuseSocket(socket: HttpSocket, request: ClientRequest): void;
  destroy(): void;
}

export interface AgentConstructor {
  new (options?: AgentOptions): Agent;
  (options?: AgentOptions): Agent;
  readonly prototype: Agent;
  defaultMaxSockets: number;
}

const kWaitOptions = Symbol('requestOptions');
type Waiting = ClientRequest & { [kWaitOptions]?: AgentOptions | undefined };

const KEEP_ALIVE_MS = 1000;
const FREE_SOCKETS_MAX = 256;

function emptyTable<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

function construct(this: Agent | undefined, given?: AgentOptions): Agent | undefined {
  if (!(this instanceof Agent)) return new Agent(given);
  (EventEmitter as unknown as (this: object) => void).call(this);
  this.defaultPort = 80;
  this.protocol = 'http:';
  const options: AgentOptions = Object.assign(emptyTable<unknown>(), given);
  options.noDelay ??= true;
  // A path would be taken for that of a local socket.
  options.path = null;
  this.options = options;
  this.requests = emptyTable();
  this.sockets = emptyTable();
  this.freeSockets = emptyTable();
  this.keepAliveMsecs = options.keepAliveMsecs || KEEP_ALIVE_MS;
  this.keepAlive = options.keepAlive || false;
  this.maxSockets = options.maxSockets || Agent.defaultMaxSockets;
  this.maxFreeSockets = options.maxFreeSockets || FREE_SOCKETS_MAX;
  this.scheduling = options.scheduling || 'lifo';
  this.maxTotalSockets = Number.POSITIVE_INFINITY;
  this.totalSocketCount = 0;
  validateOneOf(this.scheduling, 'scheduling', ['fifo', 'lifo']);
  if (options.maxTotalSockets !== undefined) {
    validateNumber(options.maxTotalSockets, 'maxTotalSockets', 1);
    this.maxTotalSockets = options.maxTotalSockets;
  }
  this.on('free', (socket: HttpSocket, of: AgentOptions) => freed(this as Agent, socket, of));
  return undefined;
}

export const Agent = construct as unknown as AgentConstructor;
Object.defineProperty(Agent, 'name', { value: 'Agent', configurable: true });
const emitter = EventEmitter as unknown as { prototype: object };
Object.setPrototypeOf(Agent.prototype, emitter.prototype);
Object.setPrototypeOf(Agent, emitter);
Agent.defaultMaxSockets = Number.POSITIVE_INFINITY;

/** A socket whose response has ended goes to who waits, to the free ones, or away. */
function freed(agent: Agent, socket: HttpSocket, options: AgentOptions): void {
  const name = agent.getName(options);
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const waiting = agent.requests[name];
  const next = waiting?.shift();
  if (waiting !== undefined && next !== undefined) {
    if (waiting.length === 0) delete agent.requests[name];
    assign(agent, next, socket);
    return;
  }
  const request = socket._httpMessage as ClientRequest | null | undefined;
  const free = agent.freeSockets[name] ?? [];
  const count = free.length + (agent.sockets[name]?.length ?? 0);
  const mayStay =
    request?.shouldKeepAlive === true &&
    agent.keepAlive &&
    agent.totalSocketCount <= agent.maxTotalSockets &&
    count <= agent.maxSockets &&
    free.length < agent.maxFreeSockets &&
    agent.keepSocketAlive(socket);
  if (!mayStay) {
    socket.destroy();
    return;
  }
  agent.freeSockets[name] = free;
  socket._httpMessage = null;
  agent.removeSocket(socket, options);
  socket.once('error', onFreeError);
  free.push(socket);
}

/** Nobody uses the socket: its error is its own. */
function onFreeError(this: HttpSocket): void {
  this.destroy();
}

function assign(agent: Agent, request: ClientRequest, socket: HttpSocket): void {
  request.onSocket(socket);
  const byAgent = agent.options.timeout || 0;
  if (request.timeout === undefined || request.timeout === byAgent) return;
  socket.setTimeout?.(request.timeout);
}

/** Follows one socket from its creation until it closes or leaves for good. */
function follow(agent: Agent, socket: HttpSocket, options: AgentOptions): void {
  const onFree = (): void => {
    agent.emit('free', socket, options);
  };
  const onClose = (): void => {
    agent.totalSocketCount -= 1;
    agent.removeSocket(socket, options);
  };
  const onTimeout = (): void => {
    // A socket in use leaves its timeout to the request.
    const isFree = Object.values(agent.freeSockets).some((list) => list.includes(socket));
    if (isFree) socket.destroy();
  };
  const onRemove = (): void => {
    onClose();
    socket.removeListener('close', onClose);
    socket.removeListener('free', onFree);
    socket.removeListener('timeout', onTimeout);
    socket.removeListener('agentRemove', onRemove);
  };
  socket.on('free', onFree);
  socket.on('close', onClose);
  socket.on('timeout', onTimeout);
  socket.on('agentRemove', onRemove);
}

function takeOut(pool: Pool, name: string, socket: HttpSocket): void {
  const list = pool[name];
  const at = list?.indexOf(socket) ?? -1;
  if (list === undefined || at < 0) return;
  list.splice(at, 1);
  if (list.length === 0) delete pool[name];
}

/** The next request that a place has become free for, of `name` or else of a host without sockets. */
function nextWaiting(
  agent: Agent,
  name: string,
  options: AgentOptions,
): [Waiting, AgentOptions] | undefined {
  const [same] = agent.requests[name] ?? [];
  if (same) return [same, options];
  for (const key of Object.keys(agent.requests)) {
    if (agent.sockets[key]?.length) return undefined;
    const [other] = (agent.requests[key] ?? []) as Waiting[];
    const own = other?.[kWaitOptions];
    return other && own ? [other, own] : undefined;
  }
  return undefined;
}

function once(callback: OnCreated): OnCreated {
  let isCalled = false;
  return (error, socket) => {
    if (isCalled) return;
    isCalled = true;
    callback(error, socket);
  };
}

const methods: ThisType<Agent> & Record<string, unknown> = {
  createConnection: net.connect,

  getName(options: AgentOptions = {}): string {
    let name = `${options.host || 'localhost'}:${options.port || ''}:${options.localAddress || ''}`;
    if (options.family === 4 || options.family === 6) name += `:${options.family}`;
    if (options.socketPath) name += `:${options.socketPath}`;
    return name;
  },

  addRequest(request: ClientRequest, given: AgentOptions | string, ...old: unknown[]): void {
    const named =
      typeof given === 'string' ? { host: given, port: old[0], localAddress: old[1] } : given;
    const options: AgentOptions = Object.assign(emptyTable<unknown>(), named, this.options);
    if (options.socketPath) options.path = options.socketPath;
    const name = this.getName(options);
    this.sockets[name] ??= [];
    const used = this.sockets[name];
    const free = this.freeSockets[name];
    while (free?.[0]?.destroyed) free.shift();
    const socket = this.scheduling === 'fifo' ? free?.shift() : free?.pop();
    if (free?.length === 0) delete this.freeSockets[name];
    const count = (free?.length ?? 0) + used.length;
    if (socket) {
      this.reuseSocket(socket, request);
      assign(this, request, socket);
      used.push(socket);
    } else if (count < this.maxSockets && this.totalSocketCount < this.maxTotalSockets) {
      this.createSocket(request, options, (error, made) => {
        if (error || !made) request.onSocket(made ?? null, error);
        else assign(this, request, made);
      });
    } else {
      this.requests[name] ??= [];
      (request as Waiting)[kWaitOptions] = options;
      this.requests[name].push(request);
    }
  },

  createSocket(request: ClientRequest, given: AgentOptions, callback: OnCreated): void {
    const options: AgentOptions = Object.assign(emptyTable<unknown>(), given, this.options);
    if (options.socketPath) options.path = options.socketPath;
    const name = this.getName(options);
    options._agentKey = name;
    options.encoding = null;
    if (this.keepAlive) options.keepAliveInitialDelay = this.keepAliveMsecs;
    void request;
    const onCreated = once((error, socket) => {
      if (error || !socket) {
        callback(error);
        return;
      }
      this.sockets[name] ??= [];
      this.sockets[name].push(socket);
      this.totalSocketCount += 1;
      follow(this, socket, options);
      callback(null, socket);
    });
    const socket = this.createConnection(options, onCreated);
    if (socket) onCreated(null, socket);
  },

  removeSocket(socket: HttpSocket, options: AgentOptions): void {
    const name = this.getName(options);
    takeOut(this.sockets, name, socket);
    if (!socket.writable) takeOut(this.freeSockets, name, socket);
    const next = nextWaiting(this, name, options);
    if (!next) return;
    const [request, of] = next;
    request[kWaitOptions] = undefined;
    this.createSocket(request, of, (error, made) => {
      if (error || !made) request.onSocket(null, error);
      else made.emit('free');
    });
  },

  keepSocketAlive(socket: HttpSocket): boolean {
    socket.setKeepAlive?.(true, this.keepAliveMsecs);
    socket.unref?.();
    let timeout = this.options.timeout || 0;
    const request = socket._httpMessage as ClientRequest | null | undefined;
    const hint = request?.res?.headers['keep-alive'];
    const seconds = typeof hint === 'string' ? /^timeout=(\d+)/.exec(hint)?.[1] : undefined;
    if (seconds !== undefined) {
      const byServer = Number(seconds) * 1000;
      if (timeout === 0 || byServer < timeout) timeout = byServer;
    }
    if (socket.timeout !== timeout) socket.setTimeout?.(timeout);
    return true;
  },

  reuseSocket(socket: HttpSocket, request: ClientRequest): void {
    request.reusedSocket = true;
    socket.removeListener('error', onFreeError);
    socket.ref?.();
  },

  destroy(): void {
    for (const pool of [this.freeSockets, this.sockets]) {
      for (const list of Object.values(pool)) {
        for (const socket of [...list]) socket.destroy();
      }
    }
  },
};

for (const [name, value] of Object.entries(methods)) {
  Object.defineProperty(Agent.prototype, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

const FREE_TIMEOUT_MS = 5000;

let shared: Agent | undefined;

/** The agent of requests that name none. Made when it is first needed. */
export function globalAgent(): Agent {
  shared ??= new Agent({ keepAlive: true, scheduling: 'lifo', timeout: FREE_TIMEOUT_MS });
  return shared;
}

export function setGlobalAgent(agent: Agent): void {
  shared = agent;
}
