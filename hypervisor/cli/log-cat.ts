/** `hv log cat`: one line per record. */

import type { LocatedBatch, LogVerdict } from '../host/log-reader.ts';
import { openLog } from '../host/log-reader.ts';
import { counted, recordJson, recordLineOf } from '../timeline/record-words.ts';
import { data, say } from './print.ts';

export interface CatOptions {
  readonly json: boolean;
  /** First and last lsn to print; both inclusive. */
  readonly from: number;
  readonly to: number;
}

/** Lines are printed in blocks: a write per line costs more than reading the log. */
const BLOCK_LINES = 500;

export function catLog(path: string, options: CatOptions): void {
  const log = openLog(path);
  const { startedAt } = log.header;
  const lines: string[] = [];
  const flush = (): void => {
    if (lines.length > 0) data(lines.join('\n'));
    lines.length = 0;
  };
  const print = ({ batch }: LocatedBatch): void => {
    for (const [index, record] of batch.records.entries()) {
      const lsn = batch.firstLsn + index;
      if (lsn < options.from || lsn > options.to) continue;
      if (options.json) {
        lines.push(JSON.stringify({ lsn, epoch: batch.epoch, ...recordJson(record, startedAt) }));
      } else {
        lines.push(recordLineOf(lsn, record, startedAt));
      }
    }
    if (lines.length >= BLOCK_LINES) flush();
  };
  let verdict: LogVerdict | undefined;
  function* batches(): Generator<LocatedBatch, void, undefined> {
    verdict = yield* log.batches();
  }
  try {
    for (const located of batches()) {
      if (located.batch.firstLsn > options.to) break;
      print(located);
    }
  } finally {
    flush();
  }
  if (verdict && !verdict.sealed) note(verdict);
}

/** Said on stderr, because it is about the log and not in it. */
function note(verdict: LogVerdict): void {
  const torn = verdict.tornBytes > 0 ? `, then ${counted(verdict.tornBytes, 'torn byte')}` : '';
  say(`the log is not sealed: it ends behind record ${verdict.lastLsn}${torn}`);
}
