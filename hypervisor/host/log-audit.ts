/**
 * What `hv log verify` proves beyond the log's own checksums, which anybody can compute anew: that it is
 * what the key of its host has signed, and that it still holds a place whose head was noted elsewhere.
 */

import { join } from 'node:path';
import { asLsn } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import { headText, type NotedHead, segmentName } from './log-cursor.ts';
import { findLog, type LogFiles } from './log-files.ts';
import { headerAt } from './log-glance.ts';
import { joinedAt } from './log-place.ts';
import { openLog } from './log-reader.ts';
import { LogScan, type LogVerdict } from './log-scan.ts';
import {
  type SegmentEnding,
  signatureError,
  signatureFault,
  signatureName,
  signedSegments,
} from './log-signatures.ts';
import { readHead } from './snapshot-reader.ts';

/** A head as somebody noted it; without its lsn it is searched for. */
export interface ExpectedHead {
  readonly lsn: number | undefined;
  /** Hex. */
  readonly chain: string;
}

export interface AuditOptions {
  /** Hex, 32 bytes. Undefined: signatures are counted and not checked. */
  readonly publicKey?: string | undefined;
  readonly expectHead?: ExpectedHead | undefined;
}

export interface LogAudit {
  readonly verdict: LogVerdict;
  /** To be noted elsewhere. */
  readonly head: NotedHead;
  /** Segments with a signature. */
  readonly signatures: number;
  /** Last record that a valid signature vouches for; undefined: none was checked. */
  readonly signedTo: number | undefined;
  /** Its last signature is that of a deliberate end: nothing is behind it. */
  readonly signedWhole: boolean;
  /** Record of the head that was expected. */
  readonly expectedAt: number | undefined;
  /** Record of the snapshot this copy joined by: its chain is its own from there on. */
  readonly joinedAt: number | undefined;
}

/** `4711:` and 64 hex digits, or those alone. Throws HV_E_USAGE. */
export function parseHead(text: string): ExpectedHead {
  const match = /^(?:(\d{1,15}):)?([0-9a-f]{64})$/.exec(text);
  if (match === null)
    throw new HvError(
      'HV_E_USAGE',
      `--expect-head cannot be '${text}': it takes a head as hv log verify prints it, such as 4711: and 64 hex digits`,
    );
  const [, lsn, chain = ''] = match;
  return { lsn: lsn === undefined ? undefined : Number(lsn), chain };
}

/** Reads all of a log. Throws HV_E_LOG_SIGNATURE, and what `openLog` and a scan of it throw. */
export function auditLog(path: string, options: AuditOptions = {}): LogAudit {
  // For what it refuses.
  openLog(path);
  const files = findLog(path);
  const { expectHead: expected } = options;
  let expectedAt: number | undefined;
  const scan = new LogScan(files);
  if (expected !== undefined)
    scan.onFrame = ({ lastLsn, chain }) => {
      const there = expected.lsn === undefined || expected.lsn === lastLsn;
      if (there && chain === expected.chain) expectedAt = lastLsn;
    };
  const steps = scan.run();
  while (steps.next().done !== true);
  const { verdict } = scan;
  if (verdict === undefined) throw new TypeError('a scan that ends has a verdict');
  const joined = joinedBehind(files);
  if (expected !== undefined && expectedAt === undefined)
    throw headError(path, expected, { verdict, files, joined });
  const segments = signedSegments(files.dir).filter((segment) => isSegmentOf(files, segment));
  const last = lastSigned(files, { segments, scan, verdict }, options.publicKey);
  return {
    verdict,
    head: scan.notedHead,
    signatures: segments.length,
    signedTo: last?.lastLsn,
    signedWhole: last?.final === true,
    expectedAt,
    joinedAt: joined,
  };
}

/** A log that is one file under another name, such as a quarantine, has none of the signatures beside it. */
function isSegmentOf(files: LogFiles, segment: number): boolean {
  return segment >= files.first && files.path(segment) === join(files.dir, segmentName(segment));
}

/** The snapshot that the log's first segment goes on from, where the primary's log had it in an earlier one. */
function joinedBehind(files: LogFiles): number | undefined {
  const first = files.beginning === undefined ? undefined : headerAt(files.path(files.first));
  if (first === undefined) return undefined;
  const head = readHead(files.dir, asLsn(first.firstLsn - 1));
  return 'type' in head || joinedAt(files, head.position) === undefined ? undefined : head.lsn;
}

/** Checks all signatures there are; the newest vouches for all before it. */
function lastSigned(
  files: LogFiles,
  log: {
    readonly segments: readonly number[];
    readonly scan: LogScan;
    readonly verdict: LogVerdict;
  },
  publicKey: string | undefined,
): SegmentEnding | undefined {
  if (publicKey === undefined) return undefined;
  const { endings } = log.scan;
  let last: SegmentEnding | undefined;
  for (const segment of log.segments) {
    const file = files.path(segment);
    last = endings.find((ending) => ending.segment === segment);
    if (last === undefined) {
      const there = segment < files.first + log.verdict.segments;
      const what = there ? 'has no seal any more' : 'is not there any more';
      throw signatureError(
        file,
        `the end of this segment was signed, and it ${what}: the end of the log was cut off`,
        { segment },
      );
    }
    const fault = signatureFault(files.dir, last, publicKey);
    if (fault !== undefined)
      throw signatureError(file, `its signature ${signatureName(segment)} does not fit: ${fault}`, {
        segment,
        lsn: last.lastLsn,
      });
  }
  if (last !== undefined) return last;
  throw signatureError(files.path(files.first), 'nothing of this log is signed', {
    lsn: log.verdict.lastLsn,
  });
}

/** Behind a join no head of the primary's log is found, although not a record differs. */
function ownChain({ beginning }: LogFiles, joined: number | undefined): string {
  if (joined !== undefined)
    return `. This copy joined by the snapshot at lsn ${joined} and has a hash chain of its own from there on: only heads that were noted of this copy are in it`;
  return beginning === undefined
    ? ''
    : '. Its first records are not here: if it joined by a snapshot once, only heads that were noted of this copy are in it';
}

function headError(
  path: string,
  expected: ExpectedHead,
  log: {
    readonly verdict: LogVerdict;
    readonly files: LogFiles;
    readonly joined: number | undefined;
  },
): HvError {
  const { verdict, files, joined } = log;
  const own = ownChain(files, joined);
  const { firstLsn, lastLsn } = verdict;
  const { lsn } = expected;
  const details = { expected: expected.chain, lsn, firstLsn, lastLsn, joinedAt: joined };
  if (lsn === undefined)
    return signatureError(path, `the head that was noted is none of this log${own}`, details);
  const noted = headText({ ...expected, lsn: lsn as NotedHead['lsn'] });
  if (lsn > lastLsn)
    return signatureError(
      path,
      `it ends with record ${lastLsn}, and the head ${noted.slice(0, 24)}… was noted at record ${lsn}: records ${lastLsn + 1} to ${lsn} were cut off`,
      details,
    );
  if (lsn < firstLsn - 1)
    return signatureError(
      path,
      `it begins with record ${firstLsn}: the place of the head that was noted, record ${lsn}, was forgotten (--keep)`,
      details,
    );
  return signatureError(
    path,
    `the records up to ${lsn} are not those of the head that was noted: ${joined === undefined ? 'something in them was written anew' : 'its chain there is another one'}${own}`,
    details,
  );
}
