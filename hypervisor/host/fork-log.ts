/**
 * Writes the log of a fork: a new run that begins with a snapshot of another one. It has the layout of
 * a log that was trimmed, header and blobs in a file of their own, so that resuming and replaying it
 * are nothing special. Where no turn had run there is nothing to snapshot: the log begins as that of
 * any new run. The segment comes last: a directory without one is no log.
 */

import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  asEpoch,
  asLsn,
  blobNames,
  CHAIN_START,
  encodeBlob,
  encodeHeader,
  FORMAT_VERSION,
  type LogHeader,
  type Lsn,
  type Micros,
  sha256Hex,
  toHex,
} from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import type { Machine } from '../machine/machine.ts';
import { CheckpointStore } from './checkpoint-store.ts';
import { makeDirectory } from './directories.ts';
import { packBlob } from './log-blobs.ts';
import { LogCursor, segmentName } from './log-cursor.ts';
import { logWriteError } from './log-errors.ts';
import { BEGINNING_FILE } from './log-files.ts';
import type { LogBlobs } from './log-reader.ts';
import { joinBytes } from './log-stream.ts';
import { HV_VERSION } from './version.ts';
import { writeWhole } from './write-whole.ts';

/** Of the first segment: the one before it would hold what lies before the fork. */
const FIRST_SEGMENT = 2;

export interface ForkSource {
  /** Of the log that is forked. */
  readonly header: LogHeader;
  /** The fork's own. */
  readonly blobs: LogBlobs;
  /** Between two turns, collected and not halted. */
  readonly machine: Machine;
  readonly lsn: Lsn;
  /** Newest time in the log up to there. */
  readonly time: Micros;
}

/**
 * Makes `dir`, which must be locked and hold no log. Rejects with HV_E_DIRECTORY, HV_E_LOG_WRITE or
 * HV_E_CHECKPOINT_WRITE; what was written by then is removed.
 */
export async function writeFork(dir: string, name: string, source: ForkSource): Promise<LogHeader> {
  const header = forkHeader(name, source);
  makeDirectory(dir);
  // What an interrupted fork has left would be taken for a part of this one.
  removeParts(dir);
  try {
    const blobs = blobNames().map((blob) =>
      encodeBlob(
        packBlob({ name: blob, hash: sha256Hex(source.blobs[blob]), bytes: source.blobs[blob] }),
      ),
    );
    const beginning = joinBytes([encodeHeader(header), ...blobs]);
    if (source.machine.turns === 0) {
      await writeWhole(dir, segmentName(1), beginning);
      return header;
    }
    await writeWhole(dir, BEGINNING_FILE, beginning);
    const firstLsn = asLsn(source.lsn + 1);
    const segment = { ...header, segment: FIRST_SEGMENT, firstLsn };
    const cursor = LogCursor.before(dir, header, segment);
    const frame = cursor.next();
    await writeSnapshotAt(dir, header, source, cursor);
    await writeWhole(dir, segmentName(FIRST_SEGMENT), frame);
  } catch (error) {
    removeParts(dir);
    if (error instanceof HvError || !(error instanceof Error && 'code' in error)) throw error;
    throw logWriteError(dir, error);
  }
  return header;
}

function removeParts(dir: string): void {
  for (const file of readdirSync(dir))
    if (/^(?!quarantine-).*\.(hvlog|hvsnap|hvsig)(\.tmp)?$/.test(file))
      rmSync(join(dir, file), { force: true });
}

function forkHeader(name: string, { header, blobs }: ForkSource): LogHeader {
  return {
    ...header,
    formatVersion: FORMAT_VERSION,
    hvVersion: HV_VERSION,
    vm: `${name}-${toHex(randomBytes(4))}`,
    name,
    imageHash: sha256Hex(blobs.image),
    sourceMapHash: sha256Hex(blobs.sourcemap),
    segment: 1,
    firstLsn: asLsn(1),
    chain: CHAIN_START,
  };
}

function writeSnapshotAt(
  dir: string,
  owner: LogHeader,
  { machine, time }: ForkSource,
  cursor: LogCursor,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const store = new CheckpointStore({
      dir,
      owner,
      onTaken: () => resolve(),
      onError: (error: HvError) => reject(error),
    });
    store.take(machine, {
      position: cursor.position(dir),
      time,
      view: { epoch: asEpoch(0), primary: '', backups: [] },
      // There is no log that could be behind.
      logDurable: (done) => done(),
    });
  });
}
