/** AbortController and AbortSignal (DOM standard, section 3), with Node's error shapes. */

import { inspectHook } from '../node/inspect-hook.ts';
import { kernel } from '../node/kernel-hooks.ts';
import { invalidArgType, invalidThis, nodeError } from '../node/node-errors.ts';
import { validateInteger } from '../node/validators.ts';
import { DOMException } from './dom-exception.ts';
import {
  defineHandler,
  Event,
  EventTarget,
  kTrusted,
  listenersOfTarget,
  maxListenersOfTarget,
} from './event-target.ts';
import { exposeInterface, innerOptions } from './interface.ts';

const kMake = Symbol('make');
/** Delay of AbortSignal.timeout: what a timer can hold without becoming 1 ms. */
const DELAY_MAX_MS = 4_294_967_295;

function abortReason(): DOMException {
  return new DOMException('This operation was aborted', 'AbortError');
}

/** Set by AbortSignal, whose private state they need; a guest cannot reach them. */
let makeSignal: () => AbortSignal;
let fireSignal: (signal: AbortSignal, reason: unknown) => void;

export class AbortSignal extends EventTarget {
  declare onabort: ((event: Event) => unknown) | null;
  #aborted = false;
  #reason: unknown = undefined;
  /** Signals made by `any` that follow this one, while they live. */
  #followers: WeakRef<AbortSignal>[] = [];
  #sweepAt = 16;
  /** Followers that have listeners. */
  readonly #held = new Set<AbortSignal>();
  /** What a signal made by `any` follows: never itself a made signal. */
  readonly #sources = new Set<AbortSignal>();

  constructor(key?: unknown) {
    if (key !== kMake) throw nodeError(TypeError, 'ERR_ILLEGAL_CONSTRUCTOR', 'Illegal constructor');
    super();
    // A server listens on one signal from very many places; that is no leak (Node 20).
    maxListenersOfTarget(this, 0);
  }

  get aborted(): boolean {
    if (!(#aborted in this)) throw invalidThis('AbortSignal');
    return this.#aborted;
  }

  get reason(): unknown {
    if (!(#aborted in this)) throw invalidThis('AbortSignal');
    return this.#reason;
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.#reason;
  }

  static abort(reason: unknown = abortReason()): AbortSignal {
    const signal = new AbortSignal(kMake);
    signal.#aborted = true;
    signal.#reason = reason;
    return signal;
  }

  static timeout(delay: number): AbortSignal {
    validateInteger(delay, 'delay', 0, DELAY_MAX_MS);
    const signal = new AbortSignal(kMake);
    kernel().startTimer(() => {
      const text = 'The operation was aborted due to timeout';
      fireSignal(signal, new DOMException(text, 'TimeoutError'));
    }, delay);
    return signal;
  }

  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const list = [...signals];
    for (const [index, one] of list.entries()) {
      if (!(one instanceof AbortSignal)) {
        throw invalidArgType(`signals[${index}]`, 'AbortSignal', one);
      }
    }
    const aborted = list.find((one) => one.#aborted);
    if (aborted !== undefined) return AbortSignal.abort(aborted.#reason);
    const signal = new AbortSignal(kMake);
    for (const one of list) {
      // Following the sources of a made signal keeps the order of events that of the standard.
      for (const source of one.#sources.size > 0 ? one.#sources : [one]) {
        if (!signal.#sources.has(source)) signal.#follow(source);
      }
    }
    return signal;
  }

  override addEventListener(...args: Parameters<EventTarget['addEventListener']>): void {
    super.addEventListener(...args);
    this.#holdIfHeard();
  }

  override removeEventListener(...args: Parameters<EventTarget['removeEventListener']>): void {
    super.removeEventListener(...args);
    this.#holdIfHeard();
  }

  /** Somebody waits for a made signal that nobody else may hold any more: its sources keep it. */
  #holdIfHeard(): void {
    if (this.#sources.size === 0) return;
    const heard = listenersOfTarget(this, 'abort')?.length !== 0;
    for (const source of this.#sources) {
      if (heard) source.#held.add(this);
      else source.#held.delete(this);
    }
  }

  #follow(source: AbortSignal): void {
    this.#sources.add(source);
    source.#followers.push(new WeakRef(this));
    // A long-lived source collects a dead follower per request; sweeping at powers of two keeps the
    // cost per follower constant.
    if (source.#followers.length < source.#sweepAt) return;
    source.#followers = source.#followers.filter((one) => one.deref() !== undefined);
    source.#sweepAt = Math.max(16, source.#followers.length * 2);
  }

  static {
    makeSignal = () => new AbortSignal(kMake);
    // Reasons are set on all before any listener runs.
    fireSignal = (signal, reason) => {
      if (signal.#aborted) return;
      const followers = signal.#followers.map((one) => one.deref());
      const all = [signal, ...followers].filter((one) => one !== undefined && !one.#aborted);
      for (const one of all as AbortSignal[]) {
        one.#aborted = true;
        one.#reason = reason;
      }
      signal.#followers = [];
      signal.#held.clear();
      for (const one of all as AbortSignal[]) {
        one.dispatchEvent(new Event('abort', { [kTrusted]: true } as object));
      }
    };
  }
}

export class AbortController {
  readonly #signal: AbortSignal = makeSignal();

  get signal(): AbortSignal {
    if (!(#signal in this)) throw invalidThis('AbortController');
    return this.#signal;
  }

  abort(reason: unknown = abortReason()): void {
    fireSignal(this.signal, reason);
  }
}

defineHandler(AbortSignal.prototype, 'abort');
exposeInterface(AbortSignal, 'AbortSignal', (self, depth, options) => {
  if (depth < 0) return '[AbortSignal]';
  return `AbortSignal ${inspectHook.inspect({ aborted: self.aborted }, innerOptions(options))}`;
});
exposeInterface(AbortController, 'AbortController', (self, depth, options) => {
  if (depth < 0) return self;
  return `AbortController ${inspectHook.inspect({ signal: self.signal }, innerOptions(options))}`;
});
