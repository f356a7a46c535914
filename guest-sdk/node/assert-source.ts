/** Finds the call an assertion was written as: "assert.ok(x > 1)" says more than "false == true". */

import { placeOf } from '../call-site.ts';
import { traps } from '../drivers/traps.ts';

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

/** Source text of the innermost call of the guest; undefined where it is not on one line. */
export function callerText(): string | undefined {
  const frame = String(new Error().stack)
    .split('\n')
    .find((line) => line.startsWith('    at '));
  const text = frame?.replace(/^ {4}at /, '') ?? '';
  const place = placeOf(/\((.*)\)$/.exec(text)?.[1] ?? text);
  if (place.file === null || place.column === null) return undefined;
  const line = traps.sourceLine(`${place.file}:${place.line}`);
  let start = place.column - 1;
  while (start > 0 && /[\w$.]/.test(line[start - 1] ?? '')) start--;
  const open = line.indexOf('(', start);
  if (open < 0 || !/^[\w$.]+\s*$/.test(line.slice(start, open))) return undefined;
  const close = closingBracket(line, open);
  return close < 0 ? undefined : line.slice(start, close + 1);
}
