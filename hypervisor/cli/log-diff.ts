/** `hv log diff`: the first place where two logs differ, and how they go on from there. */

import type { LogHeader, LogRecord, Micros, ViewRecord } from '../../log-format/index.ts';
import { EXIT } from '../base/errors.ts';
import { type LogVerdict, type OpenedLog, openLog } from '../host/log-reader.ts';
import {
  type HeaderDifference,
  headerDifferences,
  type RecordDifference,
  recordDifference,
} from '../timeline/record-diff.ts';
import { isSame, printDiff } from './log-diff-print.ts';

export interface PlacedRecord {
  readonly lsn: number;
  readonly epoch: number;
  readonly record: LogRecord;
}

/** What one of the logs holds besides what both do. */
export interface Rest {
  /** The first few. */
  readonly first: readonly PlacedRecord[];
  readonly records: number;
  /** The views decided in it. */
  readonly views: readonly ViewRecord[];
  readonly startedAt: Micros;
  readonly header: LogHeader;
  /** Undefined when it could not be read to its end. */
  readonly verdict: LogVerdict | undefined;
}

export interface LogDiff {
  readonly header: readonly HeaderDifference[];
  /** Records that only one has because the other begins later: they are not compared. */
  readonly skipped: { readonly a: number; readonly b: number };
  /** Records at the start that are the same in both. */
  readonly common: number;
  /** The last few of those. */
  readonly before: readonly PlacedRecord[];
  /** The view both were in last, if any. */
  readonly commonView: ViewRecord | undefined;
  /** Of the first records that differ, when both logs have one there. */
  readonly difference: RecordDifference | undefined;
  readonly a: Rest;
  readonly b: Rest;
}

const CONTEXT_RECORDS = 3;
/** Views kept of each side; a log with more forks is still counted. */
const VIEWS_MAX = 8;

/** Reads one log record by record. */
class RecordCursor {
  readonly log: OpenedLog;
  readonly #batches: ReturnType<OpenedLog['batches']>;
  #waiting: PlacedRecord[] = [];
  #next = 0;
  #verdict: LogVerdict | undefined;

  constructor(path: string) {
    this.log = openLog(path);
    this.#batches = this.log.batches();
  }

  get verdict(): LogVerdict | undefined {
    return this.#verdict;
  }

  /** Undefined at the end. Throws HV_E_LOG_DAMAGED. */
  next(): PlacedRecord | undefined {
    while (this.#next === this.#waiting.length) {
      if (this.#verdict !== undefined) return undefined;
      const step = this.#batches.next();
      if (step.done) {
        this.#verdict = step.value;
        return undefined;
      }
      const { epoch, firstLsn, records } = step.value.batch;
      this.#waiting = records.map((record, index) => ({ lsn: firstLsn + index, epoch, record }));
      this.#next = 0;
    }
    return this.#waiting[this.#next++];
  }

  /** As `next`, without records before `lsn`. */
  nextFrom(lsn: number): PlacedRecord | undefined {
    let found = this.next();
    while (found !== undefined && found.lsn < lsn) found = this.next();
    return found;
  }
}

/** The part of one log behind the fork, record by record. */
class RestReader {
  readonly #cursor: RecordCursor;
  readonly #first: PlacedRecord[] = [];
  readonly #views: ViewRecord[] = [];
  #records = 0;

  constructor(cursor: RecordCursor) {
    this.#cursor = cursor;
  }

  /** Reads to the end. Throws HV_E_LOG_DAMAGED; what was read before counts. */
  read(from: PlacedRecord | undefined): void {
    for (let at = from; at !== undefined; at = this.#cursor.next()) {
      this.#records += 1;
      if (this.#first.length < CONTEXT_RECORDS) this.#first.push(at);
      if (at.record.type === 'view' && this.#views.length < VIEWS_MAX) this.#views.push(at.record);
    }
  }

  rest(): Rest {
    const { header } = this.#cursor.log;
    return {
      first: this.#first,
      records: this.#records,
      views: this.#views,
      startedAt: header.startedAt,
      header,
      verdict: this.#cursor.verdict,
    };
  }
}

/**
 * Prints how the logs at `pathA` and `pathB` differ and returns 0 or 1, like diff(1). Throws
 * HV_E_LOG_DAMAGED and the like, once what was read before is printed.
 */
export function diffLogs(
  pathA: string,
  pathB: string,
  { json }: { readonly json: boolean },
): number {
  const a = new RecordCursor(pathA);
  const b = new RecordCursor(pathB);
  const firstLsn = Math.max(a.log.firstLsn, b.log.firstLsn);
  const skipped = { a: firstLsn - a.log.firstLsn, b: firstLsn - b.log.firstLsn };
  const restA = new RestReader(a);
  const restB = new RestReader(b);
  const before: PlacedRecord[] = [];
  let common = 0;
  let commonView: ViewRecord | undefined;
  let difference: RecordDifference | undefined;
  const found = (): LogDiff => ({
    header: headerDifferences(a.log.header, b.log.header),
    skipped,
    common,
    before,
    commonView,
    difference,
    a: restA.rest(),
    b: restB.rest(),
  });
  try {
    for (;;) {
      const [left, right] = [a.nextFrom(firstLsn), b.nextFrom(firstLsn)];
      difference = differenceOf(left, right);
      if (left === undefined || right === undefined || difference !== undefined) {
        readBoth(
          () => restA.read(left),
          () => restB.read(right),
        );
        break;
      }
      common += 1;
      before.push(left);
      if (before.length > CONTEXT_RECORDS) before.shift();
      if (left.record.type === 'view') commonView = left.record;
    }
  } catch (error) {
    printDiff(found(), { json });
    throw error;
  }
  const diff = found();
  printDiff(diff, { json });
  return isSame(diff) ? EXIT.ok : EXIT.failed;
}

/** Damage in one is no reason not to read the other. */
function readBoth(first: () => void, second: () => void): void {
  try {
    first();
  } finally {
    second();
  }
}

function differenceOf(
  a: PlacedRecord | undefined,
  b: PlacedRecord | undefined,
): RecordDifference | undefined {
  if (a === undefined || b === undefined) return undefined;
  const inRecord = recordDifference(a.record, b.record);
  if (a.epoch === b.epoch) return inRecord;
  return { payloadByte: undefined, ...inRecord, fields: ['epoch', ...(inRecord?.fields ?? [])] };
}
