/**
 * `hv replay <log> [script]`: re-executes a recorded run offline and verifies every step; with
 * `--script`, feeds its inputs to another script and compares the outputs.
 */

import { once } from 'node:events';
import type { Command } from 'commander';
import { sha256Hex } from '../../../log-format/index.ts';
import { EXIT, HvError } from '../../base/errors.ts';
import { bundleGuest } from '../../host/bundle.ts';
import { openLog } from '../../host/log-reader.ts';
import type { ReplayAnswer, ReplayRequest } from '../../host/replay-worker.ts';
import { startWorker } from '../../host/threads.ts';
import { logKeyOption } from '../key-options.ts';
import { count, lsn, repeatable } from '../options.ts';
import { data, say } from '../print.ts';

interface ReplayOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly from?: number;
  readonly script?: string;
  readonly ignore: readonly string[];
  readonly all?: boolean;
  readonly turnTicks?: number;
}

export function registerReplay(program: Command): void {
  const command = program
    .command('replay')
    .description('re-execute a log offline and verify outputs, ticks and digests')
    .argument('<log>', 'a log directory such as .hv/<name>, or one .hvlog file')
    .argument('[script]', 'check first that the log is of this very script')
    .option('--from <lsn>', 'begin with the newest checkpoint at or before this record', lsn)
    .option(
      '--script <file>',
      'feed the recorded inputs to this script instead and report where its outputs differ',
    )
    .addOption(
      repeatable(program, {
        flags: '--ignore <regex>',
        means: 'with --script: text that does not count (repeatable)',
      }),
    )
    .option('--all', 'with --script: print every difference, not the first 20')
    .option('--turn-ticks <count>', 'with --script: ticks one turn may use (5e9)', count)
    .option('-q, --quiet', "do not print the guest's console, or with --script the differences")
    .option('--json', 'print the verdict as one JSON object on stdout (implies --quiet)')
    .addHelpText(
      'after',
      '\nWith --script the exit status is that of diff: 0 when nothing differs, 1 when something does.\nWhat is fed and what cannot be compared: docs/replay-script.md',
    );
  logKeyOption(command).action(replayCommand);
}

async function replayCommand(
  path: string,
  script: string | undefined,
  options: ReplayOptions,
): Promise<void> {
  if (options.script !== undefined) {
    if (script !== undefined)
      throw new HvError('HV_E_USAGE', 'a script to check and --script exclude each other');
    const { replayScript } = await import('../replay-script.ts');
    process.exitCode = await replayScript(path, { ...options, script: options.script });
    return;
  }
  refuseScriptOptions(options);
  if (script !== undefined) await refuseOtherScript(path, script);
  const request: ReplayRequest = {
    path,
    console: options.quiet !== true && options.json !== true,
    ...(options.from === undefined ? {} : { from: options.from }),
  };
  const worker = startWorker('replay-worker', request);
  const [answer] = (await once(worker, 'message')) as [ReplayAnswer];
  await worker.terminate();
  if (answer.type === 'failed')
    throw new HvError(answer.code, answer.message, { details: answer.details });
  process.exitCode = print(answer, options.json === true);
}

function refuseScriptOptions({ all, ignore, turnTicks }: ReplayOptions): void {
  if (all === undefined && ignore.length === 0 && turnTicks === undefined) return;
  throw new HvError('HV_E_USAGE', '--all, --ignore and --turn-ticks go with --script');
}

function print(answer: Exclude<ReplayAnswer, { type: 'failed' }>, json: boolean): number {
  if (answer.type === 'diverged') {
    if (json) data(JSON.stringify({ verdict: 'diverged', lsn: answer.lsn, report: answer.text }));
    say(`${answer.text}   [HV_E_DIVERGED]`);
    return EXIT.diverged;
  }
  const { report, from, verdict, memoryHash, seconds } = answer;
  if (json) {
    // Where the writer would go on is its own business.
    const { end: _end, ...log } = verdict;
    data(JSON.stringify({ verdict: 'verified', from, ...report, log, memoryHash, seconds }));
    return EXIT.ok;
  }
  const exit = report.exit === undefined ? '' : `, guest exited with ${report.exit.code}`;
  say(
    `verified: ${report.records} records, ${report.turns + report.unverifiedTurns} turns, ${report.verified} checks agree${exit}; ${seconds.toFixed(2)} s, memory ${memoryHash.slice(0, 16)}`,
  );
  if (from > 0) say(`began with the checkpoint at lsn ${from}: what lies before was not run`);
  if (!verdict.sealed)
    say(
      `the log is not sealed (its process was killed, or its end was cut): complete up to lsn ${verdict.lastLsn}${verdict.tornBytes > 0 ? `, ${verdict.tornBytes} torn bytes behind it ignored` : ''}`,
    );
  if (report.unverifiedTurns > 0)
    say(`the last ${report.unverifiedTurns} turns were run but carry no check in the log`);
  return EXIT.ok;
}

async function refuseOtherScript(path: string, script: string): Promise<void> {
  const recorded = openLog(path).header;
  const image = await bundleGuest(script, { cwd: process.cwd() });
  const given = sha256Hex(image.code);
  if (given === recorded.imageHash) return;
  throw new HvError(
    'HV_E_GUEST_CHANGED',
    `${script} is not the script of this log: image sha256 ${given.slice(0, 12)}… now, ${recorded.imageHash.slice(0, 12)}… in the log`,
    { details: { given, recorded: recorded.imageHash } },
  );
}
