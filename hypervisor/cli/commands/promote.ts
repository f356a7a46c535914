/** `hv promote <name> --force`: makes a backup primary by the word of its operator. */

import type { Command } from 'commander';

interface PromoteOptions {
  readonly force?: true;
  readonly at?: string;
  readonly yes?: true;
  readonly dir: string;
  readonly json?: true;
}

export function registerPromote(program: Command): void {
  program
    .command('promote')
    .description('for a disaster: make a backup on this machine primary, whatever the arbiter says')
    .argument('<name>', 'the guest')
    .option('--force', 'yes, against whoever is primary now')
    .option(
      '--at <moment>',
      'go on from an earlier place: an lsn (4320), a time (2026-01-01T12:00:00Z), or so long ago (-5m)',
    )
    .option('--yes', 'do not ask for the name of the guest')
    .option('--dir <path>', 'where the copies of the backup are', '.hv')
    .option('--json', 'print what was done as one JSON object')
    .addHelpText(
      'after',
      '\nIt claims the view at the arbiter, which fences the old primary. When no arbiter answers it goes live\nall the same: make sure that the old primary is dead. What lies behind --at is kept in a quarantine file.',
    )
    .action(async (name: string, options: PromoteOptions) => {
      const { promoteByForce } = await import('../promote.ts');
      await promoteByForce(name, options);
    });
}
