/** What `node:test` prints: the Test Anything Protocol, as Node 20 does where no terminal reads it. */

import { inspect } from './inspect.ts';

/** Why a test failed, in Node's words for it. */
export type FailureType =
  | 'testCodeFailure'
  | 'subtestsFailed'
  | 'cancelledByParent'
  | 'testTimeoutFailure'
  | 'testAborted'
  | 'hookFailed'
  | 'uncaughtException'
  | 'unhandledRejection';

export interface Failure {
  readonly type: FailureType;
  readonly cause: unknown;
}

export interface Outcome {
  readonly name: string;
  readonly isSuite: boolean;
  readonly failure: Failure | undefined;
  readonly skip: boolean | string;
  readonly todo: boolean | string;
  readonly durationMs: number;
  readonly diagnostics: readonly string[];
  /** Reports of its subtests, in order. */
  readonly inner: readonly string[];
}

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('#', '\\#').replaceAll('\n', '\\n');

function directive(word: string, mark: boolean | string): string {
  if (mark === false) return '';
  return typeof mark === 'string' && mark !== '' ? ` # ${word} ${escaped(mark)}` : ` # ${word}`;
}

function entry(name: string, value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') return `  ${name}: ${inspect(value)}\n`;
  if (!value.includes('\n')) return `  ${name}: ${inspect(value)}\n`;
  const lines = value.split('\n').map((line) => `    ${line}\n`);
  return `  ${name}: |-\n${lines.join('')}`;
}

function stackLines(stack: unknown): string | undefined {
  if (typeof stack !== 'string') return undefined;
  const frames = stack
    .split('\n')
    .map((line) => /^\s+at (.*)$/.exec(line)?.[1])
    .filter((line) => line !== undefined);
  return frames.length === 0 ? undefined : frames.join('\n');
}

function failureEntries({ type, cause }: Failure): string {
  let text = entry('failureType', type);
  if (!(cause instanceof Error)) {
    const shown = typeof cause === 'string' ? cause : inspect(cause);
    return text + entry('error', shown) + entry('code', 'ERR_TEST_FAILURE');
  }
  const { message, name, code, stack } = cause as Error & { code?: unknown };
  text += entry('error', message) + entry('code', code ?? 'ERR_TEST_FAILURE');
  if (name !== 'Error') text += entry('name', name);
  const compared = cause as { expected?: unknown; actual?: unknown; operator?: unknown };
  if (code === 'ERR_ASSERTION') {
    if ('expected' in compared) text += `  expected: ${inspect(compared.expected)}\n`;
    if ('actual' in compared) text += `  actual: ${inspect(compared.actual)}\n`;
    text += entry('operator', compared.operator);
  }
  return type === 'testCodeFailure' || type === 'hookFailed'
    ? text + entry('stack', stackLines(stack))
    : text;
}

const indented = (text: string): string => text.replace(/^(?=.)/gm, '    ');

/** All lines of one test. `number` counts from 1 among those of its parent. */
export function reportOf(outcome: Outcome, number: number): string {
  const { name, failure, inner } = outcome;
  let text = `# Subtest: ${escaped(name)}\n`;
  if (inner.length > 0) text += indented(`${inner.join('')}1..${inner.length}\n`);
  text += `${failure === undefined ? 'ok' : 'not ok'} ${number} - ${escaped(name)}`;
  text += directive('SKIP', outcome.skip) || directive('TODO', outcome.todo);
  text += `\n  ---\n  duration_ms: ${outcome.durationMs}\n`;
  if (outcome.isSuite) text += "  type: 'suite'\n";
  if (failure !== undefined) text += failureEntries(failure);
  text += '  ...\n';
  for (const line of outcome.diagnostics) text += `# ${escaped(line)}\n`;
  return text;
}

/** How many of the whole run ended how. */
export interface Counts {
  tests: number;
  suites: number;
  pass: number;
  fail: number;
  cancelled: number;
  skipped: number;
  todo: number;
}

export function count(counts: Counts, { isSuite, failure, skip, todo }: Outcome): void {
  if (isSuite) {
    counts.suites++;
    return;
  }
  counts.tests++;
  if (skip !== false) counts.skipped++;
  else if (todo !== false) counts.todo++;
  else if (failure === undefined) counts.pass++;
  else if (/^(?:cancelledByParent|testTimeoutFailure|testAborted)$/.test(failure.type))
    counts.cancelled++;
  else counts.fail++;
}

export function summaryOf(counts: Counts, reported: number, durationMs: number): string {
  const lines = Object.entries({ ...counts, duration_ms: durationMs });
  return `1..${reported}\n${lines.map(([name, value]) => `# ${name} ${value}\n`).join('')}`;
}
