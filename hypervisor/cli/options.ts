/** Options that several commands share, parsed once. */

import { fstatSync } from 'node:fs';
import { HvError } from '../base/errors.ts';
import { DETECT_MS, HANG_LIMIT_MS_MIN } from '../base/limits.ts';

/** An option was given a text it does not take. */
export function usage(what: string, given: string, wanted: string): HvError {
  return new HvError('HV_E_USAGE', `${what} cannot be '${given}': it takes ${wanted}`);
}

/** `fast`, `lan`, `wan`, or milliseconds such as `40` or `40ms`. */
export function detectMs(text: string): number {
  if (Object.hasOwn(DETECT_MS, text)) return DETECT_MS[text as keyof typeof DETECT_MS];
  const match = /^(\d+)(ms)?$/.exec(text);
  const value = match === null ? 0 : Number(match[1]);
  if (value < 1 || value > 3_600_000)
    throw usage('--detect', text, 'fast, lan, wan or a number of milliseconds');
  return value;
}

/** Milliseconds of `--hang-limit`: `500ms`, `30s`, `2m`, or `off`. */
export function hangLimitMs(text: string): number {
  if (text === 'off') return Number.POSITIVE_INFINITY;
  const match = /^(\d+)(ms|s|m)$/.exec(text);
  const unit = match?.[2] === 'm' ? 60_000 : match?.[2] === 's' ? 1_000 : 1;
  const value = match === null ? 0 : Number(match[1]) * unit;
  if (value < HANG_LIMIT_MS_MIN || value > 86_400_000)
    throw usage('--hang-limit', text, 'a time from 100ms to 1440m such as 30s, or off');
  return value;
}

/** An open file descriptor of this process. */
export function descriptor(text: string): number {
  if (!/^\d+$/.test(text) || !isOpen(Number(text)))
    throw usage('--events-fd', text, 'the number of an open file descriptor');
  return Number(text);
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBADF') return false;
    throw error;
  }
}

/** Collects a repeatable option. */
export function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

/** The environment a guest sees: all of ours, or only what was named (`NAME` or `NAME=value`). */
export function guestEnvironment(
  own: NodeJS.ProcessEnv,
  named: readonly string[],
): Record<string, string> {
  if (named.length === 0)
    return Object.fromEntries(
      Object.entries(own).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    );
  return Object.fromEntries(
    named.flatMap((entry) => {
      const cut = entry.indexOf('=');
      if (cut > 0) return [[entry.slice(0, cut), entry.slice(cut + 1)]];
      if (cut === 0) throw new HvError('HV_E_USAGE', `--env ${entry} has no name`);
      const value = own[entry];
      return value === undefined ? [] : [[entry, value]];
    }),
  );
}
