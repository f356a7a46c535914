/** AssertionError and its texts: which values differ, and in which lines. */

import { inspect } from './inspect.ts';
import { type DiffLine, diffLines } from './line-diff.ts';
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
  readonly diff?: DiffKind | undefined;
  /** Each becomes properties of its own. */
  readonly details?: readonly CallReport[];
}

interface Capturing {
  captureStackTrace?(target: object, above: unknown): void;
}

/** How much of a difference the text shows. */
export type DiffKind = 'simple' | 'full';

/** Up to this many characters in all, two primitives are shown as "1 !== 2". */
const SHORT_TEXT_MAX = 12;
const ROWS_MAX = 50;
/** Width up to which a caret shows the first difference of two strings. */
const CARET_WIDTH_MAX = 80;
/** Equal lines in a row of which all are shown. */
const SAME_ROWS_MAX = 5;
/** Strings longer than this are cut where the error is shown with its properties. */
const PROPERTY_LENGTH_MAX = 512;
const PROPERTY_ROWS_MAX = 10;

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

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const isReference = (value: unknown): boolean =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

/** True if the lines differ by a comma at the end alone: a neighbour was added or removed. */
const differByComma = (left: string, right: string): boolean =>
  `${left},` === right || left === `${right},`;

const LEGEND = '+ actual - expected';

/** One line each: the short form, or one above the other with a mark below the first difference. */
function stacked(left: string, right: string, values: readonly [unknown, unknown]): string {
  const strings = values.filter((value) => typeof value === 'string').length;
  const length = left.length + right.length;
  if (length - 2 * strings <= SHORT_TEXT_MAX) return `\n${left} !== ${right}`;
  let same = 0;
  while (same < left.length && left[same] === right[same]) same++;
  const isMarked = strings === 2 && length <= CARET_WIDTH_MAX && same > 2;
  return `${LEGEND}\n\n+ ${left}\n- ${right}${isMarked ? `\n${' '.repeat(same + 2)}^` : ''}`;
}

/** Shown lines with their signs; runs of equal ones shrink to their ends. */
function collapsed(lines: readonly DiffLine[]): {
  readonly text: string;
  readonly skipped: boolean;
} {
  const rows: string[] = [];
  let skipped = false;
  let run: string[] = [];
  const endRun = (): void => {
    const rest = run.slice(SAME_ROWS_MAX);
    run = [];
    if (rest.length > 2) {
      skipped = true;
      rows.push('...');
      rest.splice(0, rest.length - 1);
    }
    rows.push(...rest);
  };
  for (const { sign, text } of lines) {
    if (sign !== ' ') endRun();
    else if (run.push(`  ${text}`) > SAME_ROWS_MAX) continue;
    rows.push(`${sign} ${text}`);
  }
  return { text: rows.join('\n').trimEnd(), skipped };
}

interface DiffOptions {
  /** The first line. */
  readonly heading: string;
  readonly kind: DiffKind;
  /** The caller's own words. */
  readonly message: string | undefined;
}

/** The "+ actual - expected" text. */
function diff(actual: unknown, expected: unknown, options: DiffOptions): string {
  const [left, right] = [show(actual), show(expected)];
  const [above, below] = [left.split('\n'), right.split('\n')];
  const heading = options.message ?? options.heading;
  const isSingle = above.length === 1 && below.length === 1;
  if (isSingle && !(isObject(actual) && isObject(expected)))
    return `${heading}\n${stacked(left, right, [actual, expected])}\n`;
  if (left === right) {
    const isCut = above.length > ROWS_MAX && options.kind === 'simple';
    const rows = isCut ? [...above.slice(0, ROWS_MAX), '...}'] : above;
    const note = isCut ? '\n... Skipped lines' : '';
    return `${options.message ?? headings.notIdentical}\n${note}\n${rows.join('\n')}\n`;
  }
  const ignoreComma = isObject(actual);
  const { text, skipped } = collapsed(
    diffLines(above, below, (a, b) => a === b || (ignoreComma && differByComma(a, b))),
  );
  return `${heading}\n${LEGEND}${skipped ? '\n... Skipped lines' : ''}\n\n${text}\n`;
}

