/** `hv protect <name> <address>`: gives a running guest one more backup. */

import type { Command } from 'commander';

interface ProtectOptions {
  readonly dir: string;
  readonly json?: true;
}

export function registerProtect(program: Command): void {
  program
    .command('protect')
    .description('give a running guest a backup, which listens already (hv backup --listen)')
    .argument('<name>', 'the guest')
    .argument('<host:port>', 'where the backup listens')
    .option('--dir <path>', "where the primary's log is", '.hv')
    .option('--json', 'print the result as one JSON object')
    .action(async (name: string, address: string, options: ProtectOptions) => {
      const { protect } = await import('../protect.ts');
      await protect(name, address, options);
    });
}
