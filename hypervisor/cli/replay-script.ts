/** `hv replay --script`: bundles the changed script, feeds it the log and prints what differs. */

import { once } from 'node:events';
import { basename } from 'node:path';
import { asMicros, type Micros } from '../../log-format/index.ts';
import { EXIT, HvError } from '../base/errors.ts';
import { REFEED_TURN_TICKS } from '../base/limits.ts';
import { bundleGuest } from '../host/bundle.ts';
import { openLog } from '../host/log-reader.ts';
import type { RefeedAnswer, RefeedRequest } from '../host/refeed-worker.ts';
import { startWorker } from '../host/threads.ts';
import { counted } from '../timeline/record-words.ts';
import type { Finding, RefeedReport } from '../timeline/refeed.ts';
import type { StreamSide } from '../timeline/stream-comparer.ts';
import { maskPattern } from '../timeline/text-mask.ts';
import { data, say } from './print.ts';
import { findingText, placeText, verdictText } from './refeed-text.ts';

export interface ReplayScriptOptions {
  readonly script: string;
  readonly ignore: readonly string[];
  readonly all?: boolean;
  readonly turnTicks?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

type Done = Extract<RefeedAnswer, { type: 'done' }>;

/** Differences and other rows printed without --all. */
const SHOWN = 20;

/** Returns the exit status: as of diff, 0 for equal runs and 1 for different ones. */
export async function replayScript(path: string, options: ReplayScriptOptions): Promise<number> {
  checkPatterns(options.ignore);
  const { firmware } = openLog(path).blobs;
  const { code, sourceMap } = await bundleGuest(options.script, { cwd: process.cwd(), firmware });
  const request: RefeedRequest = {
    path,
    image: code,
    sourceMap,
    ignore: options.ignore,
    turnTicksMax: options.turnTicks ?? REFEED_TURN_TICKS,
  };
  const worker = startWorker('refeed-worker', request);
  const [answer] = (await once(worker, 'message')) as [RefeedAnswer];
  await worker.terminate();
  switch (answer.type) {
    case 'failed':
      throw new HvError(answer.code, answer.message, { details: answer.details });
    case 'diverged':
      if (options.json === true)
        data(JSON.stringify({ verdict: 'diverged', lsn: answer.lsn, report: answer.text }));
      throw new HvError(
        'HV_E_DIVERGED',
        `the recorded guest itself does not replay, so there is nothing to compare with: ${answer.text}`,
      );
    case 'done':
      if (options.json === true) data(JSON.stringify(jsonOf(answer)));
      else print(answer, options);
      return answer.report.findings.length === 0 ? EXIT.ok : EXIT.failed;
  }
}

function checkPatterns(patterns: readonly string[]): void {
  try {
    maskPattern(patterns);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new HvError('HV_E_USAGE', `--ignore takes regular expressions: ${error.message}`);
  }
}

function print(answer: Done, options: ReplayScriptOptions): void {
  const { report, verdict, sameScript, seconds } = answer;
  const startedAt = asMicros(answer.startedAt);
  const script = basename(options.script);
  const shown = options.all === true ? report.findings.length : SHOWN;
  if (options.quiet !== true) {
    for (const finding of report.findings.slice(0, shown))
      data(findingText(finding, script, startedAt));
    const hidden = report.findings.length - shown + report.findingsDropped;
    if (hidden > 0) say(`${counted(hidden, 'more difference')}; --all prints them`);
    for (const line of remarks(report, script, options.all === true)) say(line);
    if (sameScript) say(`${script} is the very script that was recorded`);
    if (!verdict.sealed)
      say(`the log is not sealed: it was compared up to its last record, lsn ${verdict.lastLsn}`);
  }
  say(`${verdictText(report)}${firstText(report, startedAt)}; ${seconds.toFixed(2)} s`);
}

function firstText({ findings: [first] }: RefeedReport, startedAt: Micros): string {
  if (first === undefined) return '';
  const name = first.type === 'stream' ? first.name : first.type;
  return `; first: ${name}, ${placeText(first.first, startedAt)}`;
}

/** What a reader must know to judge the differences. Each is said once. */
function remarks(report: RefeedReport, script: string, all: boolean): readonly string[] {
  const lines: string[] = [];
  for (const { name, reason, lsn, inputs, bytes } of report.untaken.slice(
    0,
    all ? undefined : SHOWN,
  ))
    lines.push(
      `${counted(inputs, 'input')} from lsn ${lsn} on (${counted(bytes, 'byte')}) of ${name} had no taker: ${reason}`,
    );
  const hidden = report.untaken.length - SHOWN;
  if (hidden > 0 && !all) lines.push(`${counted(hidden, 'more row')} of inputs without a taker`);
  if (report.inputsAfterExit > 0)
    lines.push(`${counted(report.inputsAfterExit, 'input')} came after ${script} had ended`);
  if (report.turnLimitHit)
    lines.push(`${script} was stopped in a turn that would not end; see --turn-ticks`);
  if (report.roundsCut)
    lines.push(`${script} went round without a pause; recorded inputs were fed in between`);
  if (report.recordedStop !== undefined)
    lines.push(
      `the recorded run was stopped in its turn at lsn ${report.recordedStop.lsn} (${report.recordedStop.reason}); ${script} was not`,
    );
  if (report.findings.length > 0)
    lines.push(
      'not every difference is a fault: random numbers shift when code draws another number of them, and what is made of the time or of them (ids, dates) shifts along; --ignore <regex> masks such text',
    );
  return lines;
}

function jsonOf(answer: Done): Readonly<Record<string, unknown>> {
  const { report, sameScript, startedAt, seconds } = answer;
  // Where the writer would go on is its own business.
  const { end: _end, ...log } = answer.verdict;
  const { findings, ...rest } = report;
  const verdict = findings.length === 0 ? 'equal' : 'different';
  return { verdict, sameScript, startedAt, ...rest, findings: findings.map(plain), log, seconds };
}

/** Bytes as Base64: a stream need not be text. */
function plain(finding: Finding): unknown {
  if (finding.type !== 'stream' || finding.difference === undefined) return finding;
  const { difference } = finding;
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const side = (one: StreamSide): unknown => ({ ...one, after: base64(one.after) });
  return {
    ...finding,
    difference: {
      ...difference,
      before: base64(difference.before),
      recorded: side(difference.recorded),
      replayed: side(difference.replayed),
    },
  };
}
