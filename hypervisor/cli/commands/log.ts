/** `hv log ls|cat|verify|stat|export|diff|key`: looking into recorded logs. Nothing here changes one. */

import type { Command } from 'commander';
import { logKeyOption } from '../key-options.ts';
import { lsn } from '../options.ts';

interface JsonOption {
  readonly json?: true;
}

interface RangeOptions {
  readonly from: number;
  readonly to: number;
}

interface VerifyOptions extends JsonOption {
  readonly publicKey?: string;
  readonly expectHead?: string;
}

interface ExportOptions extends RangeOptions {
  readonly format: string;
  readonly output?: string;
  readonly force?: true;
  /** False after `--no-outputs`. */
  readonly outputs: boolean;
  readonly stderr?: true;
}

interface NewKeyOptions extends JsonOption {
  readonly sign?: true;
  readonly rotate?: true;
}

const LOG_ARGUMENT = 'a log directory or one .hvlog file';

export function registerLog(program: Command): void {
  const log = program
    .command('log')
    .description('list, print, check, measure, convert and compare recorded logs');
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
    .argument('<log>', LOG_ARGUMENT)
    .option('--json', 'print one JSON object per line')
    .option('--from <lsn>', 'first record to print', lsn, 1)
    .option('--to <lsn>', 'last record to print', lsn, Number.MAX_SAFE_INTEGER)
    .action(async (path: string, options: JsonOption & RangeOptions) => {
      const { catLog } = await import('../log-cat.ts');
      catLog(path, { json: options.json === true, from: options.from, to: options.to });
    });
  log
    .command('verify')
    .description('check every byte of a log: checksums, hash chain, positions, signatures')
    .argument('<log>', LOG_ARGUMENT)
    .option('--public-key <file>', 'check its signatures with this key, PEM or 64 hex digits')
    .option('--expect-head <head>', 'it must hold this head, noted from an earlier verify or run')
    .option('--json', 'print JSON')
    .action(async (path: string, options: VerifyOptions) => {
      const { verifyLogAt } = await import('../log-verify.ts');
      verifyLogAt(path, { ...options, json: options.json === true });
    });
  log
    .command('stat')
    .description('show where a log comes from and what its bytes are spent on')
    .argument('<log>', LOG_ARGUMENT)
    .option('--json', 'print JSON')
    .action(async (path: string, options: JsonOption) => {
      const { statLog } = await import('../log-stat.ts');
      statLog(path, { json: options.json === true });
    });
  registerExport(log);
  log
    .command('diff')
    .description('show where two logs differ; exits with 1 when they do')
    .argument('<a>', LOG_ARGUMENT)
    .argument('<b>', 'the log to compare it with')
    .option('--json', 'print JSON')
    .action(async (a: string, b: string, options: JsonOption) => {
      const { diffLogs } = await import('../log-diff.ts');
      process.exitCode = diffLogs(a, b, { json: options.json === true });
    });
  for (const command of log.commands) logKeyOption(command);
  registerKey(log);
}

function registerKey(log: Command): void {
  const key = log.command('key').description('make and list the keys of the log at rest');
  key
    .command('new')
    .description('make a key that seals logs, or with --sign one that signs them')
    .argument('<file>', 'where it goes; readable by its owner only')
    .option('--sign', 'an Ed25519 key in PEM, and beside it <file>.pub with the public one')
    .option('--rotate', 'put it before the keys in the file: they open what they have sealed')
    .option('--json', 'print JSON')
    .action(async (path: string, options: NewKeyOptions) => {
      const { makeKey } = await import('../log-key.ts');
      const { sign, rotate, json } = options;
      makeKey(path, { sign: sign === true, rotate: rotate === true, json: json === true });
    });
  key
    .command('ls')
    .description('print the ids of the keys in a file, never the keys')
    .argument('<file>', 'a key file')
    .option('--json', 'print JSON')
    .action(async (path: string, options: JsonOption) => {
      const { showKeys } = await import('../log-key.ts');
      showKeys(path, { json: options.json === true });
    });
}

function registerExport(log: Command): void {
  log
    .command('export')
    .description('write the records of a log, and the outputs of its replay, for other tools')
    .argument('<log>', LOG_ARGUMENT)
    .requiredOption('--format <format>', 'jsonl, pcapng, asciicast or perfetto')
    .option('-o, --output <file>', 'where to write it (default: stdout)')
    .option('--force', 'replace an existing file')
    .option('--from <lsn>', 'first record to export', lsn, 1)
    .option('--to <lsn>', 'last record to export', lsn, Number.MAX_SAFE_INTEGER)
    .option('--no-outputs', 'do not replay: inputs only')
    .option('--stderr', "asciicast: the guest's standard error too")
    .action(async (path: string, options: ExportOptions) => {
      const { exportLog } = await import('../log-export.ts');
      process.exitCode = await exportLog(path, {
        ...options,
        force: options.force === true,
        stderr: options.stderr === true,
      });
    });
}
