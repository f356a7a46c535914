/** Finds the call an assertion was written as: "assert.ok(x > 1)" says more than "false == true". */

import { placeOf } from '../call-site.ts';
import { traps } from '../drivers/traps.ts';

/** Own frames and that of the caller. */
const FRAMES_MAX = 30;

/** Index of the bracket that closes the one at `open`; -1 when the line ends before. */
function closingBracket(line: string, open: number): number {
  let depth = 0;
  let quote = '';
  for (let i = open; i < line.length; i++) {
    const char = line[i] as string;
    if (quote !== '') {
      if (char === '\\') i++;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'" || char === '`') quote = char;
    else if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char)) {
      depth--;
      if (depth === 0) return i;
    }
  }
  return -1;
}

/** Where the chain of names begins that ends at `end`: `a.b['c']`. */
function startOfChain(line: string, end: number): number {
  let start = end;
  for (;;) {
    if (/[\w$.]/.test(line[start - 1] ?? '')) start--;
    else if (line[start - 1] === ']') start = line.lastIndexOf('[', start - 1);
    else return start;
    if (start < 0) return end;
  }
}

/** The frame of the innermost call of the guest, also where errors keep no frames. */
function innermostFrame(): string | undefined {
  const statics = Error as unknown as { stackTraceLimit: number };
  const { stackTraceLimit } = statics;
  statics.stackTraceLimit = FRAMES_MAX;
  const { stack } = new Error();
  statics.stackTraceLimit = stackTraceLimit;
  const lines = String(stack).split('\n');
  return lines.find((line) => line.startsWith('    at '));
}

/** Source text of the innermost call of the guest, as far as it is on one line. */
export function callerText(): string | undefined {
  const text = innermostFrame()?.replace(/^ {4}at /, '') ?? '';
  const place = placeOf(/\((.*)\)$/.exec(text)?.[1] ?? text);
  if (place.file === null || place.column === null) return undefined;
  const line = traps.sourceLine(`${place.file}:${place.line}`);
  let start = startOfChain(line, place.column - 1);
  // What it is a property of is on a line before.
  if (line[start] === '.') start++;
  const call = /^(?:[\w$.]|\[[^\]]*\])+\s*\(/.exec(line.slice(start))?.[0];
  if (call === undefined) return undefined;
  const close = closingBracket(line, start + call.length - 1);
  return close < 0 ? line.slice(start).trimEnd() : line.slice(start, close + 1);
}
