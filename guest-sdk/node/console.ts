/** `node:console`: formatting by util, writing by the standard streams, each line in one write. */

import { sinceBootMicros } from '../timer-wheel.ts';
import { table } from './console-table.ts';
import { kernel } from './kernel-hooks.ts';
import { invalidArgType } from './node-errors.ts';
import { exported as util } from './util.ts';

interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

interface UtilFunctions {
  formatWithOptions(options: object, ...args: unknown[]): string;
  inspect(value: unknown, options?: object): string;
}

const { formatWithOptions, inspect } = util as unknown as UtilFunctions;

/** Node's text of a duration: "1.5ms", "2.000s", "1:02.500 (m:ss.mmm)". */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Number(ms.toFixed(3))}ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(3)}s`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = ((ms % 60_000) / 1000).toFixed(3).padStart(6, '0');
  const two = (value: number): string => String(value).padStart(2, '0');
  if (hours > 0) return `${hours}:${two(minutes)}:${seconds.slice(0, 2)} (h:mm:ss)`;
  return `${minutes}:${seconds} (m:ss.mmm)`;
}

/** Node's console. `out` and `error` are asked for at every line: a guest may replace a stream. */
function makeConsole(
  out: () => Sink,
  error: () => Sink,
  groupWidth: number,
): Record<string, unknown> {
  let indentation = '';
  const counts = new Map<string, number>();
  const timers = new Map<string, number>();

  const print = (sink: Sink, text: string): void => {
    const body =
      indentation === '' ? text : indentation + text.replaceAll('\n', `\n${indentation}`);
    sink.write(`${body}\n`);
  };
  const format = (sink: Sink, args: unknown[]): string => {
    const [first] = args;
    if (args.length === 1 && typeof first === 'string') return first;
    return formatWithOptions({ colors: sink.isTTY === true }, ...args);
  };
  const log = (...args: unknown[]): void => print(out(), format(out(), args));
  const warn = (...args: unknown[]): void => print(error(), format(error(), args));
  const elapsed = (label: string, name: string): string | undefined => {
    const start = timers.get(label);
    if (start === undefined) {
      kernel().emitWarning(`No such label '${label}' for console.${name}()`);
      return undefined;
    }
    return `${label}: ${formatDuration(sinceBootMicros() / 1000 - start)}`;
  };

  const methods = {
    log,
    warn,
    error: warn,
    info: log,
    debug: log,
    dir: (value: unknown, options?: object): void =>
      print(
        out(),
        inspect(value, { customInspect: false, colors: out().isTTY === true, ...options }),
      ),
    dirxml: log,
    trace: (...args: unknown[]): void => {
      const holder: { name: string; message: string; stack?: string } = {
        name: 'Trace',
        message: format(error(), args),
      };
      (Error as unknown as { captureStackTrace(target: object): void }).captureStackTrace(holder);
      print(error(), String(holder.stack));
    },
    assert: (condition: unknown, ...args: unknown[]): void => {
      if (condition) return;
      const [first, ...rest] = args;
      warn(args.length === 0 ? 'Assertion failed' : `Assertion failed: ${first}`, ...rest);
    },
    clear: (): void => {
      const sink = out();
      if (sink.isTTY) sink.write('\x1b[1;1H\x1b[0J');
    },
    count: (label: unknown = 'default'): void => {
      const name = String(label);
      const next = (counts.get(name) ?? 0) + 1;
      counts.set(name, next);
      log(`${name}: ${next}`);
    },
    countReset: (label: unknown = 'default'): void => {
      const name = String(label);
      if (counts.delete(name)) return;
      kernel().emitWarning(`Count for '${name}' does not exist`);
    },
    group: (...labels: unknown[]): void => {
      if (labels.length > 0) log(...labels);
      indentation += ' '.repeat(groupWidth);
    },
    groupCollapsed: (...labels: unknown[]): void => methods.group(...labels),
    groupEnd: (): void => {
      indentation = indentation.slice(groupWidth);
    },
    table: (data: unknown, columns?: readonly string[]): void => {
      if (columns !== undefined && !Array.isArray(columns)) {
        throw invalidArgType('properties', 'Array', columns);
      }
      if (typeof data !== 'object' || data === null) log(data);
      else log(table(data, columns, inspect));
    },
    time: (label: unknown = 'default'): void => {
      const name = String(label);
      if (timers.has(name)) {
        kernel().emitWarning(`Label '${name}' already exists for console.time()`);
        return;
      }
      timers.set(name, sinceBootMicros() / 1000);
    },
    timeEnd: (label: unknown = 'default'): void => {
      const text = elapsed(String(label), 'timeEnd');
      if (text !== undefined) log(text);
      timers.delete(String(label));
    },
    timeLog: (label: unknown = 'default', ...args: unknown[]): void => {
      const text = elapsed(String(label), 'timeLog');
      if (text !== undefined) log(text, ...args);
    },
  };
  return methods;
}

interface ConsoleOptions {
  readonly stdout: Sink;
  readonly stderr?: Sink;
  readonly groupIndentation?: number;
}

function isSink(value: unknown): value is Sink {
  return typeof (value as Sink | undefined)?.write === 'function';
}

/** `new Console(stdout, stderr)` or `new Console({ stdout, stderr })`; callable without `new`. */
export function Console(optionsOrOut: unknown, errorSink?: unknown): object {
  const options: Partial<ConsoleOptions> = isSink(optionsOrOut)
    ? { stdout: optionsOrOut, ...(isSink(errorSink) ? { stderr: errorSink } : {}) }
    : ((optionsOrOut ?? {}) as Partial<ConsoleOptions>);
  const { stdout } = options;
  if (!isSink(stdout)) {
    const error = new TypeError('Console expects a writable stream instance for stdout');
    throw Object.assign(error, { code: 'ERR_CONSOLE_WRITABLE_STREAM' });
  }
  const stderr = options.stderr ?? stdout;
  const made = Object.create(Console.prototype) as object;
  return Object.assign(
    made,
    makeConsole(
      () => stdout,
      () => stderr,
      options.groupIndentation ?? 2,
    ),
  );
}

/** The global console over the process's own streams. */
export function globalConsole(streams: () => readonly [out: Sink, error: Sink]): object {
  const made = makeConsole(
    () => streams()[0],
    () => streams()[1],
    2,
  );
  Object.defineProperty(made, Symbol.toStringTag, { value: 'console', configurable: true });
  // For inspectors, of which there is none.
  const none = (): void => {};
  return Object.assign(made, {
    Console,
    profile: none,
    profileEnd: none,
    timeStamp: none,
    context: () => made,
    createTask: (name: unknown): object => {
      if (typeof name !== 'string' || name === '') {
        throw new Error('First argument must be a non-empty string.');
      }
      return { run: <T>(act: () => T): T => act() };
    },
  });
}
