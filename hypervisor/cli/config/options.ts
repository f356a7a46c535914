/** The settings as options of a command, and what was typed of them. */

import type { Command } from 'commander';
import { collect } from '../options.ts';
import { flagOf, SETTINGS, type Setting } from './schema.ts';
import type { SettingSources } from './settings.ts';

/** `--config` and one option for each setting. None has a default: files and variables come first. */
export function settingOptions(command: Command): Command {
  command.option('--config <file>', 'settings (default: hv.toml here; also HV_CONFIG)');
  for (const setting of SETTINGS) {
    const { kind, means } = setting;
    const name = `--${flagOf(setting)}`;
    if (kind === 'switch') command.option(name, means);
    else if (kind === 'list')
      command.option(`${name} <value>`, `${means} (repeatable)`, (text, before) =>
        collect(text, (before as readonly string[] | undefined) ?? []),
      );
    else command.option(`${name} <value>`, means);
  }
  return command;
}

/** What was typed, and the environment. `name`: the argument. */
export function sourcesOf(command: Command, name?: string): SettingSources {
  const typed = command.opts<Readonly<Record<string, unknown>>>();
  const flags = new Map<string, string | true | readonly string[]>();
  for (const setting of SETTINGS) {
    const value = typed[attributeOf(setting)];
    if (value !== undefined) flags.set(flagOf(setting), value as string | true | readonly string[]);
  }
  if (name !== undefined) flags.set('name', name);
  const config = typeof typed.config === 'string' ? typed.config : undefined;
  return { config, flags, env: process.env };
}

/** As commander names the value of an option. */
function attributeOf(setting: Setting): string {
  return flagOf(setting).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
