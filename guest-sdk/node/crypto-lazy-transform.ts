/**
 * What hashes, ciphers and signatures inherit: a Transform that becomes one when it is first used as
 * a stream. Most are not, and the state of a stream costs more than a short hash.
 */

import { exported as stream } from './stream.ts';

const { Transform } = stream;

export interface LazyTransform {
  _options: unknown;
  push(chunk: Uint8Array | string | null): boolean;
}

interface AsStream {
  readonly _writableState: { decodeStrings: boolean };
}

/** Node's, in all but name: a constructor to be called on an object of a class below it. */
export function LazyTransform(this: LazyTransform, options: unknown): void {
  this._options = options;
}

Object.setPrototypeOf(LazyTransform.prototype, Transform.prototype);
Object.setPrototypeOf(LazyTransform, Transform);

function becomeStream(self: LazyTransform): void {
  Transform.call(self, (self._options ?? undefined) as object | undefined);
  (self as unknown as AsStream)._writableState.decodeStrings = false;
}

for (const name of ['_readableState', '_writableState']) {
  Object.defineProperty(LazyTransform.prototype, name, {
    get(this: LazyTransform) {
      becomeStream(this);
      return (this as unknown as Record<string, unknown>)[name];
    },
    set(this: LazyTransform, value: unknown) {
      Object.defineProperty(this, name, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    },
    enumerable: true,
    configurable: true,
  });
}

/** Makes `made` one of this kind, with `methods` on its prototype, enumerable as in Node. */
export function inheritLazily(
  made: { readonly prototype: object },
  methods: Readonly<Record<string, unknown>>,
): void {
  Object.setPrototypeOf(made.prototype, LazyTransform.prototype);
  Object.setPrototypeOf(made, LazyTransform);
  Object.assign(made.prototype, methods);
}
