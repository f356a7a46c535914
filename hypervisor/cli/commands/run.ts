/** `hv run <script> [args…]`: starts a guest as primary, recorded and, if asked, protected. */

import type { Command } from 'commander';
import { DETECT_MS, HANG_LIMIT_MS } from '../../base/limits.ts';
import { cpuTicks, heapBytes, stackBytes } from '../limit-options.ts';
import { collect, descriptor, detectMs, hangLimitMs } from '../options.ts';
import type { RunOptions } from '../run-process.ts';

export function registerRun(program: Command): void {
  program
    .command('run')
    .description('run a script as a guest: recorded, and protected with --backup')
    .argument('<script>', 'an ordinary Node script (CommonJS, ESM or TypeScript)')
    .argument('[args...]', "the script's own arguments")
    .passThroughOptions()
    .option(
      '-b, --backup <host:port>',
      "replicate to this backup (repeatable); 'local' starts one on this machine",
      collect,
      [],
    )
    .option('--arbiter <url>', 'who decides the view: file:DIR, a directory both hosts share')
    .option('-l, --listen <host:port>', 'let fresh backups join here (hv backup --join)')
    .option(
      '--detect <how>',
      'silence that makes a peer suspect: fast, lan, wan or ms',
      detectMs,
      DETECT_MS.lan,
    )
    .option('-n, --name <name>', "name of the guest and its log (default: the script's)")
    .option('--dir <path>', 'where logs go', '.hv')
    .option('--no-record', 'keep no log')
    // For bench/overhead.ts only: no user has a reason to pay for a log that is dropped.
    .addOption(program.createOption('--record-nowhere', 'encode the log and drop it').hideHelp())
    .option(
      '-e, --env <name[=value]>',
      'let only these variables in (repeatable; default: all)',
      collect,
      [],
    )
    .option('--memory <size>', 'heap of the guest, 16MiB to 1984MiB (default: 240MiB)', heapBytes)
    .option(
      '--cpu <ticks>',
      'ticks one turn may use, or with /s all turns of a second: 5G, 50M/s (repeatable)',
      cpuTicks,
      [],
    )
    .option('--stack <size>', 'stack of the guest, 64KiB to 1MiB (default: 1MiB)', stackBytes)
    .option(
      '--hang-limit <time>',
      'end a guest by force that is this long inside a built-in which never polls, or off',
      hangLimitMs,
      HANG_LIMIT_MS,
    )
    .option(
      '--events-fd <fd>',
      'write lifecycle events as JSON lines to this descriptor',
      descriptor,
    )
    .option('-v, --verbose', 'more lines on stderr')
    .action(async (script: string, args: readonly string[], options: RunOptions) => {
      const { runGuest } = await import('../run-process.ts');
      await runGuest(script, args, options);
    });
}
