/** `hv log verify`: reads all of a log and says what it is worth, and what vouches for it. */

import { statSync } from 'node:fs';
import { HvError } from '../base/errors.ts';
import { auditLog, type LogAudit, parseHead } from '../host/log-audit.ts';
import { headText } from '../host/log-cursor.ts';
import { lockHolder } from '../host/log-lock.ts';
import type { LogVerdict } from '../host/log-reader.ts';
import { readPublicKey } from '../host/sign-keys.ts';
import { counted } from '../timeline/record-words.ts';
import { warnOfWideModes } from './mode-warning.ts';
import { data } from './print.ts';

export interface VerifyOptions {
  readonly json: boolean;
  /** File with the public key of the host that recorded. */
  readonly publicKey?: string | undefined;
  /** As an earlier verify, or a run at its end, has printed it. */
  readonly expectHead?: string | undefined;
}

/**
 * Throws HV_E_LOG_DAMAGED with the exact place, or HV_E_LOG_SIGNATURE; with `json` the place is printed as
 * data, too.
 */
export function verifyLogAt(path: string, options: VerifyOptions): void {
  const { publicKey, expectHead } = options;
  const wanted = {
    publicKey: publicKey === undefined ? undefined : readPublicKey(publicKey),
    expectHead: expectHead === undefined ? undefined : parseHead(expectHead),
  };
  let audit: LogAudit;
  try {
    audit = auditLog(path, wanted);
  } catch (error) {
    if (options.json && error instanceof HvError) {
      const { code, message, details } = error;
      data(JSON.stringify({ intact: false, code, message, ...details }));
    }
    throw error;
  }
  if (statSync(path).isDirectory()) warnOfWideModes(path);
  const writer = lockHolder(path);
  if (options.json) {
    data(JSON.stringify(jsonOf(audit, writer)));
    return;
  }
  data(`${path}: ${verdictText(audit.verdict, writer)}`);
  for (const line of vouchedLines(audit)) data(line);
}

function jsonOf(audit: LogAudit, writer: number | undefined): object {
  const { verdict, head, signatures, signedTo, signedWhole, expectedAt, joinedAt } = audit;
  const { end: _end, ...facts } = verdict;
  const signed = signedTo === undefined ? {} : { signedTo, ...unsignedFrom(audit), signedWhole };
  return {
    intact: true,
    ...facts,
    head: headText(head),
    signatures,
    ...signed,
    ...(expectedAt === undefined ? {} : { expectedHeadAt: expectedAt }),
    ...(joinedAt === undefined ? {} : { joinedAt }),
    ...(writer === undefined ? {} : { writer }),
  };
}

/** Behind the last signature; nothing where the log ends with it. */
function unsignedFrom({ signedTo, signedWhole }: LogAudit): { readonly unsignedFrom?: number } {
  return signedWhole || signedTo === undefined ? {} : { unsignedFrom: signedTo + 1 };
}

function vouchedLines(audit: LogAudit): string[] {
  const { head, signatures, signedTo, signedWhole, expectedAt, joinedAt } = audit;
  const lines: string[] = [];
  if (signedTo !== undefined)
    lines.push(
      signedWhole
        ? `signed: all of it, up to lsn ${signedTo} and its end (${counted(signatures, 'signature')})`
        : `signed up to lsn ${signedTo} (${counted(signatures, 'signature')}), not yet signed from lsn ${signedTo + 1}`,
    );
  else if (signatures > 0)
    lines.push(`${counted(signatures, 'signature')} not checked: pass --public-key`);
  if (expectedAt !== undefined) lines.push(`holds the head that was noted, at lsn ${expectedAt}`);
  if (joinedAt !== undefined)
    lines.push(
      `joined by the snapshot at lsn ${joinedAt}: from there on its chain is its own, and its heads are not those of the primary's log`,
    );
  lines.push(`head ${headText(head)}`);
  return lines;
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
