/**
 * MessageChannel and MessagePort (HTML, section 9.4) within the one thread of a guest, with what Node
 * adds: `on` and its like, `ref`, `unref`, and ports that listen keep the guest alive.
 */

import { type AsyncContext, capture, runIn } from '../async-context.ts';
import { handleClosed, handleOpened, queueArrival, queueImmediate } from '../loop.ts';
import { inspectHook } from '../node/inspect-hook.ts';
import { kernel } from '../node/kernel-hooks.ts';
import { invalidArgType, nodeError } from '../node/node-errors.ts';
import { DOMException } from './dom-exception.ts';
import {
  defineHandler,
  Event,
  EventTarget,
  kTrusted,
  listenedTypes,
  listenersOfTarget,
  maxListenersOfTarget,
} from './event-target.ts';
import { exposeInterface, innerOptions } from './interface.ts';
import { MessageEvent, type MessageEventInit } from './message-event.ts';
import { cloneMoving, listOfMessage, portRule } from './structured-clone.ts';

interface Message {
  readonly data: unknown;
  readonly ports: readonly object[];
}

/** One end of a channel; it stays the same when its port moves. */
interface End {
  peer: End | undefined;
  /** Undefined while nobody has the port, or when it is closed. */
  port: MessagePort | undefined;
  readonly queue: Message[];
  started: boolean;
  referenced: boolean;
  /** A delivery is under way. */
  scheduled: boolean;
  closed: boolean;
}

const kMake = Symbol('hv.port');
/** The end a port is at; undefined once it has moved or was closed. */
let endOf: (port: MessagePort) => End | undefined;
let makePort: (end: End) => MessagePort;
let leave: (port: MessagePort) => void;
/** What the code that made a port was doing for whom. */
let contextOf: (port: MessagePort) => AsyncContext | undefined;
let isPort: (value: unknown) => value is MessagePort;

function freshEnd(): End {
  return {
    peer: undefined,
    port: undefined,
    queue: [],
    started: false,
    referenced: false,
    scheduled: false,
    closed: false,
  };
}

function reference(end: End | undefined, on: boolean): void {
  if (end === undefined || end.closed || end.referenced === on) return;
  end.referenced = on;
  if (on) handleOpened();
  else handleClosed();
}

function schedule(end: End): void {
  if (end.scheduled || !end.started || end.queue.length === 0) return;
  end.scheduled = true;
  queueArrival(() => {
    end.scheduled = false;
    const message = end.port === undefined || !end.started ? undefined : end.queue.shift();
    schedule(end);
    if (message !== undefined) deliver(end.port as MessagePort, message);
  });
}

function deliver(port: MessagePort, { data, ports }: Message): void {
  const init = { data, ports, [kTrusted]: true } as MessageEventInit;
  const tell = (): void => {
    port.dispatchEvent(new MessageEvent('message', init));
  };
  const context = contextOf(port);
  if (context === undefined) tell();
  else runIn(context, tell);
}

class MessagePortCloseEvent extends Event {}
exposeInterface(MessagePortCloseEvent, 'MessagePortCloseEvent');

/** Both ends close: the other one when it has what was sent to it. */
function closeEnd(end: End): void {
  if (end.closed) return;
  const { port, peer } = end;
  end.closed = true;
  const run = (): void => {
    const message = end.started ? end.queue.shift() : undefined;
    // What had come before it was closed is still told, one by one.
    if (message !== undefined && port !== undefined) {
      queueImmediate({ run, referenced: true });
      deliver(port, message);
      return;
    }
    if (end.referenced) handleClosed();
    end.referenced = false;
    if (port === undefined) return;
    leave(port);
    end.port = undefined;
    port.dispatchEvent(new MessagePortCloseEvent('close'));
  };
  queueImmediate({ run, referenced: true });
  if (peer !== undefined) queueArrival(() => closeAfterQueue(peer));
}

function closeAfterQueue(end: End): void {
  if (end.started && end.queue.length > 0 && end.port !== undefined) {
    queueArrival(() => closeAfterQueue(end));
  } else closeEnd(end);
}