/** An error to be shown without its stack: where two errors were made is no difference of theirs. */
function copyError(source: Error): Error {
  const copy = Object.assign(Object.create(Object.getPrototypeOf(source)), source) as Error;
  Object.defineProperty(copy, 'message', { value: source.message });
  if (Object.hasOwn(source, 'cause')) {
    const { cause } = source;
    Object.defineProperty(copy, 'cause', {
      value: cause instanceof Error ? copyError(cause) : cause,
    });
  }
  return copy;
}

function withoutStacks(options: AssertionErrorOptions): AssertionErrorOptions {
  const { actual, expected, message } = options;
  if (message != null || !(actual instanceof Error && expected instanceof Error)) return options;
  return { ...options, actual: copyError(actual), expected: copyError(expected) };
}

function unequalText(operator: string, actual: unknown, kind: DiffKind): string {
  const byReference = operator === 'notStrictEqual' && isReference(actual);
  const heading = headings[byReference ? 'notStrictEqualObject' : operator];
  const rows = show(actual).split('\n');
  if (rows.length > ROWS_MAX && kind === 'simple') rows.splice(46, rows.length, '...');
  const [first = ''] = rows;
  if (rows.length === 1) return `${heading}${first.length > 5 ? '\n\n' : ' '}${first}`;
  return `${heading}\n\n${rows.join('\n')}\n`;
}

function looseText(operator: string, values: readonly [unknown, unknown], kind: DiffKind): string {
  const [left, right] = [show(values[0]), show(values[1])];
  if (operator === 'notDeepEqual' && left === right) {
    return clip(`${headings.notDeepEqual}\n\n${left}`, kind === 'full' ? Infinity : 1024);
  }
  const most = kind === 'full' ? Infinity : PROPERTY_LENGTH_MAX;
  const [a, b] = [clip(left, most), clip(right, most)];
  if (operator === 'deepEqual') {
    return `${headings.deepEqual}\n\n${a}\n\nshould loosely deep-equal\n\n${b}`;
  }
  if (operator === 'notDeepEqual') {
    return `${headings.notDeepEqualUnequal}\n\n${a}\n\nshould not loosely deep-equal\n\n${b}`;
  }
  return `${a} ${operator} ${b}`;
}

function textOf(options: AssertionErrorOptions): string {
  const { message, actual, expected, diff: kind = 'simple' } = options;
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
      heading,
      kind,
      message: message == null ? undefined : String(message),
    });
  }
  if (message != null) return String(message);
  if (operator === 'notDeepStrictEqual' || operator === 'notStrictEqual') {
    return unequalText(operator, actual, kind);
  }
  return looseText(operator, [actual, expected], kind);
}

/** As Node does it: of a string that is too long the first characters are left out. */
function shortened(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const rows = value.split('\n', PROPERTY_ROWS_MAX + 1);
  if (rows.length > PROPERTY_ROWS_MAX) return `${rows.slice(0, PROPERTY_ROWS_MAX).join('\n')}\n...`;
  return value.length > PROPERTY_LENGTH_MAX ? `${value.slice(PROPERTY_LENGTH_MAX)}...` : value;
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
    // Not enumerable: how an error is told, not what it tells.
    const value = options.diff ?? 'simple';
    Object.defineProperty(this, 'diff', { value, writable: true, configurable: true });
    for (const [index, detail] of (options.details ?? []).entries()) {
      const { stack, ...told } = detail;
      for (const [name, value] of Object.entries({ ...told, 'stack trace': stack }))
        (this as unknown as Record<string, unknown>)[`${name} ${index}`] = value;
    }
    markNodeError(this);
    (Error as Capturing).captureStackTrace?.(this, options.stackStartFn);
  }

  override toString(): string {
    return `${this.name} [${this.code}]: ${this.message}`;
  }
}

/** Shown with the beginnings of long strings alone. */
function inspectAssertion(this: AssertionError, _depth: number, context: object): string {
  const { actual, expected } = this;
  this.actual = shortened(actual);
  this.expected = shortened(expected);
  const text = inspect(this, { ...context, customInspect: false, depth: 0 });
  this.actual = actual;
  this.expected = expected;
  return text;
}

Object.defineProperty(AssertionError.prototype, inspect.custom, {
  value: inspectAssertion,
  writable: true,
  configurable: true,
});
