/** `hv status [name]`: what the replicas on this machine do right now. */

import type { Command } from 'commander';

interface StatusOptions {
  readonly dir: string;
  readonly json?: true;
  readonly watch?: true;
}

export function registerStatus(program: Command): void {
  program
    .command('status')
    .description(
      'show the running replicas: role, protection, what a failover would do now, backups, limits, use',
    )
    .argument('[name]', 'only guests of this name')
    .option('--dir <path>', 'where their logs are', '.hv')
    .option('-w, --watch', 'again every second, until q on a terminal')
    .option('--json', 'print one JSON object per replica and line')
    .action(async (name: string | undefined, { dir, json, watch }: StatusOptions) => {
      const { showStatus, watchStatus } = await import('../status-report.ts');
      const options = { name, dir, json: json === true };
      await (watch === true ? watchStatus(options) : showStatus(options));
    });
}
