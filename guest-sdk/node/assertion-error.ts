/** AssertionError and its texts: which values differ, and in which lines. */

import { inspect } from './inspect.ts';
import { markNodeError } from './node-errors.ts';
import { validateObject } from './validators.ts';

/** A function that was not called as often as `assert.CallTracker` wants it. */
export interface CallReport {
  readonly message: string;
  readonly actual: number;
  readonly expected: number;
  readonly operator: string;
  /** Made where the function was. */
  readonly stack: Error;
}

export interface AssertionErrorOptions {
  readonly message?: string | undefined;
  readonly operator?: string | undefined;
  readonly actual?: unknown;
  readonly expected?: unknown;
  /** Frames above and including this function are not shown. */
  readonly stackStartFn?: unknown;
  /** Each becomes properties of its own. */
  readonly details?: readonly CallReport[];
}

interface Capturing {
  captureStackTrace?(target: object, above: unknown): void;
}

/** Up to this many characters in all, two short primitives are shown as "1 !== 2". */
const SHORT_TEXT_MAX = 12;
const ROWS_MAX = 50;
/** Width below which a caret under the first difference stays on its line. */
const CARET_WIDTH_MAX = 80;

const headings: Readonly<Record<string, string>> = {
  deepStrictEqual: 'Expected values to be strictly deep-equal:',
  strictEqual: 'Expected values to be strictly equal:',
  strictEqualObject: 'Expected "actual" to be reference-equal to "expected":',
  partialDeepStrictEqual: 'Expected values to be partially and strictly deep-equal:',
  deepEqual: 'Expected values to be loosely deep-equal:',
  notDeepStrictEqual: 'Expected "actual" not to be strictly deep-equal to:',
  notStrictEqual: 'Expected "actual" to be strictly unequal to:',
  notStrictEqualObject: 'Expected "actual" not to be reference-equal to "expected":',
  notDeepEqual: 'Expected "actual" not to be loosely deep-equal to:',
  notIdentical: 'Values have same structure but are not reference-equal:',
  notDeepEqualUnequal: 'Expected values not to be loosely deep-equal:',
};

function show(value: unknown): string {
  return inspect(value, {
    compact: false,
    customInspect: false,
    depth: 1000,
    maxArrayLength: Number.POSITIVE_INFINITY,
    showHidden: false,
    showProxy: false,
    sorted: true,
    getters: true,
  });
}

