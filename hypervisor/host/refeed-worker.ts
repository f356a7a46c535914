/**
 * Worker of `hv replay --script`: two machines side by side, the recorded guest and the changed one,
 * fed from one log. Runs in a worker for its stack (threads.ts).
 */

import { parentPort, workerData } from 'node:worker_threads';
import { sha256Hex } from '../../log-format/index.ts';
import { HvError, type HvErrorCode } from '../base/errors.ts';
import { LocalMachine } from '../machine/local-machine.ts';
import { divergenceReport } from '../timeline/divergence.ts';
import { countConnects, Refeed, type RefeedReport } from '../timeline/refeed.ts';
import { maskPattern } from '../timeline/text-mask.ts';
import { type LogVerdict, type OpenedLog, openLog } from './log-reader.ts';
import { buildMachine } from './machine-factory.ts';

export interface RefeedRequest {
  readonly path: string;
  /** The changed guest, bundled. */
  readonly image: Uint8Array;
  readonly sourceMap: Uint8Array;
  /** Regular expressions for text that does not count. */
  readonly ignore: readonly string[];
  readonly turnTicksMax: number;
}

export type RefeedAnswer =
  | {
      readonly type: 'done';
      readonly report: RefeedReport;
      readonly verdict: LogVerdict;
      /** The image is the recorded one, byte for byte. */
      readonly sameScript: boolean;
      readonly startedAt: number;
      readonly seconds: number;
    }
  | { readonly type: 'diverged'; readonly text: string; readonly lsn: number }
  | {
      readonly type: 'failed';
      readonly code: HvErrorCode;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    };

/** One pass over the log without a machine: also finds damage before anything is compared. */
function connectsIn(log: OpenedLog): { connects: number; verdict: LogVerdict } {
  const batches = log.batches();
  for (let connects = 0; ; ) {
    const next = batches.next();
    if (next.done) return { connects, verdict: next.value };
    connects = Math.max(connects, countConnects(next.value.batch));
  }
}

/** The state a checkpoint holds is that of the recorded code; other code cannot be put into it. */
function refuseTrimmed({ path, firstLsn }: OpenedLog): void {
  if (firstLsn === 1) return;
  throw new HvError(
    'HV_E_USAGE',
    `${path} begins with record ${firstLsn}: another script can only be fed a log that has its beginning`,
    { details: { firstLsn } },
  );
}

function refeed(request: RefeedRequest): RefeedAnswer {
  const began = performance.now();
  const log = openLog(request.path);
  refuseTrimmed(log);
  const { connects, verdict } = connectsIn(log);
  const { header, blobs } = log;
  const recorded = new LocalMachine(buildMachine(header, blobs), {
    wall: () => header.startedAt,
    stopRequested: () => undefined,
  });
  const { image, sourceMap: sourcemap } = request;
  const run = new Refeed({
    recorded,
    replayed: buildMachine(header, { firmware: blobs.firmware, image, sourcemap }),
    startedAt: header.startedAt,
    connectsInLog: connects,
    ignore: maskPattern(request.ignore),
    turnTicksMax: request.turnTicksMax,
  });
  for (const { batch } of log.batches()) if (!run.push(batch)) break;
  const report = run.finish();
  const { divergence } = run;
  if (divergence !== undefined)
    return { type: 'diverged', text: divergenceReport(divergence), lsn: divergence.lsn };
  return {
    type: 'done',
    report,
    verdict,
    sameScript: sha256Hex(image) === header.imageHash,
    startedAt: header.startedAt,
    seconds: (performance.now() - began) / 1000,
  };
}

function answer(): RefeedAnswer {
  try {
    return refeed(workerData as RefeedRequest);
  } catch (error) {
    if (!(error instanceof HvError)) throw error;
    const { code, message, details } = error;
    return { type: 'failed', code, message, details };
  }
}

parentPort?.postMessage(answer());
