/** `hv doctor`: measures what a failover depends on, and says whether this pair can do one. */

import type { Command } from 'commander';
import { settingOptions, sourcesOf } from '../config/options.ts';

export function registerDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description(
      'measure what a failover depends on: clock, disk, links, versions, ports, token, arbiter',
    )
    .argument('[name]', 'name of the guest');
  settingOptions(command)
    .option('--json', 'print JSON')
    .action(async (name: string | undefined, options: { json?: true }) => {
      const { resolveSettings } = await import('../config/settings.ts');
      const { runDoctor } = await import('../doctor/run.ts');
      const settings = resolveSettings(sourcesOf(command, name));
      process.exit(await runDoctor(settings, { json: options.json === true }));
    });
}
