/** `node:readline/promises`, and what `promisify` makes of a question. */

import { AbortError } from './node-errors.ts';
import { ask, cancelQuestion, Interface, exported as readline, type Signal } from './readline.ts';
import { Readline } from './readline-cursor.ts';
import { validateAbortSignal } from './validators.ts';

const promisifyCustom = Symbol.for('nodejs.util.promisify.custom');

function questionPromise(
  self: Interface,
  query: string,
  options?: { signal?: Signal },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = options?.signal;
    if (signal !== undefined) validateAbortSignal(signal, 'options.signal');
    const aborted = (): AbortError => new AbortError(undefined, { cause: signal?.reason });
    if (signal?.aborted) {
      reject(aborted());
      return;
    }
    const onAbort = (): void => {
      cancelQuestion(self);
      reject(aborted());
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    ask(self, query, (line) => {
      signal?.removeEventListener('abort', onAbort);
      resolve(line);
    });
  });
}

Object.defineProperty(Interface.prototype.question, promisifyCustom, {
  value(this: Interface, query: string, options?: { signal?: Signal }): Promise<string> {
    return questionPromise(this, query, options);
  },
});

class PromisesInterface extends (Interface as unknown as new (...args: unknown[]) => Interface) {
  override question(query: string, options?: { signal?: Signal }): Promise<string> {
    return questionPromise(this, query, options);
  }
}
Object.defineProperty(PromisesInterface, 'name', { value: 'Interface', configurable: true });

export const exported: Record<string, unknown> = {
  Interface: PromisesInterface,
  Readline,
  createInterface: (...args: unknown[]): Interface => new PromisesInterface(...args),
};

readline.promises = exported;
