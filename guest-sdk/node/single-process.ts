/**
 * The modules for more than one thread, process or isolate: `cluster`, `worker_threads`, `inspector`,
 * `repl`, `wasi`, `trace_events`. What they say of the one there is, is true; the rest refuses.
 */

import { BroadcastChannel } from '../web/broadcast-channel.ts';
import {
  MessageChannel,
  MessagePort,
  moveMessagePortToContext,
  receiveMessageOnPort,
} from '../web/message-port.ts';
import { EventEmitter } from './events.ts';
import { inspectHook } from './inspect-hook.ts';
import { kernel } from './kernel-hooks.ts';
import { nodeError } from './node-errors.ts';
import { rejecting, throwers, throwing } from './refusals.ts';

type Emitter = Record<string, unknown> & { emit(event: string, ...args: unknown[]): boolean };

const SECOND_GUEST = 'a second guest, and talk to it over node:net,';
const NO_WASM = 'a package in JavaScript';

function emitterWith(members: Record<string, unknown>): Emitter {
  const made = new (EventEmitter as unknown as new () => Emitter)();
  return Object.assign(made, members);
}

function clusterModule(): Emitter {
  const cluster = emitterWith({
    isWorker: false,
    isMaster: true,
    isPrimary: true,
    Worker: throwing('cluster', 'Worker', SECOND_GUEST),
    workers: {},
    settings: {},
    SCHED_NONE: 1,
    SCHED_RR: 2,
    schedulingPolicy: 2,
    fork: throwing('cluster', 'fork', SECOND_GUEST),
    disconnect(callback?: unknown): void {
      if (typeof callback === 'function') kernel().nextTick(callback as never);
    },
  });
  const setupPrimary = (settings?: object): void => {
    Object.assign(cluster.settings as object, settings);
    kernel().nextTick((() => cluster.emit('setup', cluster.settings)) as never);
  };
  return Object.assign(cluster, { setupPrimary, setupMaster: setupPrimary });
}

const environmentData = new Map<unknown, unknown>();

export const workerThreads: Record<string, unknown> = {
  isMainThread: true,
  MessagePort,
  MessageChannel,
  markAsUntransferable(): void {},
  moveMessagePortToContext,
  receiveMessageOnPort,
  resourceLimits: {},
  postMessageToThread: rejecting('worker_threads', 'postMessageToThread', SECOND_GUEST),
  threadId: 0,
  SHARE_ENV: Symbol.for('nodejs.worker_threads.SHARE_ENV'),
  Worker: throwing('worker_threads', 'Worker', SECOND_GUEST),
  parentPort: null,
  workerData: null,
  BroadcastChannel,
  setEnvironmentData(key: unknown, value: unknown): void {
    if (value === undefined) environmentData.delete(key);
    else environmentData.set(key, value);
  },
  getEnvironmentData: (key: unknown): unknown => environmentData.get(key),
};

const DEBUGGER = '`hv inspect` on the log of this guest';

export const inspector: Record<string, unknown> = {
  open: throwing('inspector', 'open', DEBUGGER),
  close(): void {},
  url: (): undefined => undefined,
  waitForDebugger(): never {
    throw nodeError(Error, 'ERR_INSPECTOR_NOT_ACTIVE', 'Inspector is not active');
  },
  console: {},
  Session: throwing('inspector', 'Session', DEBUGGER),
  Network: throwers(
    'inspector',
    'requestWillBeSent responseReceived loadingFinished loadingFailed',
    DEBUGGER,
  ),
};

export const repl: Record<string, unknown> = {
  ...throwers('repl', 'start REPLServer Recoverable isValidSyntax', 'node:readline'),
  writer: Object.assign((value: unknown): string => inspectHook.inspect(value), {
    options: { showProxy: true },
  }),
  REPL_MODE_SLOPPY: Symbol('repl-sloppy'),
  REPL_MODE_STRICT: Symbol('repl-strict'),
};

export const wasi: Record<string, unknown> = { WASI: throwing('wasi', 'WASI', NO_WASM) };

export const traceEvents: Record<string, unknown> = {
  createTracing: throwing('trace_events', 'createTracing', 'node:diagnostics_channel'),
  getEnabledCategories: (): undefined => undefined,
};

export const cluster: Emitter = clusterModule();
