/** `hv drill <name>`: a rehearsal of a failover on the running guest, with what it took. */

import type { Command } from 'commander';

interface DrillOptions {
  readonly dir: string;
  readonly check?: string;
  readonly json?: true;
}

export function registerDrill(program: Command): void {
  program
    .command('drill')
    .description(
      'rehearse a failover: hand the guest over, watch that it serves and is protected again',
    )
    .argument('<name>', 'the guest')
    .option('--dir <path>', "where the primary's log is", '.hv')
    .option('--check <host:port>', 'a port of the guest that must take connections again')
    .option('--json', 'print the result as one JSON object')
    .action(async (name: string, options: DrillOptions) => {
      const { drill } = await import('../drill.ts');
      await drill(name, options);
    });
}
