/**
 * Worker of `hv fork`: brings a machine to a place of a recorded run and writes it down as the
 * beginning of a new one. With another script it cannot start from a snapshot, whose memory holds the
 * old code: there the new code is fed the recorded inputs up to that place, as `hv replay --script`
 * does, and what it becomes is the beginning.
 */

import { parentPort, workerData } from 'node:worker_threads';
import {
  asLsn,
  asMicros,
  type Batch,
  type BootConfig,
  INTERRUPT,
  type Lsn,
} from '../../log-format/index.ts';
import { HvError, type HvErrorCode } from '../base/errors.ts';
import { LocalMachine } from '../machine/local-machine.ts';
import type { Machine } from '../machine/machine.ts';
import { divergenceReport } from '../timeline/divergence.ts';
import { turnAfter } from '../timeline/log-groups.ts';
import { countConnects, Refeed, type RefeedReport } from '../timeline/refeed.ts';
import { maskPattern } from '../timeline/text-mask.ts';
import { type ForkSource, writeFork } from './fork-log.ts';
import type { Target } from './inspect-words.ts';
import { rotateAside } from './log-lock.ts';
import { openLog } from './log-reader.ts';
import { buildMachine } from './machine-factory.ts';
import { lsnOfTarget, type OpenedTimeline, openTimeline } from './open-timeline.ts';

export interface ForkRequest {
  readonly path: string;
  readonly target: Exclude<Target, { type: 'tick' }>;
  /** Locked. A log in it is moved aside, as a new run would do, once all else has gone well. */
  readonly dir: string;
  readonly name: string;
  /** Another guest to go on with. */
  readonly script:
    | { readonly image: Uint8Array; readonly sourceMap: Uint8Array; readonly turnTicksMax: number }
    | undefined;
}

export type ForkAnswer =
  | {
      readonly type: 'done';
      readonly vm: string;
      readonly lsn: number;
      /** Microseconds since the start of the log that was forked. */
      readonly micros: number;
      /** Of the recorded guest, when the place lies before its boot: the fork boots with them. */
      readonly args: readonly string[] | undefined;
      /** Of a fork with another script. */
      readonly report: RefeedReport | undefined;
    }
  | {
      readonly type: 'failed';
      readonly code: HvErrorCode;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    };

async function fork(request: ForkRequest): Promise<ForkAnswer> {
  const opened = openTimeline({ path: request.path, shouldStop: () => false });
  const lsn = lsnOfTarget(request.target, opened);
  const { source, report } =
    request.script === undefined
      ? { source: standing(opened, lsn, request.path), report: undefined }
      : fed(request, request.script, opened, lsn);
  refuseEnded(source.machine, lsn, request.path);
  const args = source.machine.turns === 0 ? bootArgs(opened.index) : undefined;
  rotateAside(request.dir);
  const header = await writeFork(request.dir, request.name, source);
  const micros = source.time - source.header.startedAt;
  return { type: 'done', vm: header.vm, lsn, micros, args, report };
}

/** The recorded guest itself, at `lsn`. */
function standing(
  { timeline, machine, index }: OpenedTimeline,
  lsn: Lsn,
  path: string,
): ForkSource {
  if (timeline.goto(lsn) === 'diverged' && timeline.divergence !== undefined)
    throw new HvError(
      'HV_E_DIVERGED',
      `the replay of ${path} differs before lsn ${lsn}: ${divergenceReport(timeline.divergence)}`,
    );
  const time = asMicros(Math.ceil(timeline.time));
  const { header, blobs } = index;
  return { header, blobs, machine, lsn, time };
}

/** The other guest, after the inputs up to `lsn`. */
function fed(
  { path }: ForkRequest,
  script: NonNullable<ForkRequest['script']>,
  { index }: OpenedTimeline,
  lsn: Lsn,
): { readonly source: ForkSource; readonly report: RefeedReport } {
  const log = openLog(path);
  const { header } = log;
  if (log.firstLsn > 1)
    throw new HvError(
      'HV_E_USAGE',
      `${path} begins with the checkpoint at lsn ${log.firstLsn - 1}: its memory holds the recorded code, whose functions cannot be replaced; another script needs a log that has its beginning`,
      { details: { firstLsn: log.firstLsn } },
    );
  const blobs = { ...log.blobs, image: script.image, sourcemap: script.sourceMap };
  const machine = buildMachine(header, blobs);
  const batches = [...batchesUpTo(log.batches(), lsn)];
  const run = new Refeed({
    recorded: new LocalMachine(buildMachine(header, log.blobs), {
      wall: () => header.startedAt,
      stopRequested: () => undefined,
    }),
    replayed: machine,
    startedAt: header.startedAt,
    connectsInLog: Math.max(0, ...batches.map(countConnects)),
    ignore: maskPattern([]),
    turnTicksMax: script.turnTicksMax,
  });
  for (const batch of batches) if (!run.push(batch)) break;
  const report = run.finish();
  if (run.divergence !== undefined)
    throw new HvError('HV_E_DIVERGED', divergenceReport(run.divergence), { details: { lsn } });
  const recordTime = timeOf(index, lsn);
  const time = asMicros(Math.max(Math.ceil(machine.now), recordTime));
  return { source: { header, blobs, machine, lsn, time }, report };
}

function* batchesUpTo(
  batches: Iterable<{ readonly batch: Batch }>,
  lsn: Lsn,
): Generator<Batch, void, undefined> {
  for (const { batch } of batches) {
    if (batch.firstLsn > lsn) return;
    const records = batch.records.slice(0, lsn - batch.firstLsn + 1);
    yield { ...batch, records };
  }
}

function timeOf(index: OpenedTimeline['index'], lsn: Lsn): number {
  for (let at = lsn as number; at >= 1; at--) {
    const record = index.record(asLsn(at));
    if (record !== undefined && 'time' in record) return record.time;
  }
  return index.header.startedAt;
}

/** What the recorded guest was started with, behind its script. */
function bootArgs(index: OpenedTimeline['index']): readonly string[] {
  const boot = turnAfter(index, asLsn(0), ({ record }) => record.kind === INTERRUPT.boot);
  if (boot?.record.payload === undefined) return [];
  const { argv } = JSON.parse(new TextDecoder().decode(boot.record.payload)) as BootConfig;
  return argv.slice(2);
}

function refuseEnded({ halted }: Machine, lsn: Lsn, path: string): void {
  if (halted === undefined) return;
  throw new HvError(
    'HV_E_GUEST_ENDED',
    `at lsn ${lsn} of ${path} the guest has ended with status ${halted.code} (${halted.reason}): there is nothing to go on with`,
    { details: { lsn, ...halted } },
  );
}

async function answer(): Promise<ForkAnswer> {
  try {
    return await fork(workerData as ForkRequest);
  } catch (error) {
    if (!(error instanceof HvError)) throw error;
    const { code, message, details } = error;
    return { type: 'failed', code, message, details };
  }
}

void answer().then((found) => parentPort?.postMessage(found));
