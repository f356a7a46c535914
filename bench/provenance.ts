/** Where a figure comes from. Every `--json` result carries it: a number without it is a rumour. */

import { availableParallelism } from 'node:os';
import { basename } from 'node:path';

export interface Provenance {
  /** What to type in the root of the project to get such figures again. */
  readonly command: string;
  readonly cores: number;
  /** As `process.version`. */
  readonly node: string;
  /** Day of the run, UTC, as 2001-02-03. */
  readonly date: string;
}

/** `file` is the program as it was started, `args` what came after it. */
export function provenanceOf(file: string, args: readonly string[]): Provenance {
  return {
    command: ['node', `dist/bench/${basename(file)}`, ...args].join(' '),
    cores: availableParallelism(),
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** A number given on the command line: at least `least`; anything else throws a RangeError. */
export function numberOption(name: string, text: string, least: number): number {
  const value = Number(text);
  if (text === '' || !Number.isFinite(value) || value < least) {
    throw new RangeError(`--${name} takes a number of at least ${least}, not '${text}'`);
  }
  return value;
}
