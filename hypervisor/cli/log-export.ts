/** `hv log export`: what a log holds and what its replay produces, in a format of other tools. */

import { isatty } from 'node:tty';
import type { Worker } from 'node:worker_threads';
import { EXIT, HvError } from '../base/errors.ts';
import type { ExportAnswer, ExportRequest } from '../host/export-worker.ts';
import { startWorker } from '../host/threads.ts';
import { EXPORT_FORMATS, type ExportFormat } from '../timeline/export/encoders.ts';
import { counted, grouped } from '../timeline/record-words.ts';
import { openExportTarget } from './export-target.ts';
import { explain, progress, say } from './print.ts';

export interface LogExportOptions {
  readonly format: string;
  /** Undefined: stdout. */
  readonly output?: string;
  readonly force: boolean;
  /** First and last lsn to export; both inclusive. */
  readonly from: number;
  readonly to: number;
  readonly outputs: boolean;
  readonly stderr: boolean;
}

type Final = Exclude<ExportAnswer, { type: 'progress' }>;

/**
 * Returns the exit status: of a log that is damaged, or whose replay diverges, everything before that
 * place is exported first. Throws HvError when nothing could be written.
 */
export async function exportLog(path: string, options: LogExportOptions): Promise<number> {
  const format = checked(options);
  const { output, force, from, to, outputs, stderr } = options;
  const target = openExportTarget(output, { force });
  let kept = false;
  try {
    const { fd, name } = target;
    const request = { path, format, fd, target: name, from, to, outputs, stderr };
    const answer = await answerOf(startWorker('export-worker', request satisfies ExportRequest));
    kept = answer.type === 'done' || (answer.type === 'failed' && answer.written);
    if (kept) target.keep();
    return report(answer, output ?? 'the export');
  } finally {
    if (!kept) target.discard();
  }
}

function checked({ format, output, from, to, outputs, stderr }: LogExportOptions): ExportFormat {
  const known = EXPORT_FORMATS.find((name) => name === format);
  if (known === undefined)
    throw usage(`'${format}' is no format of an export; expected ${EXPORT_FORMATS.join(', ')}`);
  if (from > to) throw usage(`--from ${from} lies behind --to ${to}: there is nothing to export`);
  if (stderr && known !== 'asciicast')
    throw usage(`--stderr is for asciicasts; a ${known} export has no choice to make`);
  if (!outputs && known === 'asciicast')
    throw usage('an asciicast is the output of a replay: it cannot go with --no-outputs');
  if (known === 'pcapng' && output === undefined && isatty(1))
    throw usage(
      'pcapng is binary and stdout is a terminal: pass -o FILE, or pipe it into a program',
    );
  return known;
}

function usage(text: string): HvError {
  return new HvError('HV_E_USAGE', text);
}

async function answerOf(worker: Worker): Promise<Final> {
  const shown = isatty(2);
  try {
    return await new Promise((resolve, reject) => {
      worker.once('error', reject);
      worker.on('message', (answer: ExportAnswer) => {
        if (answer.type !== 'progress') resolve(answer);
        else if (shown)
          progress(`lsn ${grouped(answer.lsn)}, ${megabytes(answer.bytes)} of the log`);
      });
    });
  } finally {
    if (shown) progress('');
    await worker.terminate();
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function report(answer: Final, what: string): number {
  switch (answer.type) {
    case 'readerGone':
      return EXIT.ok;
    case 'failed': {
      const { code, message, details, written } = answer;
      const error = new HvError(code, message, { details });
      if (!written) throw error;
      const status = explain(error);
      say(`${what} holds what comes before that, and says that it is not all`);
      return status;
    }
    case 'done':
      noteEnd(answer);
      return EXIT.ok;
  }
}

/** On stderr, because it is about the log and not in it. */
function noteEnd({ verdict, unverifiedTurns }: Extract<Final, { type: 'done' }>): void {
  if (verdict !== undefined && !verdict.sealed) {
    const torn = verdict.tornBytes > 0 ? `, then ${counted(verdict.tornBytes, 'torn byte')}` : '';
    say(`the log is not sealed: it ends behind record ${verdict.lastLsn}${torn}`);
  }
  if (unverifiedTurns === 0) return;
  const turns = unverifiedTurns === 1 ? 'turn carries' : `${grouped(unverifiedTurns)} turns carry`;
  say(`the last ${turns} no check in the log: their outputs are not verified`);
}
