/** What every setting comes to, and where that was said: flag, variable, file or default, in this order. */

import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { HvError } from '../../base/errors.ts';
import {
  faultOf,
  flagOf,
  pathOf,
  SECTIONS,
  SETTINGS,
  type Setting,
  type SettingValue,
  variableOf,
} from './schema.ts';
import { isTable, readToml, type TomlValue } from './toml-file.ts';

export interface Resolved {
  readonly setting: Setting;
  /** Undefined: nobody has said it, and there is no default. */
  readonly value: SettingValue | undefined;
  /** `--listen`, `HV_LISTEN`, `hv.toml:12` or `default`. */
  readonly origin: string;
}

export class Settings {
  /** The file that was read, if there is one. */
  readonly file: string | undefined;
  readonly all: readonly Resolved[];
  readonly #byPath: ReadonlyMap<string, Resolved>;

  constructor(all: readonly Resolved[], file: string | undefined) {
    this.all = all;
    this.file = file;
    this.#byPath = new Map(all.map((one) => [pathOf(one.setting), one]));
  }

  text(path: string): string | undefined {
    const value = this.#byPath.get(path)?.value;
    return value === undefined ? undefined : String(value);
  }

  list(path: string): readonly string[] {
    const value = this.#byPath.get(path)?.value;
    return Array.isArray(value) ? (value as readonly string[]) : [];
  }

  on(path: string): boolean {
    return this.#byPath.get(path)?.value === true;
  }

  /** Where a setting was said, for errors about it. */
  origin(path: string): string {
    return this.#byPath.get(path)?.origin ?? 'default';
  }
}

const FILE = 'hv.toml';
const FILE_VARIABLE = 'HV_CONFIG';

export interface SettingSources {
  /** `--config`; without one HV_CONFIG, else hv.toml of the working directory if it is there. */
  readonly config: string | undefined;
  /** By name of the option, as texts. */
  readonly flags: ReadonlyMap<string, string | true | readonly string[]>;
  readonly env: NodeJS.ProcessEnv;
}

/** Throws HV_E_CONFIG for an unknown key and a value of the wrong type, naming the place. */
export function resolveSettings({ config, flags, env }: SettingSources): Settings {
  const named = config ?? (env[FILE_VARIABLE] || undefined);
  const file = named ?? (existsSync(FILE) ? FILE : undefined);
  const written = file === undefined ? new Map<string, TomlValue>() : checked(readToml(file), file);
  const all = SETTINGS.map((setting): Resolved => {
    const flag = flags.get(flagOf(setting));
    if (flag !== undefined) return given(setting, fromFlag(setting, flag), `--${flagOf(setting)}`);
    const text = env[variableOf(setting)];
    if (text !== undefined && text !== '')
      return given(setting, fromText(setting, text), variableOf(setting));
    const line = written.get(pathOf(setting));
    if (line === undefined || file === undefined)
      return { setting, value: setting.standard, origin: 'default' };
    const value = placed(setting, line.value as SettingValue, dirname(resolve(file)));
    return { setting, value, origin: `${file}:${line.line}` };
  });
  return new Settings(all, file);
}

function checked(
  written: ReadonlyMap<string, TomlValue>,
  file: string,
): ReadonlyMap<string, TomlValue> {
  const known = new Map(SETTINGS.map((setting) => [pathOf(setting), setting]));
  for (const [path, { value, line }] of written) {
    const refuse = (what: string): HvError =>
      new HvError('HV_E_CONFIG', `${file}:${line}: ${what}`, {
        details: { file, line, key: path },
      });
    if (!path.includes('.')) {
      const isSection = SECTIONS.some((one) => one === path);
      if (!isSection) throw refuse(`there is no [${path}]; there are ${sectionNames()}`);
      if (!isTable(value)) throw refuse(`[${path}] is a section, not a value`);
      continue;
    }
    const setting = known.get(path);
    if (setting === undefined) throw refuse(`there is no ${path}${nearest(path, known.keys())}`);
    const fault = faultOf(setting, value);
    if (fault !== undefined) throw refuse(`${path} ${fault}`);
  }
  return written;
}

function sectionNames(): string {
  return SECTIONS.map((one) => `[${one}]`).join(', ');
}

function nearest(path: string, known: Iterable<string>): string {
  const [section = '', key = ''] = path.split('.');
  const all = [...known];
  const elsewhere = all.find((one) => one.endsWith(`.${key}`));
  if (elsewhere !== undefined) return `; it is ${elsewhere}`;
  const here = all.filter((one) => one.startsWith(`${section}.`)).map((one) => one.split('.')[1]);
  return here.length === 0 ? '' : `; [${section}] has ${here.join(', ')}`;
}

function given(setting: Setting, value: unknown, origin: string): Resolved {
  const fault = faultOf(setting, value);
  if (fault === undefined) return { setting, value: value as SettingValue, origin };
  throw new HvError('HV_E_CONFIG', `${origin} ${fault}`, { details: { key: pathOf(setting) } });
}

function fromFlag(setting: Setting, flag: string | true | readonly string[]): unknown {
  return typeof flag === 'string' ? fromText(setting, flag) : flag;
}

/** Lists as a JSON array, or separated by commas. */
function fromText({ kind }: Setting, text: string): unknown {
  switch (kind) {
    case 'switch':
      return text === 'true' || (text === 'false' ? false : text);
    case 'whole':
      return /^-?\d+$/.test(text) ? Number(text) : text;
    case 'list':
      return text.startsWith('[') ? jsonOf(text) : text.split(',').map((one) => one.trim());
    default:
      return text;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

/** What is relative in a file is so to its directory, whoever reads it from where. */
function placed({ kind }: Setting, value: SettingValue, base: string): SettingValue {
  if (typeof value !== 'string') return value;
  if (kind === 'path') return resolve(base, value);
  const directory = kind === 'arbiter' ? /^file:(?!\/\/)(.+)$/.exec(value)?.[1] : undefined;
  return directory === undefined ? value : `file:${resolve(base, directory)}`;
}
