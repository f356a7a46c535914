/**
 * `node:https`. A guest has no TLS yet: everything is there, agents and requests can be made, and what
 * would need a connection fails, a request with its `error` event.
 */

import { Agent as HttpAgent, type Agent as HttpAgentShape } from './http-agent.ts';
import { ClientRequest } from './http-client.ts';
import { kernel } from './kernel-hooks.ts';
import { refusal, throwing } from './refusals.ts';

const PROXY = 'a proxy beside the guest that speaks TLS, and http: to the guest,';
const SESSIONS_MAX = 100;
const IDLE_MS = 5000;

type AgentOptions = Record<string, unknown>;
type Created = (error: Error) => void;

interface HttpsAgent extends HttpAgentShape {
  maxCachedSessions: number;
  _sessionCache: { map: object; list: string[] };
}

interface AgentConstructor {
  new (options?: AgentOptions): HttpsAgent;
  readonly prototype: HttpsAgent;
}

function construct(this: HttpsAgent | undefined, options?: AgentOptions): HttpsAgent | undefined {
  if (!(this instanceof Agent)) return new Agent(options);
  (HttpAgent as unknown as (this: object, options?: AgentOptions) => void).call(this, options);
  this.defaultPort = 443;
  this.protocol = 'https:';
  const { maxCachedSessions } = this.options as { maxCachedSessions?: number };
  this.maxCachedSessions = maxCachedSessions ?? SESSIONS_MAX;
  this._sessionCache = { map: {}, list: [] };
  return undefined;
}

const Agent = construct as unknown as AgentConstructor;
Object.defineProperty(Agent, 'name', { value: 'Agent', configurable: true });
Object.setPrototypeOf(Agent.prototype, HttpAgent.prototype);
Object.setPrototypeOf(Agent, HttpAgent);
Object.defineProperty(Agent.prototype, 'createConnection', {
  value: function createConnection(_options: object, created?: Created): undefined {
    const error = refusal('https', 'request', PROXY);
    if (created === undefined) throw error;
    kernel().nextTick(created as never, error);
  },
  writable: true,
  enumerable: true,
  configurable: true,
});

let globalAgent: unknown;

function defaultAgent(): unknown {
  globalAgent ??= new Agent({ keepAlive: true, scheduling: 'lifo', timeout: IDLE_MS });
  return globalAgent;
}

type Made = { end(): unknown };
type Request = new (...args: unknown[]) => Made;

/** The arguments of `http.request`, with this module's agent as the default one. */
function withAgent(args: readonly unknown[]): unknown[] {
  const rest = [...args];
  const at = typeof rest[0] === 'string' || isUrl(rest[0]) ? 1 : 0;
  const given = rest[at];
  const isOptions = typeof given === 'object' && given !== null;
  const options = { ...(isOptions ? given : {}), _defaultAgent: defaultAgent() };
  rest.splice(at, isOptions || given === undefined || given === null ? 1 : 0, options);
  return rest;
}

function isUrl(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { href, protocol } = value as { href?: unknown; protocol?: unknown };
  return typeof href === 'string' && typeof protocol === 'string' && 'searchParams' in value;
}

function request(...args: readonly unknown[]): Made {
  return new (ClientRequest as unknown as Request)(...withAgent(args));
}

function get(...args: readonly unknown[]): Made {
  const made = request(...args);
  made.end();
  return made;
}

export const exported: Record<string, unknown> = {
  Agent,
  Server: throwing('https', 'Server', PROXY),
  createServer: throwing('https', 'createServer', PROXY),
  get,
  request,
};
Object.defineProperty(exported, 'globalAgent', {
  get: defaultAgent,
  set(agent: unknown) {
    globalAgent = agent;
  },
  enumerable: true,
  configurable: true,
});
