/**
 * The `process` object as a bare EventEmitter: what the kernel needs to report an error or an exit.
 * Its properties come from node/process.ts, which may import everything; this file must not.
 */

import { EventEmitter } from './node/events.ts';

export interface ProcessEvents {
  emit(event: string, ...args: unknown[]): boolean;
  on(event: string, listener: (...args: never[]) => void): unknown;
  listenerCount(event: string): number;
  exitCode: number | string | null | undefined;
  _exiting: boolean;
}

// Node's `process` is an instance of a function of that name: packages print or test it.
const processConstructor = { process: function process(): void {} }.process;
Object.setPrototypeOf(
  processConstructor.prototype,
  (EventEmitter as unknown as { prototype: object }).prototype,
);

export const processObject = Object.create(processConstructor.prototype) as ProcessEvents;
(EventEmitter as unknown as (this: object) => void).call(processObject);
Object.defineProperty(processObject, Symbol.toStringTag, { value: 'process', configurable: true });
