/**
 * Signatures of a log: where a segment is sealed, the head of its hash chain is signed, in a file beside it.
 * The head covers every byte from the log's beginning, so one valid signature vouches for all before it.
 * Who knows no signatures ignores the files, and the log without them is the same log.
 */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { HvError } from '../base/errors.ts';
import { KEY_FILE_BYTES_MAX } from '../base/limits.ts';
import type { Disk } from './disk.ts';
import { isSignature, type SignKey, signText } from './sign-keys.ts';
import { writeWhole } from './write-whole.ts';

/** What is signed of a segment that ended. */
export interface SegmentEnding {
  readonly vm: string;
  readonly segment: number;
  /** Of its last record. */
  readonly lastLsn: number;
  /** Hex: head of the hash chain behind its seal. */
  readonly head: string;
  /** The log ends here on purpose. */
  readonly final: boolean;
}

const SUFFIX = '.hvsig';
const FIRST_LINE = 'hv log signature 1';

export function signatureName(segment: number): string {
  return `${String(segment).padStart(6, '0')}${SUFFIX}`;
}

/** Segments with a signature in `dir`, ascending. */
export function signedSegments(dir: string, disk?: Disk): readonly number[] {
  const numbers = (disk?.list(dir) ?? readdirSync(dir)).flatMap((name) => {
    const match = /^(\d{6,})\.hvsig$/.exec(name);
    return match?.[1] === undefined ? [] : [Number(match[1])];
  });
  return numbers.sort((one, two) => one - two);
}

/** The text that is signed: five lines, so that any tool can verify it. */
function statementOf({ vm, segment, lastLsn, head, final }: SegmentEnding): string {
  const lines = [`vm ${vm}`, `segment ${segment}`, `lsn ${lastLsn}`, `head ${head}`];
  return `${[FIRST_LINE, ...lines, `final ${final ? 'yes' : 'no'}`].join('\n')}\n`;
}

/** Rejects with the disk's error. The file is on disk then, whole, in the place of an older one. */
export async function writeSignature(
  dir: string,
  { ending, key }: { readonly ending: SegmentEnding; readonly key: SignKey },
  disk: Disk,
): Promise<void> {
  const statement = statementOf(ending);
  const text = `${statement}key ${key.publicKey}\nsignature ${signText(statement, key)}\n`;
  const name = signatureName(ending.segment);
  // What a process that died here has left.
  if (disk.list(dir).includes(`${name}.tmp`)) await disk.unlink(join(dir, `${name}.tmp`));
  await writeWhole(dir, name, new TextEncoder().encode(text), disk);
}

/**
 * Why the signature beside the segment that ended so is none of it; undefined: it is valid, and by
 * `publicKey` (hex). For people.
 */
export function signatureFault(
  dir: string,
  ending: SegmentEnding,
  publicKey: string,
): string | undefined {
  const text = readSignature(join(dir, signatureName(ending.segment)));
  const match = /^((?:.*\n){6})key ([0-9a-f]{64})\nsignature ([0-9a-f]{128})\n$/.exec(text);
  const [, statement = '', key = '', signature = ''] = match ?? [];
  if (match === null || !statement.startsWith(`${FIRST_LINE}\n`))
    return 'it is no signature that this hv knows';
  if (key !== publicKey) return `it is by another key, ${key.slice(0, 16)}…`;
  if (!isSignature(statement, publicKey, signature)) return 'it is not valid: it was changed';
  return statement === statementOf(ending) ? undefined : differenceOf(statement, ending);
}

/** Both are valid texts: the first line that differs says what happened to the log. */
function differenceOf(statement: string, ending: SegmentEnding): string {
  const signed = statement.split('\n');
  const found = statementOf(ending).split('\n');
  const at = signed.findIndex((line, index) => line !== found[index]);
  return `'${signed[at]}' was signed, and the log says '${found[at]}'`;
}

function readSignature(path: string): string {
  return statSync(path).size > KEY_FILE_BYTES_MAX ? '' : readFileSync(path, 'utf8');
}

export function hasSignature(dir: string, segment: number): boolean {
  return existsSync(join(dir, signatureName(segment)));
}

/**
 * Removes the signatures of `segments`, for good, before the log changes there: a signature that does not
 * fit would look like a forgery. Rejects with the disk's error.
 */
export async function removeSignatures(
  dir: string,
  which: (segment: number) => boolean,
  disk: Disk,
): Promise<void> {
  const gone = signedSegments(dir, disk).filter(which);
  for (const segment of gone) await disk.unlink(join(dir, signatureName(segment)));
  if (gone.length > 0) await disk.syncDirectory(dir);
}

export function signatureError(
  file: string,
  text: string,
  details: Record<string, unknown>,
): HvError {
  return new HvError('HV_E_LOG_SIGNATURE', `${file}: ${text}`, { details: { file, ...details } });
}
