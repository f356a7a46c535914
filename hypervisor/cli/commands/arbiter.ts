/** `hv arbiter`: decides who is primary, for many guests; `hv arbiter status` asks one what it knows. */

import type { Command } from 'commander';

interface ArbiterOptions {
  readonly listen: string;
  readonly data: string;
  readonly tokenFile?: string;
  readonly json?: true;
}

export function registerArbiter(program: Command): void {
  const arbiter = program
    .command('arbiter')
    .description('decide views for the guests of other hosts, and watch who is alive')
    .option('-l, --listen <host:port>', 'where replicas ask', '127.0.0.1:7800')
    .option('--data <dir>', 'where the views are kept: a disk of this host', '.hv/views')
    .option(
      '--token-file <path>',
      'who asks must know the word in this file; needed beyond loopback',
    )
    .option('--json', 'print every event as a JSON line on standard output')
    .action(async (options: ArbiterOptions) => {
      const { runArbiter } = await import('../arbiter-process.ts');
      await runArbiter(options);
    });
  arbiter
    .command('status')
    .description('ask an arbiter for a view, who is alive and who would be promoted')
    .argument('<url>', 'http://host:port, with ?token-file=PATH where it needs a token')
    .argument('[vm]', 'a guest, as `hv status` names its vm; none: the arbiter itself')
    .option('--json', 'print JSON')
    .action(async (url: string, vm: string | undefined, options: { json?: true }) => {
      const { showArbiterStatus } = await import('../arbiter-status.ts');
      await showArbiterStatus(url, vm, { json: options.json === true });
    });
}
