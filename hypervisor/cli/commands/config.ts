/** `hv config`: every setting, and where it was said. */

import type { Command } from 'commander';
import { settingOptions, sourcesOf } from '../config/options.ts';

export function registerConfig(program: Command): void {
  const command = program
    .command('config')
    .description('print every setting of hv up with its value and where it was said')
    .argument('[name]', 'name of the guest');
  settingOptions(command)
    .option('--json', 'print JSON')
    .action(async (name: string | undefined, options: { json?: true }) => {
      const { printSettings } = await import('../config/print-settings.ts');
      const { resolveSettings } = await import('../config/settings.ts');
      printSettings(resolveSettings(sourcesOf(command, name)), { json: options.json === true });
    });
}