type Listener = (...args: unknown[]) => unknown;
type Wrapper = (event: Event) => void;

/** What a listener of `on` is called with: the message itself, or what was emitted. */
function argumentOf(event: Event): unknown {
  if (event instanceof MessageEvent) return event.data;
  return emitted.has(event) ? emitted.get(event) : event;
}
const emitted = new WeakMap<Event, unknown>();

/** Node's way of listening, for targets that are no emitters. */
export class NodeEventTarget extends EventTarget {
  readonly #wrappers = new Map<string, Map<Listener, Wrapper>>();

  setMaxListeners(count: number): void {
    maxListenersOfTarget(this, count);
  }
  getMaxListeners(): number {
    return maxListenersOfTarget(this) ?? 0;
  }
  eventNames(): (string | symbol)[] {
    return listenedTypes(this);
  }
  listenerCount(type: string): number {
    return listenersOfTarget(this, String(type))?.length ?? 0;
  }
  off(type: string, listener: Listener): this {
    return this.removeListener(type, listener);
  }
  removeListener(type: string, listener: Listener): this {
    const wrappers = this.#wrappers.get(type);
    this.removeEventListener(type, (wrappers?.get(listener) ?? listener) as Wrapper);
    wrappers?.delete(listener);
    return this;
  }
  on(type: string, listener: Listener): this {
    return this.#listen(type, listener, false);
  }
  addListener(type: string, listener: Listener): this {
    return this.#listen(type, listener, false);
  }
  emit(type: string, arg: unknown): boolean {
    const heard = this.listenerCount(type) > 0;
    const event = new Event(type);
    emitted.set(event, arg);
    this.dispatchEvent(event);
    return heard;
  }
  once(type: string, listener: Listener): this {
    return this.#listen(type, listener, true);
  }
  removeAllListeners(type?: string): this {
    for (const one of type === undefined ? listenedTypes(this) : [type]) {
      for (const callback of listenersOfTarget(this, one) ?? []) {
        this.removeEventListener(one as string, callback as Wrapper);
      }
      this.#wrappers.delete(one as string);
    }
    return this;
  }

  #listen(type: string, listener: Listener, once: boolean): this {
    if (typeof listener !== 'function') throw invalidArgType('listener', 'Function', listener);
    const wrappers = this.#wrappers.get(type) ?? new Map<Listener, Wrapper>();
    this.#wrappers.set(type, wrappers);
    if (wrappers.has(listener)) return this;
    const wrapper = (event: Event): void => {
      if (once) wrappers.delete(listener);
      listener.call(this, argumentOf(event));
    };
    wrappers.set(listener, wrapper);
    this.addEventListener(type, wrapper, { once });
    return this;
  }
}
exposeInterface(NodeEventTarget, 'NodeEventTarget');
for (const name of Object.keys(NodeEventTarget.prototype)) {
  Object.defineProperty(NodeEventTarget.prototype, name, { enumerable: false });
}

export class MessagePort extends NodeEventTarget {
  declare onmessage: ((event: Event) => unknown) | null;
  declare onmessageerror: ((event: Event) => unknown) | null;
  #end: End | undefined;
  #context: AsyncContext | undefined;

  constructor(key?: unknown) {
    if (key !== kMake) {
      throw nodeError(TypeError, 'ERR_CONSTRUCT_CALL_INVALID', 'Constructor cannot be called');
    }
    super();
  }