function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 3)}...` : text;
}

function clipRows(rows: string[]): string[] {
  return rows.length > ROWS_MAX ? [...rows.slice(0, 46), '...'] : rows;
}

const isReference = (value: unknown): boolean =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

interface Rows {
  readonly actual: string[];
  readonly expected: string[];
}

/** One line each and different: the short form, or a caret below the first difference. */
function singleLine(rows: Rows, values: readonly [unknown, unknown], heading: string) {
  const [left = '', right = ''] = [rows.actual[0], rows.expected[0]];
  const width = left.length + right.length;
  if (width <= SHORT_TEXT_MAX) {
    const [actual, expected] = values;
    const primitives = ![actual, expected].some((one) => typeof one === 'object' && one !== null);
    if (!primitives || (actual === 0 && expected === 0)) return {};
    return { whole: `${heading}\n\n${left} !== ${right}\n` };
  }
  if (width >= CARET_WIDTH_MAX) return {};
  let same = 0;
  while (left[same] === right[same]) same++;
  return same > 2 ? { caret: `\n  ${' '.repeat(same)}^` } : {};
}

/** Takes the lines both end with off `rows`; returns how the last of them are shown. */
function takeTail(rows: Rows): { text: string; skipped: boolean } {
  const tail: string[] = [];
  while (rows.actual.length > 0 && rows.actual.at(-1) === rows.expected.at(-1)) {
    tail.unshift(rows.actual.pop() as string);
    rows.expected.pop();
  }
  const skipped = tail.length >= 5;
  const shown = skipped
    ? [`  ${tail[0]}`, '...', ...tail.slice(-3).map((row) => `  ${row}`)]
    : tail.map((row) => `  ${row}`);
  return { text: shown.map((row) => `\n${row}`).join(''), skipped };
}

/** Collects the body of a diff; runs of equal lines shrink to their ends. */
class Body {
  text = '';
  printed = 0;
  skipped = false;
  #pendingMinus = '';
  #run: string[] = [];

  same(row: string): void {
    this.text += this.#pendingMinus;
    this.#pendingMinus = '';
    this.#run.push(row);
    if (this.#run.length <= 2) this.#print(`  ${row}`);
  }

  plus(row: string): void {
    this.#endRun();
    this.#print(`+ ${row}`);
  }

  /** Held back, so that neighbouring changes show as "+++---". */
  minus(row: string): void {
    this.#endRun();
    this.#pendingMinus += `\n- ${row}`;
    this.printed++;
  }

  get pending(): string {
    return this.#pendingMinus;
  }

  #print(row: string): void {
    this.text += `\n${row}`;
    this.printed++;
  }

  #endRun(): void {
    const rest = this.#run.slice(2);
    this.#run = [];
    if (rest.length > 3) {
      this.text += '\n...';
      this.skipped = true;
      rest.splice(0, rest.length - 2);
    }
    for (const row of rest) this.#print(`  ${row}`);
  }
}

/** True if the lines differ by a comma at the end alone: a neighbour was added or removed. */
const differByComma = (left: string, right: string): boolean =>
  `${left},` === right || left === `${right},`;

interface DiffOptions {
  /** The first line. */
  readonly heading: string;
  /** Marks the first difference of single lines. */
  readonly caret: boolean;
}

/** The "+ actual - expected" text. */
function diff(actual: unknown, expected: unknown, options: DiffOptions): string {
  const { heading } = options;
  const shown = show(actual);
  const rows: Rows = { actual: shown.split('\n'), expected: show(expected).split('\n') };
  const oneLine = rows.actual.length === 1 && rows.expected.length === 1;
  let caret = '';
  if (oneLine && rows.actual[0] !== rows.expected[0]) {
    const single = singleLine(rows, [actual, expected], heading);
    if (single.whole !== undefined) return single.whole;
    if (options.caret) caret = single.caret ?? '';
  }
  const tail = takeTail(rows);
  const count = Math.max(rows.actual.length, rows.expected.length);
  if (count === 0) {
    return `${headings.notIdentical}\n\n${clipRows(shown.split('\n')).join('\n')}\n`;
  }
  const legend = `${heading}\n+ actual - expected`;
  const body = new Body();
  for (let i = 0; i < count; i++) {
    const left = rows.actual[i];
    const right = rows.expected[i];
    if (
      left !== undefined &&
      right !== undefined &&
      (left === right || differByComma(left, right))
    ) {
      body.same(left.length < right.length ? right : left);
    } else {
      if (left !== undefined) body.plus(left);
      if (right !== undefined) body.minus(right);
    }
    if (body.printed > ROWS_MAX && i < count - 2) {
      return `${legend} ... Lines skipped\n${body.text}\n...${body.pending}\n...`;
    }
  }
  const note = body.skipped || tail.skipped ? ' ... Lines skipped' : '';
  return `${legend}${note}\n${body.text}${body.pending}${tail.text}${caret}`;
}

/** An error to be shown without its stack: where two errors were made is no difference of theirs. */
function copyError(source: Error): Error {
  const copy = Object.assign(Object.create(Object.getPrototypeOf(source)), source) as Error;
  Object.defineProperty(copy, 'message', { value: source.message });
  return copy;
}

function withoutStacks(options: AssertionErrorOptions): AssertionErrorOptions {
  const { actual, expected, message } = options;
  if (message != null || !(actual instanceof Error && expected instanceof Error)) return options;
  return { ...options, actual: copyError(actual), expected: copyError(expected) };
}

function unequalText(operator: string, actual: unknown): string {
  const byReference = operator === 'notStrictEqual' && isReference(actual);
  const heading = headings[byReference ? 'notStrictEqualObject' : operator];
  const rows = clipRows(show(actual).split('\n'));
  const [first = ''] = rows;
  if (rows.length === 1) return `${heading}${first.length > 5 ? '\n\n' : ' '}${first}`;
  return `${heading}\n\n${rows.join('\n')}\n`;
}

function looseText(operator: string, actual: unknown, expected: unknown): string {
  const left = show(actual);
  const right = show(expected);
  if (operator === 'notDeepEqual' && left === right) {
    return clip(`${headings.notDeepEqual}\n\n${left}`, 1024);
  }
  const [a, b] = [clip(left, 512), clip(right, 512)];
  if (operator === 'deepEqual') {
    return `${headings.deepEqual}\n\n${a}\n\nshould loosely deep-equal\n\n${b}`;
  }
  if (operator === 'notDeepEqual') {
    return `${headings.notDeepEqualUnequal}\n\n${a}\n\nshould not loosely deep-equal\n\n${b}`;
  }
  return `${a} ${operator} ${b}`;
}

function textOf(options: AssertionErrorOptions): string {
  const { message, actual, expected } = options;
  const operator = String(options.operator);
  if (
    operator === 'deepStrictEqual' ||
    operator === 'strictEqual' ||
    operator === 'partialDeepStrictEqual'
  ) {
    const byReference =
      operator === 'strictEqual' &&
      isReference(actual) &&
      typeof actual === typeof expected &&
      expected !== null;
    const heading = headings[byReference ? 'strictEqualObject' : operator] as string;
    return diff(actual, expected, {
      heading: message == null ? heading : String(message),
      caret: !byReference,
    });
  }
  if (message != null) return String(message);
  if (operator === 'notDeepStrictEqual' || operator === 'notStrictEqual') {
    return unequalText(operator, actual);
  }
  return looseText(operator, actual, expected);
}

export class AssertionError extends Error {
  generatedMessage: boolean;
  code: string;
  actual: unknown;
  expected: unknown;
  operator: string | undefined;

  constructor(options: AssertionErrorOptions) {
    validateObject(options, 'options');
    const compared = withoutStacks(options);
    super(textOf(compared));
    this.generatedMessage = !options.message;
    const name = {
      // Some test of some program has put accessors on Object.prototype.
      __proto__: null,
      value: 'AssertionError',
      enumerable: false,
      writable: true,
      configurable: true,
    };
    Object.defineProperty(this, 'name', name);
    this.code = 'ERR_ASSERTION';
    this.actual = compared.actual;
    this.expected = compared.expected;
    this.operator = options.operator;
    for (const [index, detail] of (options.details ?? []).entries()) {
      const { stack, ...told } = detail;
      for (const [name, value] of Object.entries({ ...told, 'stack trace': stack }))
        (this as unknown as Record<string, unknown>)[`${name} ${index}`] = value;
    }
    markNodeError(this);
    (Error as Capturing).captureStackTrace?.(this, options.stackStartFn);
  }
}
