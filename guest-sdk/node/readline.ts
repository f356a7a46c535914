/**
 * `node:readline` on streams: lines, questions and prompts. A guest's terminal stays in the host's
 * line mode, so there is no editing here: what arrives are whole lines, as from a file or pipe.
 */

import { kDispose } from './dispose-symbols.ts';
import { EventEmitter } from './events.ts';
import { on as eventsOn } from './events-async.ts';
import { invalidArgValue, nodeError } from './node-errors.ts';
import { clearLine, clearScreenDown, cursorTo, moveCursor } from './readline-cursor.ts';
import { emitKeypressEvents } from './readline-keys.ts';
import type { EmitterLike } from './stream-types.ts';
import { StringDecoder } from './string-decoder.ts';
import {
  validateAbortSignal,
  validateArray,
  validateNumber,
  validateUint32,
} from './validators.ts';

const HISTORY_MAX = 30;
const CRLF_DELAY_MIN_MS = 100;
const ESCAPE_TIMEOUT_MS = 500;
const LINES_AHEAD_MAX = 1024;
const LINE_END = /\r?\n|\r(?!\n)|\u2028|\u2029/g;

interface Input extends EmitterLike {
  pause(): unknown;
  resume(): unknown;
}

interface Output {
  write(text: string): unknown;
}

export interface Signal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: string, listener: () => void, options?: object): void;
  removeEventListener(type: string, listener: () => void): void;
}

interface Options {
  readonly input: Input;
  readonly output?: Output;
  readonly completer?: unknown;
  readonly terminal?: unknown;
  readonly history?: unknown;
  readonly historySize?: unknown;
  readonly removeHistoryDuplicates?: unknown;
  readonly prompt?: unknown;
  readonly crlfDelay?: unknown;
  readonly escapeCodeTimeout?: unknown;
  readonly tabSize?: unknown;
  readonly signal?: Signal;
}

type Answer = (line: string) => void;

interface State {
  prompt: string;
  crlfDelayMs: number;
  question: Answer | undefined;
  promptBefore: string;
  kept: string | undefined;
  returnAtMs: number;
  lines: AsyncIterableIterator<unknown> | undefined;
}

export interface Interface extends EmitterLike {
  input: Input;
  output: Output | undefined;
  terminal: boolean;
  line: string;
  cursor: number | undefined;
  history: unknown[];
  historySize: number;
  removeHistoryDuplicates: boolean;
  escapeCodeTimeout: number;
  tabSize: number;
  completer: unknown;
  paused: boolean;
  closed: boolean;
  getPrompt(): string;
  setPrompt(prompt: string): void;
  prompt(preserveCursor?: boolean): void;
  question(query: string, ...rest: unknown[]): unknown;
  pause(): Interface;
  resume(): Interface;
  close(): void;
  write(data: unknown, key?: unknown): void;
}

const states = new WeakMap<object, State>();

function stateOf(self: Interface): State {
  const state = states.get(self);
  if (state === undefined) throw new TypeError('Illegal invocation');
  return state;
}

function optionsOf(args: readonly unknown[]): Options {
  const [input, output, completer, terminal] = args;
  const { input: given } = (input ?? {}) as { input?: unknown };
  if (given) return input as Options;
  return { input, output, completer, terminal } as Options;
}

function checkOptions(options: Options): void {
  const { completer, history, historySize, escapeCodeTimeout, tabSize } = options;
  if (completer !== undefined && typeof completer !== 'function') {
    throw invalidArgValue('completer', completer);
  }
  if (tabSize !== undefined) validateUint32(tabSize, 'tabSize', { positive: true });
  if (escapeCodeTimeout !== undefined && !Number.isFinite(escapeCodeTimeout)) {
    // Node shows what it would have used instead.
    throw invalidArgValue('input.escapeCodeTimeout', ESCAPE_TIMEOUT_MS);
  }
  if (history !== undefined) validateArray(history, 'history');
  if (historySize !== undefined) validateNumber(historySize, 'historySize', 0);
  validateAbortSignal(options.signal, 'options.signal');
}

