/** `hv log ls|cat|verify|stat`: looking into recorded logs. Nothing here changes one. */

import type { Command } from 'commander';
import { HvError } from '../../base/errors.ts';

interface JsonOption {
  readonly json?: true;
}

export function registerLog(program: Command): void {
  const log = program.command('log').description('list, print, verify and measure recorded logs');
  log
    .command('ls')
    .description('list the logs in a directory')
    .argument('[dir]', 'where to look', '.hv')
    .option('--json', 'print JSON')
    .action(async (dir: string, options: JsonOption) => {
      const { listLogs } = await import('../log-ls.ts');
      listLogs(dir, { json: options.json === true });
    });
  log
    .command('cat')
    .description('print one line per record')
    .argument('<log>', 'a log directory or one .hvlog file')
    .option('--json', 'print one JSON object per line')
    .option('--from <lsn>', 'first record to print', parseLsn, 1)
    .option('--to <lsn>', 'last record to print', parseLsn, Number.MAX_SAFE_INTEGER)
    .action(async (path: string, options: JsonOption & { from: number; to: number }) => {
      const { catLog } = await import('../log-cat.ts');
      catLog(path, { json: options.json === true, from: options.from, to: options.to });
    });
  log
    .command('verify')
    .description('check every byte of a log: checksums, hash chain, positions')
    .argument('<log>', 'a log directory or one .hvlog file')
    .option('--json', 'print JSON')
    .action(async (path: string, options: JsonOption) => {
      const { verifyLogAt } = await import('../log-verify.ts');
      verifyLogAt(path, { json: options.json === true });
    });
  log
    .command('stat')
    .description('show where a log comes from and what its bytes are spent on')
    .argument('<log>', 'a log directory or one .hvlog file')
    .option('--json', 'print JSON')
    .action(async (path: string, options: JsonOption) => {
      const { statLog } = await import('../log-stat.ts');
      statLog(path, { json: options.json === true });
    });
}

function parseLsn(text: string): number {
  const lsn = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(lsn)) return lsn;
  throw new HvError('HV_E_USAGE', `'${text}' is no lsn; expected a whole number such as 4320`);
}
