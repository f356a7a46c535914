/** `hv switchover <name>`: hands a running guest over to a backup, losing and doubling nothing. */

import type { Command } from 'commander';

interface SwitchoverOptions {
  readonly to?: string;
  readonly dir: string;
  readonly json?: true;
}

export function registerSwitchover(program: Command): void {
  program
    .command('switchover')
    .description('hand a guest over to its backup: nothing is lost, nothing is sent twice')
    .argument('<name>', 'the guest')
    .option('--to <host:port>', 'which backup (default: the preferred one in step)')
    .option('--dir <path>', "where the primary's log is", '.hv')
    .option('--json', 'print the result as one JSON object')
    .action(async (name: string, options: SwitchoverOptions) => {
      const { switchOver } = await import('../operate.ts');
      await switchOver(name, options);
    });
}
