/**
 * The end of a guest: exit, and the report of an error nobody caught, in Node's shape on standard
 * error. Order and exit codes follow Node 20 (lib/internal/process/execution.js describes them).
 */

import { ENCODING } from '../log-format/abi.ts';
import { bootConfig } from './boot-config.ts';
import { placeOf } from './call-site.ts';
import { traps } from './drivers/traps.ts';
import { describeError } from './errors.ts';
import { inspectHook } from './node/inspect-hook.ts';
import { processObject } from './process-object.ts';

export type Origin = 'uncaughtException' | 'unhandledRejection';

const GENERIC_ERROR = 1;
const HANDLER_FAILED = 7;

/** Ends the guest now. The machine stops the CPU at the next poll; this loop is what it polls in. */
export function halt(code: number): never {
  traps.exit(code & 0xff);
  for (;;) {}
}

/** `process.exitCode` as a number; what is set there wins over `fallback`. */
export function exitCodeOr(fallback: number): number {
  const code = Number(processObject.exitCode ?? fallback);
  return Number.isInteger(code) ? code : fallback;
}

/** `process.exit()` and the natural end: 'exit' once, then the end. A throwing listener is fatal. */
export function exitNow(): never {
  if (!processObject._exiting) {
    processObject._exiting = true;
    try {
      processObject.emit('exit', exitCodeOr(0));
    } catch (error) {
      printFatal(error, 'uncaughtException');
      halt(GENERIC_ERROR);
    }
  }
  halt(exitCodeOr(0));
}

let first: ((error: unknown) => boolean) | undefined;

/** `handler` is asked before anybody else; true when it has dealt with the error. */
export function onUncaught(handler: (error: unknown) => boolean): void {
  first = handler;
}

let captured: ((error: unknown) => void) | undefined;

/** `process.setUncaughtExceptionCaptureCallback`: takes the place of 'uncaughtException'. */
export function onCapture(callback: ((error: unknown) => void) | undefined): void {
  captured = callback;
}

/** What happens to an error no guest code caught: the guest's handlers, or the end. */
export function reportUncaught(error: unknown, origin: Origin): void {
  let handled = false;
  try {
    if (first?.(error) === true) return;
    processObject.emit('uncaughtExceptionMonitor', error, origin);
    if (captured !== undefined) {
      captured(error);
      return;
    }
    handled = processObject.emit('uncaughtException', error, origin);
  } catch (second) {
    printFatal(second, 'uncaughtException');
    halt(HANDLER_FAILED);
  }
  if (handled) return;
  try {
    if (!processObject._exiting) {
      processObject._exiting = true;
      processObject.exitCode = GENERIC_ERROR;
      processObject.emit('exit', GENERIC_ERROR);
    }
  } catch {
    // The first error is the one to report; Node drops this one too.
  }
  printFatal(error, origin);
  halt(exitCodeOr(GENERIC_ERROR));
}

function printFatal(error: unknown, origin: Origin): void {
  const version = (processObject as unknown as { version?: string }).version ?? '';
  writeError(`${fatalText(error, origin)}\n${memoryHint(error)}\nNode.js ${version}\n`);
}

/** The engine's own error for a full heap, and what the user can do about it. */
function memoryHint(error: unknown): string {
  if (!(error instanceof RangeError) || error.message !== 'out of memory') return '';
  const mebibytes = bootConfig().heapBytesMax / 2 ** 20;
  return `\nhv: the heap of this guest may hold ${mebibytes} MiB; give it more with --memory\n`;
}

/** Raw standard error: a guest that has replaced `process.stderr.write` must not lose its report. */
export function writeError(text: string): void {
  const bytes = traps.encode(text, ENCODING.utf8);
  traps.consoleWrite(2, bytes, 0, bytes.byteLength);
}

function fatalText(error: unknown, origin: Origin): string {
  if (typeof error !== 'object' || error === null) {
    const shown = typeof error === 'symbol' ? error.toString() : String(error);
    return `Uncaught:\n${shown}\n(Use \`node --trace-uncaught ...\` to show where the exception was thrown)`;
  }
  if (!(error instanceof Error)) return `Uncaught:\n${inspected(error)}`;
  return `${arrow(error, origin)}${inspected(error)}`;
}

function inspected(value: object): string {
  try {
    // Gives an error of the engine the stack everybody else's has.
    if (value instanceof Error) describeError(value);
    return inspectHook.inspect(value, { customInspect: false, depth: 5 });
  } catch {
    // A proxy or getter of the guest threw while it was printed.
    return value instanceof Error ? describeError(value) : '<toString() threw exception>';
  }
}

/** The source line and a caret under the place, as V8 prints them; "" when the place is unknown. */
function arrow(error: Error, origin: Origin): string {
  const frame = /^ {4}at (?:.* \()?(.*:\d+:\d+)\)?$/m.exec(describeError(error));
  const { file, line, column } = placeOf(frame?.[1] ?? '');
  if (file === null || line === null || column === null) return '';
  const source = traps.sourceLine(`${file}:${line}`);
  if (source === '') return '';
  const caret = source.slice(0, caretAt(source, column - 1, origin)).replace(/[^\t]/g, ' ');
  return `${file}:${line}\n${source}\n${caret}^\n\n`;
}

/**
 * V8 points at the `throw`, the engine at the call inside `new Error(...)`. A `throw` in the same
 * statement is the better place; a rejection has none and is shown where its error was made.
 */
function caretAt(source: string, column: number, origin: Origin): number {
  const before = source.slice(0, column + 1);
  const statement = /^.*(?=\bthrow\b[^;]*$)/.exec(before);
  if (origin === 'uncaughtException' && statement) return statement[0].length;
  return Math.min(column, source.length);
}
