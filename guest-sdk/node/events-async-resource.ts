/** `events.EventEmitterAsyncResource`: an emitter whose listeners run in the context it was made in. */

import { AsyncResource } from './async-hooks.ts';
import { EventEmitter } from './events.ts';
import { validateString } from './validators.ts';

interface Options {
  readonly name?: unknown;
  readonly triggerAsyncId?: unknown;
  readonly requireManualDestroy?: unknown;
}

type Emit = (event: string | symbol, ...args: unknown[]) => boolean;
const Base = EventEmitter as unknown as new (options?: object) => object;

class EmitterResource extends AsyncResource {
  readonly #emitter: object;

  constructor(emitter: object, type: unknown, options: object) {
    super(type, options);
    this.#emitter = emitter;
  }

  get eventEmitter(): object {
    return this.#emitter;
  }
}
Object.defineProperty(EmitterResource, 'name', { value: 'EventEmitterReferencingAsyncResource' });

export class EventEmitterAsyncResource extends Base {
  readonly #resource: EmitterResource;

  constructor(options?: Options | string) {
    const given: Options = typeof options === 'string' ? { name: options } : (options ?? {});
    if (typeof options === 'string' || new.target === EventEmitterAsyncResource) {
      validateString(given.name, 'options.name');
    }
    super(given);
    this.#resource = new EmitterResource(this, given.name || new.target.name, given);
  }

  emit(event: string | symbol, ...args: unknown[]): boolean {
    const emit = (EventEmitter as unknown as { prototype: { emit: Emit } }).prototype.emit;
    return this.#resource.runInAsyncScope(emit as never, this, event, ...args) as boolean;
  }

  emitDestroy(): void {
    this.#resource.emitDestroy();
  }

  get asyncId(): number {
    return this.#resource.asyncId();
  }

  get triggerAsyncId(): number {
    return this.#resource.triggerAsyncId();
  }

  get asyncResource(): AsyncResource {
    return this.#resource;
  }
}

Object.defineProperty(EventEmitter, 'EventEmitterAsyncResource', {
  value: EventEmitterAsyncResource,
  enumerable: true,
  configurable: true,
});
