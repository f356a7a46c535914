/** `hv top`: a live view of every replica on this machine. */

import type { Command } from 'commander';

interface TopOptions {
  readonly dir: string;
  readonly once?: true;
  readonly json?: true;
}

export function registerTop(program: Command): void {
  program
    .command('top')
    .description(
      'live view of the replicas on this machine: state, lag, acks, outputs, ticks, heap',
    )
    .option('--dir <path>', 'where their logs are', '.hv')
    .option('--once', 'print the table once, rates over one second')
    .option('--json', 'print one JSON object per replica and line, once')
    .action(async ({ dir, once, json }: TopOptions) => {
      const { showTop } = await import('../top.ts');
      await showTop({ dir, once: once === true, json: json === true });
    });
}