  postMessage(...args: readonly unknown[]): void {
    if (args.length === 0) {
      const text = 'Not enough arguments to MessagePort.postMessage';
      throw nodeError(TypeError, 'ERR_MISSING_ARGS', text);
    }
    const list = [...listOfMessage(args[1])];
    if (list.includes(this)) {
      throw new DOMException('Transfer list contains source port', 'DataCloneError');
    }
    const target = this.#end?.peer?.port;
    const isLost = target !== undefined && list.includes(target);
    const { copy, ports } = cloneMoving(args[0], list);
    if (isLost && this.#end) {
      kernel().emitWarning(
        'The target port was posted to itself, and the communication channel was lost',
      );
      closeEnd(this.#end);
      return;
    }
    const end = this.#end?.closed === true ? undefined : this.#end?.peer;
    if (end === undefined || end.closed) return;
    end.queue.push({ data: copy, ports });
    schedule(end);
  }

  start(): void {
    const end = this.#end;
    if (end === undefined || end.closed) return;
    end.started = true;
    schedule(end);
  }

  close(callback?: unknown): void {
    if (typeof callback === 'function') this.once('close', callback as Listener);
    if (this.#end !== undefined) closeEnd(this.#end);
  }

  ref(): void {
    reference(this.#end, true);
  }
  unref(): void {
    reference(this.#end, false);
  }
  hasRef(): boolean {
    return this.#end?.referenced ?? false;
  }

  override addEventListener(...args: Parameters<EventTarget['addEventListener']>): void {
    const first = this.listenerCount('message') === 0;
    super.addEventListener(...args);
    if (!first || this.listenerCount('message') === 0) return;
    this.ref();
    this.start();
  }

  override removeEventListener(...args: Parameters<EventTarget['removeEventListener']>): void {
    const some = this.listenerCount('message') > 0;
    super.removeEventListener(...args);
    if (some && this.listenerCount('message') === 0) this.unref();
  }

  static {
    isPort = (value): value is MessagePort =>
      typeof value === 'object' && value !== null && #end in value;
    endOf = (port) => port.#end;
    makePort = (end) => {
      const port = new MessagePort(kMake);
      port.#end = end;
      port.#context = capture('MESSAGEPORT', port);
      end.port = port;
      return port;
    };
    contextOf = (port) => port.#context;
    leave = (port) => {
      port.#end = undefined;
    };
  }
}
defineHandler(MessagePort.prototype, 'message');
defineHandler(MessagePort.prototype, 'messageerror');
for (const name of ['addEventListener', 'removeEventListener'] as const) {
  Object.defineProperty(MessagePort.prototype, name, { enumerable: false });
}
exposeInterface(MessagePort, 'MessagePort', (self, depth, options) => {
  if (depth < 0) return 'MessagePort';
  const shown = { active: endOf(self) !== undefined, refed: self.hasRef() };
  return `MessagePort [EventTarget] ${inspectHook.inspect(shown, innerOptions(options))}`;
});
Object.defineProperty(MessagePort, 'length', { value: 0, configurable: true });

portRule.isPort = isPort;
portRule.check = (port) => {
  if (endOf(port as MessagePort) === undefined) {
    throw new DOMException('MessagePort in transfer list is already detached', 'DataCloneError');
  }
};
portRule.move = (port) => {
  const end = endOf(port as MessagePort) as End;
  reference(end, false);
  end.started = false;
  leave(port as MessagePort);
  return makePort(end);
};

export class MessageChannel {
  readonly port1: MessagePort;
  readonly port2: MessagePort;

  constructor() {
    const [first, second] = [freshEnd(), freshEnd()];
    first.peer = second;
    second.peer = first;
    this.port1 = makePort(first);
    this.port2 = makePort(second);
  }
}
Object.defineProperty(MessageChannel, 'name', { value: 'MessageChannel', configurable: true });

/** There is one realm for messages: a port that is open is where it is wanted already. */
export function moveMessagePortToContext(port: unknown): unknown {
  if (!isPort(port)) {
    const text = 'The "port" argument must be a MessagePort instance';
    throw nodeError(TypeError, 'ERR_INVALID_ARG_TYPE', text);
  }
  const end = endOf(port);
  if (end !== undefined && !end.closed) return port;
  const text = 'Cannot send data on closed MessagePort';
  throw nodeError(Error, 'ERR_CLOSED_MESSAGE_PORT', text);
}

/** The next message of a port, taken before any listener gets it. */
export function receiveMessageOnPort(port: unknown): { message: unknown } | undefined {
  if (!isPort(port)) {
    const text = 'The "port" argument must be a MessagePort instance';
    throw nodeError(TypeError, 'ERR_INVALID_ARG_TYPE', text);
  }
  const message = endOf(port)?.queue.shift();
  return message && { message: message.data };
}
