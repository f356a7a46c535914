/**
 * Puts a source map right after text was inserted into its sources: positions behind the insertion
 * move back, and the map shows the files as they are on disk. (Source map revision 3: segments of
 * base64 VLQ deltas, ECMA-426.)
 */

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Map([...DIGITS].map((digit, value) => [digit, value]));

export interface SourceMapJson {
  version: number;
  sources: string[];
  sourcesContent?: (string | null)[];
  names: string[];
  mappings: string;
}

/** An insertion of `length` units at 0-based `line` and `column` of the file as it is, on one line. */
export interface Insertion {
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

function decode(segment: string): number[] {
  const values: number[] = [];
  let value = 0;
  let shift = 0;
  for (const digit of segment) {
    const bits = VALUES.get(digit) ?? 0;
    value += (bits & 31) * 2 ** shift;
    shift += 5;
    if (bits & 32) continue;
    values.push(value % 2 === 1 ? -Math.floor(value / 2) : value / 2);
    value = 0;
    shift = 0;
  }
  return values;
}

function encode(values: readonly number[]): string {
  let text = '';
  for (const value of values) {
    let rest = value < 0 ? -value * 2 + 1 : value * 2;
    do {
      const bits = rest % 32;
      rest = Math.floor(rest / 32);
      text += DIGITS[rest > 0 ? bits + 32 : bits] ?? '';
    } while (rest > 0);
  }
  return text;
}

/** The column that `column` of a text with `insertions`, in order, had before them. */
export function columnBefore(
  insertions: readonly Insertion[],
  line: number,
  column: number,
): number {
  let wanted = column;
  for (const insertion of insertions) {
    if (insertion.line !== line || wanted <= insertion.column) continue;
    wanted = Math.max(insertion.column, wanted - insertion.length);
  }
  return wanted;
}

/** `mappings` with original columns as they were before `insertions` (by index of the source). */
export function shiftMappings(
  mappings: string,
  insertions: ReadonlyMap<number, readonly Insertion[]>,
): string {
  // Running values of the old and of the new encoding: every field is a delta to the one before.
  let source = 0;
  let line = 0;
  let column = 0;
  let columnWritten = 0;
  const shiftSegment = (segment: string): string => {
    const fields = decode(segment);
    if (fields.length < 4) return segment;
    source += fields[1] ?? 0;
    line += fields[2] ?? 0;
    column += fields[3] ?? 0;
    const wanted = columnBefore(insertions.get(source) ?? [], line, column);
    fields[3] = wanted - columnWritten;
    columnWritten = wanted;
    return encode(fields);
  };
  return mappings
    .split(';')
    .map((row) => (row === '' ? '' : row.split(',').map(shiftSegment).join(',')))
    .join(';');
}
