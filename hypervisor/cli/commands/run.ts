/** `hv run <script> [args…]`: starts a guest as primary, recorded and, if asked, protected. */

import type { Command } from 'commander';
import { adminOptions } from '../admin-options.ts';
import { logKeyOption, signKeyOption } from '../key-options.ts';
import { cpuTicks, diskBytes, heapBytes, stackBytes } from '../limit-options.ts';
import { loadingOptions } from '../loading-options.ts';
import {
  checkpointEvery,
  descriptor,
  hangLimitOption,
  keepPolicy,
  mountsOption,
  repeatable,
} from '../options.ts';
import { protectionOptions } from '../protection-options.ts';
import type { RunOptions } from '../run-process.ts';
import { securityOptions } from '../security-options.ts';

export function registerRun(program: Command): void {
  const command = program
    .command('run')
    .description('run a script as a guest: recorded, and protected with --backup')
    .argument('[script]', 'an ordinary Node script (CommonJS, ESM or TypeScript)')
    .argument('[args...]', "the script's own arguments")
    .passThroughOptions()
    .option('-n, --name <name>', "name of the guest and its log (default: the script's)")
    .option('--dir <path>', 'where logs go', '.hv');
  const replicated = securityOptions(protectionOptions(command));
  loadingOptions(signKeyOption(logKeyOption(limitOptions(logOptions(replicated)))))
    .addOption(
      repeatable(command, {
        flags: '-e, --env <name[=value]>',
        means: 'let only these variables in (repeatable)',
        none: 'all',
      }),
    )
    .option(
      '--events-fd <fd>',
      'write lifecycle events as JSON lines to this descriptor',
      descriptor,
    )
    .option(
      '--no-rejoin',
      'with --listen: end, instead of going on as a backup, when another replica is primary',
    )
    .option('-v, --verbose', 'more lines on stderr');
  adminOptions(command).action(
    async (script: string | undefined, args: readonly string[], options: RunOptions) => {
      const { runGuest } = await import('../run-process.ts');
      await runGuest(script, args, options);
    },
  );
}

/** The log, its checkpoints, and going on from it. */
function logOptions(command: Command): Command {
  return (
    command
      .option(
        '--resume',
        'go on from the log of an earlier run, with its script, arguments, environment and limits; without a log start a new one',
      )
      .addOption(
        command
          .createOption(
            '--checkpoint <every>',
            'keep a snapshot every so many records (10000), log bytes (64MiB) or guest time (30s); auto, off',
          )
          .argParser(checkpointEvery)
          .default({ type: 'auto' }, 'auto'),
      )
      .addOption(
        command
          .createOption(
            '--keep <amount>',
            'forget what is older than so many records (1000000), log bytes (2GiB) or guest time (24h); all',
          )
          .argParser(keepPolicy)
          .default({ type: 'all' }, 'all'),
      )
      .option('--record-outputs', 'record outputs, too: a replay then compares them byte for byte')
      .option('--no-record', 'keep no log')
      // For bench/overhead.ts only: no user has a reason to pay for a log that is dropped.
      .addOption(command.createOption('--record-nowhere', 'encode the log and drop it').hideHelp())
  );
}

/** What the guest may use. */
function limitOptions(command: Command): Command {
  return command
    .option('--memory <size>', 'heap of the guest, 16MiB to 1984MiB (default: 240MiB)', heapBytes)
    .option(
      '--disk-quota <size>',
      "what the guest's files may hold, from 64KiB (default: half of its heap)",
      diskBytes,
    )
    .addOption(mountsOption(command))
    .addOption(
      command
        .createOption(
          '--cpu <ticks>',
          'ticks one turn may use, or with /s all turns of a second: 5G, 50M/s (repeatable)',
        )
        .argParser(cpuTicks)
        .default([], 'no limit'),
    )
    .option('--stack <size>', 'stack of the guest, 64KiB to 1MiB (default: 1MiB)', stackBytes)
    .addOption(hangLimitOption(command));
}
