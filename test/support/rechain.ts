/** Snapshots of a log that a test has altered on purpose. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { segmentName } from '../../hypervisor/host/log-cursor.ts';
import {
  Chain,
  decodeHeader,
  decodeSnapshotEnd,
  decodeSnapshotHead,
  encodeSnapshotEnd,
  encodeSnapshotHead,
  FRAME,
  FrameReader,
  type FrameType,
  type Lsn,
  SNAPSHOT_FRAME,
  type SnapshotFrameType,
  snapshotName,
} from '../../log-format/index.ts';

interface Piece<T> {
  readonly type: T;
  readonly payload: Uint8Array;
  readonly bytes: Uint8Array;
  readonly end: number;
}

/** Makes the complete snapshot at `lsn` one of the log as it is now: of its hash chain at that place. */
export function rechain(dir: string, lsn: Lsn): void {
  const path = join(dir, snapshotName(lsn));
  const snapshot = framesOf<SnapshotFrameType>(path, Object.values(SNAPSHOT_FRAME));
  const first = snapshot[0];
  const last = snapshot.at(-1);
  if (first === undefined || last === undefined) throw new Error(`${path} is empty`);
  const head = decodeSnapshotHead(first.payload);
  const position = { ...head.position, chain: chainAt(dir, head.position) };
  const frames = [
    encodeSnapshotHead({ ...head, position }),
    ...snapshot.slice(1, -1).map(({ bytes }) => bytes),
  ];
  const chain = new Chain();
  for (const frame of frames) chain.update(frame);
  const end = encodeSnapshotEnd({ ...decodeSnapshotEnd(last.payload), chain: chain.head });
  writeFileSync(path, Buffer.concat([...frames, end]));
}

function chainAt(
  dir: string,
  place: { readonly segment: number; readonly offset: number },
): string {
  const frames = framesOf<FrameType>(join(dir, segmentName(place.segment)), Object.values(FRAME));
  const header = frames[0];
  if (header === undefined) throw new Error('a segment without a header');
  const chain = new Chain(decodeHeader(header.payload).chain);
  for (const { bytes, end } of frames) if (end <= place.offset) chain.update(bytes);
  return chain.head;
}

function framesOf<T extends FrameType | SnapshotFrameType>(
  path: string,
  types: readonly T[],
): readonly Piece<T>[] {
  const reader = new FrameReader<T>(Number.MAX_SAFE_INTEGER, { types });
  reader.push(readFileSync(path));
  const frames: Piece<T>[] = [];
  for (;;) {
    const result = reader.next();
    if (result.type !== 'frame') return frames;
    frames.push({ ...result.frame, end: reader.offset });
  }
}
