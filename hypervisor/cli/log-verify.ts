/** `hv log verify`: reads all of a log and says in one line what it is worth. */

import { HvError } from '../base/errors.ts';
import { lockHolder } from '../host/log-lock.ts';
import { type LogVerdict, openLog, verifyLog } from '../host/log-reader.ts';
import { counted } from '../timeline/record-words.ts';
import { data } from './print.ts';

/** Throws HV_E_LOG_DAMAGED with the exact place; with `json` the place is printed as data, too. */
export function verifyLogAt(path: string, options: { readonly json: boolean }): void {
  let verdict: LogVerdict;
  try {
    verdict = verifyLog(openLog(path));
  } catch (error) {
    if (options.json && error instanceof HvError) {
      const { code, message, details } = error;
      data(JSON.stringify({ intact: false, code, message, ...details }));
    }
    throw error;
  }
  const writer = lockHolder(path);
  if (options.json) {
    const { end: _end, ...facts } = verdict;
    data(JSON.stringify({ intact: true, ...facts, ...(writer === undefined ? {} : { writer }) }));
    return;
  }
  data(`${path}: ${verdictText(verdict, writer)}`);
}

/** One line. `writer`: pid of the process that is recording into the log right now. */
export function verdictText(verdict: LogVerdict, writer: number | undefined): string {
  const { firstLsn, records, batches, segments, bytes, chain, epoch } = verdict;
  const counts = [
    counted(records, 'record') + (firstLsn > 1 ? ` from lsn ${firstLsn} on` : ''),
    counted(batches, 'batch', 'batches'),
    counted(segments, 'segment'),
    counted(bytes, 'byte'),
    `epoch ${epoch}`,
    `chain ${chain.slice(0, 16)}`,
  ].join(', ');
  if (verdict.sealed) return `intact and sealed: ${counts}`;
  const why =
    writer === undefined
      ? 'the process was killed or the end was cut'
      : `process ${writer} is recording it`;
  const torn =
    verdict.tornBytes > 0 ? `, ${counted(verdict.tornBytes, 'torn byte')} behind it` : '';
  return `intact, not sealed: ${why}; complete up to lsn ${verdict.lastLsn}${torn}: ${counts}`;
}