function setUp(self: Interface, options: Options): void {
  checkOptions(options);
  const { input, output, signal } = options;
  const { crlfDelay, prompt = '> ' } = options;
  states.set(self, {
    prompt: String(prompt),
    crlfDelayMs: crlfDelay ? Math.max(CRLF_DELAY_MIN_MS, Number(crlfDelay)) : CRLF_DELAY_MIN_MS,
    question: undefined,
    promptBefore: '',
    kept: undefined,
    returnAtMs: 0,
    lines: undefined,
  });
  const asked = options.terminal;
  Object.assign(self, {
    line: '',
    terminal: Boolean(asked),
    input,
    output,
    history: (options.history as unknown[] | undefined) ?? [],
    historySize: (options.historySize as number | undefined) ?? HISTORY_MAX,
    removeHistoryDuplicates: Boolean(options.removeHistoryDuplicates),
    escapeCodeTimeout: (options.escapeCodeTimeout as number | undefined) ?? ESCAPE_TIMEOUT_MS,
    tabSize: (options.tabSize as number | undefined) ?? 8,
    completer: options.completer,
    paused: false,
    closed: false,
  });
  follow(self, input);
  if (signal !== undefined) closeWith(self, signal);
  input.resume();
}

function follow(self: Interface, input: Input): void {
  const decoder = new (
    StringDecoder as unknown as new (
      encoding: string,
    ) => {
      write(bytes: unknown): string;
    }
  )('utf8');
  const onError = (error: never): void => {
    self.emit('error', error);
  };
  const onData = (data: never): void => takeText(self, decoder.write(data));
  const onEnd = (): void => {
    const { kept } = stateOf(self);
    if (kept) self.emit('line', kept);
    self.close();
  };
  input.on('error', onError);
  input.on('data', onData);
  input.on('end', onEnd);
  self.once('close', () => {
    input.removeListener('data', onData);
    input.removeListener('end', onEnd);
    input.removeListener('error', onError);
  });
}

function closeWith(self: Interface, signal: Signal): void {
  const onAbort = (): void => self.close();
  if (signal.aborted) Promise.resolve().then(onAbort);
  else {
    signal.addEventListener('abort', onAbort, { once: true });
    self.once('close', () => signal.removeEventListener('abort', onAbort));
  }
}

/** Text as it came: whole lines go on, the rest waits. */
function takeText(self: Interface, given: string): void {
  if (given === '') return;
  const state = stateOf(self);
  let text = given;
  // A line end of two characters may have been cut in the middle.
  if (state.returnAtMs > 0 && Date.now() - state.returnAtMs <= state.crlfDelayMs) {
    if (text.startsWith('\n')) text = text.slice(1);
    state.returnAtMs = 0;
  }
  const parts = text.split(LINE_END);
  if (parts.length === 1) {
    state.kept = (state.kept ?? '') + text;
    return;
  }
  state.returnAtMs = text.endsWith('\r') ? Date.now() : 0;
  parts[0] = (state.kept ?? '') + parts[0];
  state.kept = parts.pop();
  for (const line of parts) takeLine(self, line);
}

function takeLine(self: Interface, line: string): void {
  const state = stateOf(self);
  const { question } = state;
  if (question === undefined) {
    self.emit('line', line);
    return;
  }
  state.question = undefined;
  self.setPrompt(state.promptBefore);
  question(line);
}

function usable(self: Interface): void {
  if (self.closed) throw nodeError(Error, 'ERR_USE_AFTER_CLOSE', 'readline was closed');
}

/** Writes `query` and gives the next line to `answer`. While one question is open, another is not asked. */
export function ask(self: Interface, query: string, answer: Answer): void {
  usable(self);
  const state = stateOf(self);
  if (state.question !== undefined) {
    self.prompt();
    return;
  }
  state.promptBefore = state.prompt;
  self.setPrompt(query);
  state.question = answer;
  self.prompt();
}

export function cancelQuestion(self: Interface): void {
  const state = stateOf(self);
  if (state.question === undefined) return;
  state.question = undefined;
  self.setPrompt(state.promptBefore);
  self.emit('questionCancelled');
}

