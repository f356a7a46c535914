/**
 * `node:domain`: errors of what was begun inside a domain come to it. A domain travels with the async
 * context (async-context.ts), so it costs nothing until this module is used.
 */

import { activate, currentContext, setStore } from '../async-context.ts';
import { onUncaught } from '../fatal.ts';
import { processObject } from '../process-object.ts';
import { EventEmitter } from './events.ts';
import { nodeError } from './node-errors.ts';

type Anything = (this: unknown, ...args: unknown[]) => unknown;
interface Emitter {
  domain?: Domain | null;
  emit(event: string | symbol, ...args: unknown[]): boolean;
  listenerCount(event: string): number;
}
interface DomainError extends Error {
  domain?: unknown;
  domainEmitter?: unknown;
  domainThrown?: boolean;
  domainBound?: unknown;
}

/** The key of the stack of domains among the stores of a context. */
const KEY = {};

function stack(): readonly Domain[] {
  return (currentContext().stores.get(KEY) as readonly Domain[] | undefined) ?? [];
}

function setStack(domains: readonly Domain[]): void {
  activate();
  setStore(KEY, domains);
}

function active(): Domain | undefined {
  return stack().at(-1);
}

const emitterPrototype = (EventEmitter as unknown as { prototype: Emitter }).prototype;
const plainEmit = emitterPrototype.emit;
let inUse = false;

/** From the first domain on, emitters belong to the one they were made in. */
function begin(): void {
  if (inUse) return;
  inUse = true;
  onUncaught((error) => {
    const domain = active();
    if (domain === undefined) return false;
    return Domain.handle(domain, error);
  });
  const { init } = EventEmitter as unknown as { init: Anything };
  const withDomain = function (this: Emitter, ...args: unknown[]): unknown {
    const domain = active();
    Object.defineProperty(this, 'domain', {
      value: this instanceof Domain ? null : (domain ?? null),
      writable: true,
      enumerable: false,
      configurable: true,
    });
    return Reflect.apply(init, this, args);
  };
  (EventEmitter as unknown as { init: Anything }).init = withDomain as Anything;
  (EventEmitter as unknown as { usingDomains: boolean }).usingDomains = true;
  emitterPrototype.emit = emitInDomain;
}

function emitInDomain(this: Emitter, event: string | symbol, ...args: unknown[]): boolean {
  const { domain } = this;
  if (domain === null || domain === undefined || (this as unknown) === processObject) {
    return Reflect.apply(plainEmit, this, [event, ...args]);
  }
  if (event === 'error' && this.listenerCount('error') === 0) {
    const error = args[0] ?? nodeError(Error, 'ERR_UNHANDLED_ERROR', 'Unhandled error.');
    if (typeof error === 'object') {
      Object.assign(error, { domainEmitter: this, domainThrown: false });
      Object.defineProperty(error, 'domain', { value: domain, writable: true, configurable: true });
    }
    return domain.emit('error', error);
  }
  domain.enter();
  const result = Reflect.apply(plainEmit, this, [event, ...args]);
  domain.exit();
  return result;
}

const Base = EventEmitter as unknown as new () => Emitter;

export class Domain extends Base {
  readonly members: object[] = [];

  constructor() {
    super();
    begin();
    activate();
  }

  /** True when the domain has dealt with an error nobody caught. */
  static handle(domain: Domain, error: unknown): boolean {
    const below = stack().slice(0, -1);
    if (typeof error === 'object' && error !== null) {
      Object.defineProperty(error, 'domain', { value: domain, writable: true, configurable: true });
      (error as DomainError).domainThrown = true;
    }
    if (domain.listenerCount('error') === 0) return false;
    // What its handler throws belongs to the domain around it.
    setStack(below);
    try {
      return domain.emit('error', error);
    } catch (second) {
      const outer = below.at(-1);
      if (outer === undefined) throw second;
      return Domain.handle(outer, second);
    }
  }

  add(emitter: Emitter): void {
    if (emitter.domain === this) return;
    emitter.domain?.remove(emitter);
    // A domain in a domain in itself would hand errors round for ever.
    for (let at = this.domain; at; at = at.domain) if (at === (emitter as unknown)) return;
    Object.defineProperty(emitter, 'domain', {
      value: this,
      writable: true,
      enumerable: false,
      configurable: true,
    });
    this.members.push(emitter);
  }

  remove(emitter: Emitter): void {
    emitter.domain = null;
    const index = this.members.indexOf(emitter);
    if (index >= 0) this.members.splice(index, 1);
  }

  enter(): void {
    setStack([...stack(), this]);
  }

  exit(): void {
    const index = stack().lastIndexOf(this);
    if (index >= 0) setStack(stack().slice(0, index));
  }

  run(act: Anything, ...args: unknown[]): unknown {
    this.enter();
    const result = Reflect.apply(act, this, args);
    this.exit();
    return result;
  }

  bind(callback: Anything): Anything {
    const domain = this;
    const bound = function (this: unknown, ...args: unknown[]): unknown {
      domain.enter();
      const result = Reflect.apply(callback, this, args);
      domain.exit();
      return result;
    };
    Object.defineProperty(bound, 'domain', { value: this, writable: true, configurable: true });
    return bound;
  }

  intercept(callback: Anything): Anything {
    const domain = this;
    return this.bind(function (this: unknown, error: unknown, ...args: unknown[]): unknown {
      if (!(error instanceof Error)) return Reflect.apply(callback, this, args);
      Object.assign(error, { domainBound: callback, domainThrown: false });
      Object.defineProperty(error, 'domain', {
        value: domain,
        writable: true,
        configurable: true,
      });
      domain.emit('error', error);
      return undefined;
    } as Anything);
  }
}

/** `process.domain` and `domain.active`. */
export function activeDomain(): Domain | undefined {
  return active();
}

const create = (): Domain => new Domain();

export const exported: Record<string, unknown> = {
  Domain,
  createDomain: create,
  create,
  get active(): unknown {
    return activeDomain();
  },
  get _stack(): readonly Domain[] {
    return stack();
  },
};
