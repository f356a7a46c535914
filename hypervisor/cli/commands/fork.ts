/** `hv fork <log> --at <position>`: goes on live from a place of a recorded run, as a new guest. */

import type { Command } from 'commander';
import { HvError } from '../../base/errors.ts';
import type { ForkOptions } from '../fork-run.ts';
import { logKeyOption, signKeyOption } from '../key-options.ts';
import { descriptor } from '../options.ts';

export function registerFork(program: Command): void {
  const command = program
    .command('fork')
    .description('go on live from a place of a recorded run, as a new guest')
    .argument('<log>', 'a log directory such as .hv/<name>, or one .hvlog file')
    .requiredOption('--at <position>', 'an lsn (4320), a time (+3.2s), a share (50%), start or end')
    .requiredOption('-n, --name <name>', 'name of the new guest and its log')
    .option('--dir <path>', 'where its log goes', '.hv')
    .option('--script <file>', 'go on with this script, fed the recorded inputs up to there')
    .option(
      '--ports <which>',
      'where it listens: the same ports as the recorded guest, or free ones when those are taken',
      ports,
      'same',
    )
    .option('--no-start', 'only make the log; hv run --resume --name <name> starts it')
    .option('--json', 'print what was made as one JSON object')
    .option(
      '--events-fd <fd>',
      'write lifecycle events as JSON lines to this descriptor',
      descriptor,
    )
    .option('-v, --verbose', 'more lines on stderr')
    .addHelpText(
      'after',
      '\nConnections of the recorded guest are gone: it sees them close. Its clock jumps to the present,\nits generators of random numbers are seeded anew. The log that is forked is only read.',
    );
  signKeyOption(logKeyOption(command)).action(async (path: string, options: ForkOptions) => {
    const { forkLog } = await import('../fork-run.ts');
    await forkLog(path, options);
  });
}

function ports(text: string): 'same' | 'free' {
  if (text === 'same' || text === 'free') return text;
  throw new HvError('HV_E_USAGE', `--ports cannot be '${text}': it takes same or free`);
}
