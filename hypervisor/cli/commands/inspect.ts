/** `hv inspect <log>`: a REPL on a recorded run. */

import type { Command } from 'commander';
import { logKeyOption } from '../key-options.ts';
import { repeatable } from '../options.ts';

interface InspectCommandOptions {
  readonly at: string;
  readonly eval: readonly string[];
  readonly json?: true;
}

export function registerInspect(program: Command): void {
  const command = program
    .command('inspect')
    .description('move around in a recorded run and look into its guest')
    .argument('<log>', 'a log directory such as .hv/<name>, or one .hvlog file')
    .option('--at <position>', 'where to begin: an lsn, lsn:ticks, +3.2s, 50%, start or end', 'end')
    .addOption(
      repeatable(program, {
        flags: '--eval <line>',
        means: 'run this expression or command and leave (repeatable)',
      }),
    )
    .option('--json', 'print one JSON object per result');
  logKeyOption(command).action(async (path: string, options: InspectCommandOptions) => {
    const { parsePosition } = await import('../inspect/parse.ts');
    const { inspectLog } = await import('../inspect/run.ts');
    process.exitCode = await inspectLog(path, {
      at: parsePosition(options.at),
      lines: options.eval,
      json: options.json === true,
    });
  });
}
