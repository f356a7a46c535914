/** `hv up [name]`: starts whatever this host should be, primary or backup, and keeps it so. */

import type { Command } from 'commander';
import { settingOptions, sourcesOf } from '../config/options.ts';
import { useKeyFiles } from '../key-options.ts';
import { descriptor } from '../options.ts';

interface UpFlags {
  readonly bootstrap?: true;
  readonly eventsFd?: number;
}

export function registerUp(program: Command): void {
  const command = program
    .command('up')
    .description(
      'be what this host should be, by hv.toml and the arbiter: primary or backup of a guest, and again after every change',
    )
    .argument('[name]', 'name of the guest');
  settingOptions(command)
    .option(
      '--bootstrap',
      'begin a new run here, although this is not the first host or another run is known',
    )
    .option(
      '--events-fd <fd>',
      'write lifecycle events as JSON lines to this descriptor',
      descriptor,
    )
    .action(async (name: string | undefined, flags: UpFlags) => {
      const { resolveSettings } = await import('../config/settings.ts');
      const { UpSupervisor } = await import('../up/supervisor.ts');
      const settings = resolveSettings(sourcesOf(command, name));
      // Whose log is here is read from it.
      const [logKeyFile, signKeyFile] = ['replica.log-key-file', 'replica.sign-key-file'].map(
        (path) => settings.text(path),
      );
      await useKeyFiles({ logKeyFile, signKeyFile }, 'refused');
      const { bootstrap, eventsFd } = flags;
      process.exit(await UpSupervisor.run({ settings, bootstrap: bootstrap === true, eventsFd }));
    });
}
