/** What `hv config` prints. Secrets are no settings: only the files they are in. */

import { data } from '../print.ts';
import { pathOf, type SettingValue } from './schema.ts';
import type { Settings } from './settings.ts';

export function printSettings(settings: Settings, how: { readonly json: boolean }): void {
  data(how.json ? JSON.stringify(settingsJson(settings)) : settingLines(settings).join('\n'));
}

/** Stable: file, and settings by path with their value (null: none) and origin. */
export function settingsJson({ all, file }: Settings): object {
  const entries = all.map(({ setting, value, origin }) => [
    pathOf(setting),
    { value: value ?? null, origin },
  ]);
  return { file: file ?? null, settings: Object.fromEntries(entries) };
}

export function settingLines({ all }: Settings): string[] {
  const rows = all.map(({ setting, value, origin }) => [pathOf(setting), shown(value), origin]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map(([path = '', value = '', origin = '']) =>
    `${path.padEnd(widths[0] ?? 0)}  ${value.padEnd(widths[1] ?? 0)}  ${origin}`.trimEnd(),
  );
}

function shown(value: SettingValue | undefined): string {
  return value === undefined ? '-' : JSON.stringify(value);
}