const methods = {
  getPrompt(this: Interface): string {
    return stateOf(this).prompt;
  },
  setPrompt(this: Interface, prompt: string): void {
    stateOf(this).prompt = prompt;
  },
  prompt(this: Interface): void {
    if (this.paused) this.resume();
    this.output?.write(stateOf(this).prompt);
  },
  pause(this: Interface): Interface {
    if (this.paused) return this;
    this.input.pause();
    this.paused = true;
    this.emit('pause');
    return this;
  },
  resume(this: Interface): Interface {
    if (!this.paused) return this;
    this.input.resume();
    this.paused = false;
    this.emit('resume');
    return this;
  },
  close(this: Interface): void {
    if (this.closed) return;
    this.pause();
    this.closed = true;
    this.emit('close');
  },
  write(this: Interface, data: unknown): void {
    usable(this);
    if (this.paused) this.resume();
    if (data === undefined || data === null) return;
    takeText(this, typeof data === 'string' ? data : String(data));
  },
  getCursorPos(this: Interface): { rows: number; cols: number } {
    const text = stateOf(this).prompt + this.line.slice(0, this.cursor);
    const lines = text.split('\n');
    return { rows: lines.length - 1, cols: [...(lines.at(-1) ?? '')].length };
  },
  question(this: Interface, query: string, ...rest: unknown[]): void {
    const callback = typeof rest[1] === 'function' ? rest[1] : rest[0];
    const options = (typeof rest[0] === 'function' ? {} : (rest[0] ?? {})) as { signal?: Signal };
    let answer: Answer = typeof callback === 'function' ? (callback as Answer) : (): void => {};
    const { signal } = options;
    if (signal) {
      validateAbortSignal(signal, 'options.signal');
      if (signal.aborted) return;
      const onAbort = (): void => cancelQuestion(this);
      signal.addEventListener('abort', onAbort, { once: true });
      const given = answer;
      answer = (line): void => {
        signal.removeEventListener('abort', onAbort);
        given(line);
      };
    }
    if (typeof callback === 'function') ask(this, query, answer);
  },
  [Symbol.asyncIterator](this: Interface): AsyncIterableIterator<unknown> {
    const state = stateOf(this);
    state.lines ??= linesOf(this);
    return state.lines;
  },
  [kDispose](this: Interface): void {
    this.close();
  },
};

function linesOf(self: Interface): AsyncIterableIterator<unknown> {
  const options = { close: ['close'], highWaterMark: LINES_AHEAD_MAX };
  const events = eventsOn(self, 'line', options) as unknown as AsyncIterator<unknown[]>;
  const first = ({ value, done }: IteratorResult<unknown[]>): IteratorResult<unknown> =>
    done ? { value, done } : { value: (value as unknown[])[0], done: false };
  return {
    next: () => events.next().then(first),
    return: () =>
      Promise.resolve(events.return?.() as Promise<IteratorResult<unknown[]>>).then(first),
    throw: (error: unknown) =>
      Promise.resolve(events.throw?.(error) as Promise<IteratorResult<unknown[]>>).then(first),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

interface InterfaceConstructor {
  new (...args: unknown[]): Interface;
  readonly prototype: Interface;
}

const emitter = EventEmitter as unknown as { prototype: object; call(self: object): void };

function construct(this: Interface | undefined, ...args: unknown[]): Interface | undefined {
  if (!(this instanceof Interface)) return new Interface(...args);
  emitter.call(this);
  setUp(this, optionsOf(args));
  return undefined;
}
export const Interface: InterfaceConstructor = construct as unknown as InterfaceConstructor;
Object.defineProperty(Interface, 'name', { value: 'Interface', configurable: true });
Object.setPrototypeOf(Interface, EventEmitter);
Object.setPrototypeOf(Interface.prototype, emitter.prototype);
Object.defineProperties(
  Interface.prototype,
  Object.fromEntries(
    Reflect.ownKeys(methods).map((name) => [
      name,
      {
        value: methods[name as keyof typeof methods],
        writable: true,
        enumerable: false,
        configurable: true,
      },
    ]),
  ),
);

export const exported: Record<string, unknown> = {
  Interface,
  clearLine,
  clearScreenDown,
  createInterface: (...args: unknown[]): Interface => new Interface(...args),
  cursorTo,
  emitKeypressEvents,
  moveCursor,
};
