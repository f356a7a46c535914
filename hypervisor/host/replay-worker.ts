/**
 * Worker of `hv replay`: re-executes a log from its start, writes the guest's console as it goes and
 * reports at the end. Runs in a worker for its stack (threads.ts).
 */

import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { asLsn, sha256Hex } from '../../log-format/index.ts';
import { HvError, type HvErrorCode } from '../base/errors.ts';
import { LocalMachine } from '../machine/local-machine.ts';
import type { HeldOutput } from '../ports.ts';
import { divergenceReport } from '../timeline/divergence.ts';
import { Replayer, type ReplayReport } from '../timeline/replayer.ts';
import { type LogVerdict, openLog } from './log-reader.ts';
import { startAtNewest, startAtOldest } from './replay-start.ts';

export interface ReplayRequest {
  readonly path: string;
  /** Print the guest's console while replaying. */
  readonly console: boolean;
  /** Begin with the newest checkpoint at or before this lsn. */
  readonly from?: number;
  /**
   * The hash is of all the memory the guest may use, as of goldens of machine versions 1 to 3: most of
   * it zeros that nobody ever touched, and longer to hash than a short log is to replay.
   */
  readonly untouchedToo?: boolean;
}

export type ReplayAnswer =
  | {
      readonly type: 'done';
      readonly report: Omit<ReplayReport, 'divergence'>;
      /** Lsn of the checkpoint the replay began with; 0: from the log's beginning. */
      readonly from: number;
      readonly verdict: LogVerdict;
      /** Hex SHA-256 of the memory the guest has used, at the end: equal for equal histories. */
      readonly memoryHash: string;
      readonly seconds: number;
    }
  | { readonly type: 'diverged'; readonly text: string; readonly lsn: number }
  | {
      readonly type: 'failed';
      readonly code: HvErrorCode;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    };

function writeConsole({ output }: HeldOutput): void {
  if (output.device !== 'console') return;
  let rest = output.bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(output.fd, rest));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
    }
  }
}

function replay(request: ReplayRequest): ReplayAnswer {
  const startedAt = performance.now();
  const log = openLog(request.path);
  let memory: Uint8Array = new Uint8Array();
  const hooks = {
    onMemory: (bytes: Uint8Array): void => {
      memory = bytes;
    },
  };
  const start =
    request.from === undefined
      ? startAtOldest(log, hooks)
      : startAtNewest(log, hooks, asLsn(request.from));
  const { machine } = start;
  const port = new LocalMachine(machine, {
    wall: () => log.header.startedAt,
    stopRequested: () => undefined,
  });
  const onOutput = request.console ? writeConsole : () => undefined;
  const replayer = new Replayer(port, log.header.startedAt, onOutput);
  const batches = log.batches(start.position);
  for (;;) {
    const next = batches.next();
    if (next.done) {
      const { divergence, ...report } = replayer.finish();
      if (divergence !== undefined) break;
      refuseBeyond(request.from, next.value.lastLsn);
      return {
        type: 'done',
        report,
        from: start.lsn,
        verdict: next.value,
        memoryHash: sha256Hex(request.untouchedToo === true ? memory : machine.usedMemory()),
        seconds: (performance.now() - startedAt) / 1000,
      };
    }
    if (!replayer.push(next.value.batch)) break;
  }
  const { divergence } = replayer.finish();
  if (divergence === undefined) throw new Error('a replay ended early without a divergence');
  return { type: 'diverged', text: divergenceReport(divergence), lsn: divergence.lsn };
}

function refuseBeyond(from: number | undefined, lastLsn: number): void {
  if (from === undefined || from <= lastLsn) return;
  throw new HvError('HV_E_USAGE', `lsn ${from} is out of range: the last record is ${lastLsn}`);
}

function answer(): ReplayAnswer {
  try {
    return replay(workerData as ReplayRequest);
  } catch (error) {
    if (!(error instanceof HvError)) throw error;
    const { code, message, details } = error;
    return { type: 'failed', code, message, details };
  }
}

parentPort?.postMessage(answer());
