/** Reading a TOML file, every value with the line it begins on. Only importer of smol-toml. */

import { readFileSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import { HvError } from '../../base/errors.ts';
import { CONFIG_BYTES_MAX, CONFIG_LINES_MAX } from '../../base/tool-limits.ts';

export interface TomlValue {
  readonly value: unknown;
  /** From 1. */
  readonly line: number;
}

type Table = Readonly<Record<string, unknown>>;

/**
 * Sections as `guest` and their keys as `guest.script`; what is deeper is a value. Throws HV_E_CONFIG when
 * the file cannot be read or is no TOML.
 */
export function readToml(path: string): ReadonlyMap<string, TomlValue> {
  return parseToml(textOf(path), path);
}

/** The same from text; `path` is for people. */
export function parseToml(text: string, path: string): ReadonlyMap<string, TomlValue> {
  const lines = text.split('\n');
  if (Buffer.byteLength(text) > CONFIG_BYTES_MAX || lines.length > CONFIG_LINES_MAX)
    throw new HvError(
      'HV_E_CONFIG',
      `${path} has more than ${CONFIG_BYTES_MAX} bytes or ${CONFIG_LINES_MAX} lines`,
    );
  const whole = tableOf(text);
  if (whole instanceof TomlError) {
    const what = whole.message.split('\n')[0] ?? '';
    throw new HvError('HV_E_CONFIG', `${path}:${whole.line}: ${what}`, {
      details: { path, line: whole.line },
      cause: whole,
    });
  }
  return withLines(whole, lines);
}

/**
 * The parser keeps no places. But a file that is cut behind a line is TOML again unless a value is open
 * there, so a value begins on the line behind the longest such part that has not got it.
 */
function withLines(whole: Table, lines: readonly string[]): ReadonlyMap<string, TomlValue> {
  const found = new Map<string, TomlValue>();
  const values = flat(whole);
  let begin = 1;
  for (let count = 1; count <= lines.length; count++) {
    const part = tableOf(lines.slice(0, count).join('\n'));
    if (part instanceof TomlError) continue;
    for (const path of flat(part).keys())
      if (!found.has(path)) found.set(path, { value: values.get(path), line: begin });
    begin = count + 1;
  }
  return found;
}

function flat(table: Table): ReadonlyMap<string, unknown> {
  const all = new Map<string, unknown>();
  for (const [name, value] of Object.entries(table)) {
    all.set(name, value);
    if (!isTable(value)) continue;
    for (const [key, inner] of Object.entries(value)) all.set(`${name}.${key}`, inner);
  }
  return all;
}

export function isTable(value: unknown): value is Table {
  const isObject = typeof value === 'object' && value !== null;
  return isObject && !Array.isArray(value) && !(value instanceof Date);
}

function tableOf(text: string): Table | TomlError {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof TomlError) return error;
    throw error;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new HvError('HV_E_CONFIG', `${path} cannot be read: ${(error as Error).message}`, {
      details: { path },
      cause: error,
    });
  }
}
