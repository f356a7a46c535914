/** `hv status [name]`: what the replicas on this machine do right now. */

import type { Command } from 'commander';

export function registerStatus(program: Command): void {
  program
    .command('status')
    .description('show the running replicas: role, progress, backups, limits, what the guest uses')
    .argument('[name]', 'only guests of this name')
    .option('--dir <path>', 'where their logs are', '.hv')
    .option('--json', 'print one JSON object per replica and line')
    .action(async (name: string | undefined, options: { dir: string; json?: true }) => {
      const { showStatus } = await import('../status-report.ts');
      await showStatus({ name, dir: options.dir, json: options.json === true });
    });
}
