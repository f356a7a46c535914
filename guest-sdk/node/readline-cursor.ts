/** Escape sequences for a terminal's cursor: the functions of `node:readline` and its promise form. */

import { kernel } from './kernel-hooks.ts';
import { invalidArgType, invalidArgValue, nodeError } from './node-errors.ts';
import { validateBoolean, validateFunction, validateInteger } from './validators.ts';

interface Output {
  write(text: string, done?: unknown): boolean;
}

const CSI = '\x1b[';

function send(output: unknown, text: string, done: unknown): boolean {
  if (done !== undefined) validateFunction(done, 'callback');
  if (output === null || output === undefined || text === '') {
    if (typeof done === 'function') kernel().nextTick(done as never, null);
    return true;
  }
  return (output as Output).write(text, done);
}

function cursorText(x: unknown, y: unknown): string {
  if (Number.isNaN(x)) throw invalidArgValue('x', x);
  if (Number.isNaN(y)) throw invalidArgValue('y', y);
  if (typeof x === 'number') {
    return typeof y === 'number' ? `${CSI}${y + 1};${x + 1}H` : `${CSI}${x + 1}G`;
  }
  if (typeof y !== 'number') return '';
  const text = 'Cannot set cursor row without setting its column';
  throw nodeError(TypeError, 'ERR_INVALID_CURSOR_POS', text);
}

function step(count: number, forward: string, back: string): string {
  if (!count) return '';
  return `${CSI}${Math.abs(count)}${count > 0 ? forward : back}`;
}

function lineText(direction: number): string {
  if (direction < 0) return `${CSI}1K`;
  return direction > 0 ? `${CSI}0K` : `${CSI}2K`;
}

export function cursorTo(output: unknown, x: unknown, y?: unknown, callback?: unknown): boolean {
  const done = typeof y === 'function' ? y : callback;
  if (done !== undefined) validateFunction(done, 'callback');
  const text = cursorText(x, typeof y === 'function' ? undefined : y);
  return send(output, text, done);
}

export function moveCursor(output: unknown, dx: number, dy: number, callback?: unknown): boolean {
  return send(output, step(dx, 'C', 'D') + step(dy, 'B', 'A'), callback);
}

export function clearLine(output: unknown, direction: number, callback?: unknown): boolean {
  return send(output, lineText(direction), callback);
}

export function clearScreenDown(output: unknown, callback?: unknown): boolean {
  return send(output, `${CSI}0J`, callback);
}

/** Of `node:readline/promises`: collects sequences until they are committed. */
export class Readline {
  readonly #output: Output;
  readonly #autoCommit: boolean;
  #todo: string[] = [];

  constructor(output: unknown, options?: { readonly autoCommit?: unknown }) {
    const { write, writable } = (output ?? {}) as { write?: unknown; writable?: unknown };
    if (typeof write !== 'function' || writable === undefined) {
      throw invalidArgType('stream', 'Writable', output);
    }
    this.#output = output as Output;
    const { autoCommit } = options ?? {};
    if (autoCommit !== undefined) validateBoolean(autoCommit, 'options.autoCommit');
    this.#autoCommit = autoCommit === true;
  }

  cursorTo(x: unknown, y?: unknown): this {
    validateInteger(x, 'x');
    if (y !== undefined && y !== null) validateInteger(y, 'y');
    return this.#add(cursorText(x, y ?? undefined));
  }

  moveCursor(dx: unknown, dy: unknown): this {
    if (dx || dy) {
      validateInteger(dx, 'dx');
      validateInteger(dy, 'dy');
      this.#add(step(dx, 'C', 'D') + step(dy, 'B', 'A'));
    }
    return this;
  }

  clearLine(direction: unknown): this {
    validateInteger(direction, 'dir', -1, 1);
    return this.#add(lineText(direction));
  }

  clearScreenDown(): this {
    return this.#add(`${CSI}0J`);
  }

  commit(): Promise<void> {
    return new Promise((resolve) => {
      this.#output.write(this.#todo.join(''), resolve);
      this.#todo = [];
    });
  }

  rollback(): this {
    this.#todo = [];
    return this;
  }

  #add(text: string): this {
    if (this.#autoCommit) kernel().nextTick(() => this.#output.write(text));
    else this.#todo.push(text);
    return this;
  }
}
