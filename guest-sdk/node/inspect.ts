/** `util.inspect` and `util.format`: the package, once, with its surroundings put right. */

/// <reference path="./vendor.d.ts" />

import './inspect-prelude.ts';
import inspector from 'node-inspect-extracted';
import { inspectHook } from './inspect-hook.ts';
import { restoreGlobals } from './inspect-prelude.ts';

// An object of no known class makes the package load the rest of itself.
inspector.inspect(new (class Unknown {})());
restoreGlobals();

/** `util.inspect`. */
export interface Inspect {
  (value: unknown, options?: object | null): string;
  (value: unknown, showHidden?: boolean, depth?: number | null, colors?: boolean): string;
  custom: symbol;
  colors: Record<string, [number, number]>;
  styles: Record<string, string>;
  defaultOptions: object;
}

export const inspect: Inspect = inspector.inspect;
// The package follows a later Node, which colours a pattern piece by piece.
inspect.styles.regexp = 'red';
export const formatWithOptions: (options: object, ...args: unknown[]) => string =
  inspector.formatWithOptions;
export const stripVTControlCharacters: (text: string) => string =
  inspector.stripVTControlCharacters;

/** `util.format`. One string is the most frequent case of `console.log` and has nothing to format. */
export function format(...args: unknown[]): string {
  if (args.length === 1 && typeof args[0] === 'string') return args[0];
  return formatWithOptions({}, ...args);
}

inspectHook.inspect = inspect;

// The package is minified; a function's name shows when it is inspected.
for (const [name, value] of Object.entries({ inspect, stripVTControlCharacters })) {
  Object.defineProperty(value, 'name', { value: name, configurable: true });
}
