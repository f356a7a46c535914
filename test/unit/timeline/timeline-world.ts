/** Timelines for tests: on golden logs, on tiny recorded runs, and what a straight replay says. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { Recorder, type RecorderOptions } from '../../../bench/recorder.ts';
import { LogIndex } from '../../../hypervisor/host/log-index.ts';
import { openLog } from '../../../hypervisor/host/log-reader.ts';
import { buildMachine, engineParts } from '../../../hypervisor/host/machine-factory.ts';
import { Inspector } from '../../../hypervisor/machine/inspector.ts';
import { recordedSources } from '../../../hypervisor/machine/local-machine.ts';
import type { Machine } from '../../../hypervisor/machine/machine.ts';
import { type Checkpoints, MemoryCheckpoints } from '../../../hypervisor/timeline/checkpoints.ts';
import { groupFrom, type TimelineLog } from '../../../hypervisor/timeline/log-groups.ts';
import { Timeline, type TimelineOptions } from '../../../hypervisor/timeline/timeline.ts';
import { asLsn, type LogRecord, type Lsn, sha256Hex } from '../../../log-format/index.ts';

export function goldenPath(name: string): string {
  return fileURLToPath(new URL(`../../golden/v1/${name}.hvlog`, import.meta.url));
}

export interface World {
  readonly index: LogIndex;
  readonly machine: () => Machine;
}

export function openGolden(name: string): World {
  const index = new LogIndex(openLog(goldenPath(name)));
  return { index, machine: () => buildMachine(index.header, index.blobs) };
}

/** A clock that ticks at every look: checkpoints come every few turns, the same in every run. */
export function countingClock(msPerLook: number): () => number {
  let ms = 0;
  return () => {
    ms += msPerLook;
    return ms;
  };
}

export function timelineOf(
  { index, machine }: World,
  options: Partial<TimelineOptions> & { readonly log?: TimelineLog; readonly bytes?: number } = {},
): Timeline {
  const { bytes = 64 * 1024 * 1024, ...rest } = options;
  const checkpoints: Checkpoints = new MemoryCheckpoints(bytes);
  return new Timeline({
    machine: machine(),
    log: index,
    startedAt: index.header.startedAt,
    checkpoints,
    now: countingClock(7),
    ...rest,
  });
}

/** Hash of memory and all figures by position, from one straight replay. */
export function straight({ index, machine }: World): Map<number, string> {
  const one = machine();
  const places = new Map<number, string>([[index.firstLsn - 1, place(one)]]);
  for (let first = index.firstLsn; ; ) {
    const group = groupFrom(index, first);
    if (group === undefined) return places;
    const sourceOf = recordedSources(group);
    for (const [at, record] of group.records.entries()) {
      const lsn = asLsn(first + at);
      if (record.type === 'interrupt') {
        one.turn(record, lsn, sourceOf(lsn));
        one.collect();
      }
      places.set(lsn, place(one));
    }
    first = asLsn(group.lastLsn + 1);
  }
}

function place(machine: Machine): string {
  return `${machine.ticks} ${machine.now} ${sha256Hex(machine.usedMemory())}`;
}

export function placeOf(timeline: Timeline): string {
  return `${timeline.ticks} ${timeline.time} ${sha256Hex(timeline.memory())}`;
}

export function inspectorOf({ index }: World): Inspector {
  const { header, blobs } = index;
  const { image, sourcemap: sourceMap } = blobs;
  return new Inspector({ parts: engineParts(), header, image, sourceMap });
}

export function lsn(value: number): Lsn {
  return asLsn(value);
}

/** Records a guest of this source in a fresh directory, and opens the log. */
export async function record(
  source: string,
  drive: (recorder: Recorder) => void,
  options: Partial<RecorderOptions> & { readonly seal?: boolean } = {},
): Promise<World & { readonly dir: string }> {
  const { seal = true, ...rest } = options;
  const scratch = mkdtempSync(join(tmpdir(), 'hv-timeline-'));
  onTestFinished(() => rmSync(scratch, { recursive: true, force: true }));
  const script = join(scratch, 'guest.js');
  const dir = join(scratch, 'log');
  writeFileSync(script, source);
  const recorder = await Recorder.start({ dir, script, ...rest });
  drive(recorder);
  await recorder.finish({ seal });
  const index = new LogIndex(openLog(dir));
  return { dir, index, machine: () => buildMachine(index.header, index.blobs) };
}

/** A log in which one record is another. */
export function forged(
  log: TimelineLog,
  at: number,
  change: (record: LogRecord) => LogRecord,
): TimelineLog {
  return {
    firstLsn: log.firstLsn,
    lastLsn: log.lastLsn,
    record: (lsn) => {
      const record = log.record(lsn);
      return record !== undefined && lsn === at ? change(record) : record;
    },
  };
}
