/**
 * Worker of `hv log export`: reads a log, re-executes it, and writes what both say in the format
 * asked for. Everything happens on this one thread, so that a slow disk or pipe slows the replay and
 * nothing piles up. A worker for its stack (threads.ts).
 */

import { parentPort, workerData } from 'node:worker_threads';
import { HvError, type HvErrorCode } from '../base/errors.ts';
import { LocalMachine } from '../machine/local-machine.ts';
import { divergenceReport } from '../timeline/divergence.ts';
import { type ExportFormat, encoderFor } from '../timeline/export/encoders.ts';
import type { ExportEncoder } from '../timeline/export/events.ts';
import { ExportFeed, type ReplayedTurn, type ReplaySource } from '../timeline/export/feed.ts';
import { Replayer } from '../timeline/replayer.ts';
import { FdSink, ReaderGone } from './fd-sink.ts';
import type { LogPosition } from './log-cursor.ts';
import { type LogVerdict, type OpenedLog, openLog } from './log-reader.ts';
import { startAtOldest } from './replay-start.ts';

export interface ExportRequest {
  readonly path: string;
  readonly format: ExportFormat;
  /** Open for writing; stays open. */
  readonly fd: number;
  /** Where `fd` leads, for messages. */
  readonly target: string;
  readonly from: number;
  readonly to: number;
  /** Replay the log for its outputs. */
  readonly outputs: boolean;
  readonly stderr: boolean;
}

export type ExportAnswer =
  | { readonly type: 'progress'; readonly lsn: number; readonly bytes: number }
  | {
      readonly type: 'done';
      readonly lastLsn: number;
      /** Undefined: the range ended before the log. */
      readonly verdict: LogVerdict | undefined;
      readonly unverifiedTurns: number;
    }
  | { readonly type: 'readerGone' }
  | {
      readonly type: 'failed';
      readonly code: HvErrorCode;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
      /** The export is whole up to where the log could be used, and says that it ends there. */
      readonly written: boolean;
    };

const PROGRESS_MS = 200;

function replayOf(log: OpenedLog): ReplaySource & { readonly position: LogPosition | undefined } {
  const { machine, position } = startAtOldest(log, {});
  const world = {
    wall: () => log.header.startedAt,
    stopRequested: () => undefined,
    turnTicksMax: Number.POSITIVE_INFINITY,
  };
  let turns: ReplayedTurn[] = [];
  let ticks: number = machine.ticks;
  const port = new LocalMachine(machine, world, (lsn, { outputs }) => {
    turns.push({ lsn, outputs, ticks: machine.ticks - ticks, endedAt: machine.now });
    ticks = machine.ticks;
  });
  return {
    position,
    replayer: new Replayer(port, log.header.startedAt, () => undefined),
    takeTurns: () => {
      const taken = turns;
      turns = [];
      return taken;
    },
  };
}

/** Everything up to the end of the log or the range. Throws at damage, and at a divergence. */
function feedAll(
  log: OpenedLog,
  feed: ExportFeed,
  from: LogPosition | undefined,
): Extract<ExportAnswer, { type: 'done' }> {
  const batches = log.batches(from);
  let bytes = log.beginningBytes;
  let reported = performance.now();
  for (;;) {
    const next = batches.next();
    if (next.done) {
      const unverifiedTurns = feed.finish()?.unverifiedTurns ?? 0;
      return { type: 'done', lastLsn: feed.lastLsn, verdict: next.value, unverifiedTurns };
    }
    bytes += next.value.frameBytes;
    const wanted = feed.push(next.value.batch, bytes);
    if (!wanted) {
      const divergence = feed.finish()?.divergence;
      if (divergence !== undefined)
        throw new HvError('HV_E_DIVERGED', divergenceReport(divergence), {
          details: { lsn: divergence.lsn },
        });
      return { type: 'done', lastLsn: feed.lastLsn, verdict: undefined, unverifiedTurns: 0 };
    }
    if (performance.now() - reported < PROGRESS_MS) continue;
    reported = performance.now();
    parentPort?.postMessage({ type: 'progress', lsn: next.value.batch.firstLsn, bytes });
  }
}

function failure(error: unknown, written: boolean): ExportAnswer {
  if (error instanceof ReaderGone) return { type: 'readerGone' };
  if (!(error instanceof HvError)) throw error;
  const { code, message, details } = error;
  return { type: 'failed', code, message, details, written };
}

/** What was intact is written all the same, and says that it is not all. */
function endEarly(error: HvError, feed: ExportFeed, encoder: ExportEncoder): void {
  feed.abandon();
  encoder.end({ lsn: feed.lastLsn, code: error.code });
}

function run(request: ExportRequest): ExportAnswer {
  const { path, format, fd, target, from, to, stderr } = request;
  const log = openLog(path);
  const { header } = log;
  const replay = request.outputs ? replayOf(log) : undefined;
  const out = new FdSink(fd, target);
  const encoder = encoderFor(format, { header, sink: (chunk) => out.write(chunk), stderr });
  const feed = new ExportFeed({ encoder, startedAt: header.startedAt, from, to, replay });
  try {
    const done = feedAll(log, feed, replay?.position);
    encoder.end();
    out.flush();
    return done;
  } catch (error) {
    const ofLog = error instanceof HvError && error.code !== 'HV_E_EXPORT_WRITE';
    if (!ofLog) return failure(error, false);
    endEarly(error, feed, encoder);
    out.flush();
    return failure(error, true);
  }
}

function answer(): ExportAnswer {
  try {
    return run(workerData as ExportRequest);
  } catch (error) {
    return failure(error, false);
  }
}

parentPort?.postMessage(answer());
