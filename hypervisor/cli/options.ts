/** Options that several commands share, parsed once. */

import { fstatSync } from 'node:fs';
import type { Command, Option } from 'commander';
import { HvError } from '../base/errors.ts';
import {
  CHECKPOINT_VIRTUAL_MICROS_MIN,
  DETECT_MS,
  HANG_LIMIT_MS,
  HANG_LIMIT_MS_MIN,
} from '../base/limits.ts';
import type { KeepPolicy } from '../host/checkpointer.ts';
import { mountOption } from '../host/mount-option.ts';
import type { CheckpointEvery } from '../replica/checkpoint-policy.ts';

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

/** Sizes and times that `--checkpoint` takes, by their unit: bytes, and microseconds. */
const SIZE_UNITS = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;
const TIME_UNITS = { ms: 1_000, s: 1_000_000, min: 60_000_000, h: 3_600_000_000 } as const;

const AMOUNT = 'a number of records (10000), a size of log (64MiB) or a time of the guest (30s)';

/** Records such as `10000`, log bytes such as `64MiB`, microseconds of guest time such as `30s`. */
function amount(
  text: string,
): { readonly type: 'records' | 'bytes' | 'micros'; readonly amount: number } | undefined {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(text) ?? [];
  const size = unitOf(SIZE_UNITS, unit);
  const time = unitOf(TIME_UNITS, unit);
  const value = Math.round(Number(digits) * (size ?? time ?? 1));
  const known = unit === '' ? !digits.includes('.') : size !== undefined || time !== undefined;
  if (digits === '' || !known || value < 1 || !Number.isSafeInteger(value)) return undefined;
  const type = size !== undefined ? 'bytes' : time !== undefined ? 'micros' : 'records';
  return { type, amount: value };
}

/** `auto`, `off` or an amount. */
export function checkpointEvery(text: string): CheckpointEvery {
  if (text === 'auto' || text === 'off') return { type: text };
  const given = amount(text);
  if (given === undefined) throw usage('--checkpoint', text, `auto, off, ${AMOUNT}`);
  const { type, amount: every } = given;
  if (type !== 'micros') return { type, every };
  if (every < CHECKPOINT_VIRTUAL_MICROS_MIN)
    throw usage('--checkpoint', text, `auto, off, ${AMOUNT}, at least 1ms`);
  return { type: 'virtual', every };
}

/** `all` or an amount. */
export function keepPolicy(text: string): KeepPolicy {
  if (text === 'all') return { type: 'all' };
  const given = amount(text);
  if (given === undefined) throw usage('--keep', text, `all, ${AMOUNT}`);
  return given;
}

function unitOf(units: Readonly<Record<string, number>>, unit: string): number | undefined {
  return Object.hasOwn(units, unit) ? units[unit] : undefined;
}

/** A positive whole number. */
export function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1)
    throw usage('--turn-ticks', text, 'a positive whole number');
  return value;
}

export function mountsOption(command: Command): Option {
  return command
    .createOption(
      '--mount <host:guest[:ro]>',
      "a directory of this host that the guest has at this path; 'ro': to be read only (repeatable)",
    )
    .argParser(mountOption)
    .default([], 'none');
}

export function hangLimitOption(command: Command): Option {
  return command
    .createOption(
      '--hang-limit <time>',
      'end a guest by force that is this long inside a built-in which never polls, or off',
    )
    .argParser(hangLimitMs)
    .default(HANG_LIMIT_MS, '30s');
}

/** Milliseconds of `--hang-limit`: `500ms`, `30s`, `2m`, or `off`. */
function hangLimitMs(text: string): number {
  if (text === 'off') return Number.POSITIVE_INFINITY;
  const match = /^(\d+)(ms|s|m)$/.exec(text);
  const unit = match?.[2] === 'm' ? 60_000 : match?.[2] === 's' ? 1_000 : 1;
  const value = match === null ? 0 : Number(match[1]) * unit;
  if (value < HANG_LIMIT_MS_MIN || value > 86_400_000)
    throw usage('--hang-limit', text, 'a time from 100ms to 1440m such as 30s, or off');
  return value;
}

/** A record's place, such as `4320`. */
export function lsn(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new HvError('HV_E_USAGE', `'${text}' is no lsn; expected a whole number such as 4320`);
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

/** An option that collects; `none`: what help says it is where it is left out. */
export function repeatable(
  command: Command,
  option: { readonly flags: string; readonly means: string; readonly none?: string },
): Option {
  const { flags, means, none = 'none' } = option;
  return command.createOption(flags, means).argParser(collect).default([], none);
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
