/**
 * What `hv log verify` proves beyond the log's own checksums, which anybody can compute anew: that it is
 * what the key of its host has signed, and that it still holds a place whose head was noted elsewhere.
 */

import { HvError } from '../base/errors.ts';
import { headText, type NotedHead } from './log-cursor.ts';
import { findLog, type LogFiles } from './log-files.ts';
import { openLog } from './log-reader.ts';
import { LogScan, type LogVerdict } from './log-scan.ts';
import {
  type SegmentEnding,
  signatureError,
  signatureFault,
  signatureName,
  signedSegments,
} from './log-signatures.ts';

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
  if (expected !== undefined && expectedAt === undefined) throw headError(path, expected, verdict);
  const segments = signedSegments(files.dir).filter((segment) => segment >= files.first);
  const last = lastSigned(files, { segments, scan, verdict }, options.publicKey);
  return {
    verdict,
    head: scan.notedHead,
    signatures: segments.length,
    signedTo: last?.lastLsn,
    signedWhole: last?.final === true,
    expectedAt,
  };
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

function headError(path: string, expected: ExpectedHead, verdict: LogVerdict): HvError {
  const { firstLsn, lastLsn } = verdict;
  const { lsn } = expected;
  const details = { expected: expected.chain, lsn, firstLsn, lastLsn };
  if (lsn === undefined)
    return signatureError(path, 'the head that was noted is none of this log', details);
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
    `the records up to ${lsn} are not those of the head that was noted: something in them was written anew`,
    details,
  );
}
