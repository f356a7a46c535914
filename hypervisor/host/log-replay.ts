/**
 * Replays batches of a log on disk behind the place where a machine stands, group by group and checked as
 * ever: for a run that goes on from its own log, and for a backup that does from its copy.
 */

import {
  asLsn,
  type Batch,
  type LogHeader,
  type Lsn,
  type Micros,
} from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import { LocalMachine } from '../machine/local-machine.ts';
import type { MachineDivergence, ReplayGroup, TurnsResult } from '../ports.ts';
import type { View } from '../protocol/messages.ts';
import { divergenceReport } from '../replica/divergence-report.ts';
import { GroupSplitter, lastLsnOf } from '../replica/group-splitter.ts';
import type { LogEnd } from '../replica/released-mark.ts';
import type { ReplayStart } from './replay-start.ts';

export interface LogReplayHooks {
  /** What each group produced. */
  readonly onGroup?: (result: TurnsResult) => void;
  /** The machine begins the turn of this lsn; 0: it has nothing to do. */
  readonly busy?: (lsn: number) => void;
}

export class LogReplay {
  readonly #dir: string;
  readonly #port: LocalMachine;
  readonly #splitter: GroupSplitter;
  readonly #hooks: LogReplayHooks;
  #lsnReplayed: Lsn;

  constructor(dir: string, header: LogHeader, start: ReplayStart, hooks: LogReplayHooks = {}) {
    const { busy } = hooks;
    this.#dir = dir;
    this.#hooks = hooks;
    this.#lsnReplayed = start.lsn;
    const { view, time } = start;
    this.#splitter = new GroupSplitter({ tail: undefined, timeLast: time, view });
    this.#port = new LocalMachine(start.machine, {
      wall: () => header.startedAt,
      stopRequested: () => undefined,
      ...(busy === undefined ? {} : { busy }),
    });
  }

  /** Of the last group that is complete. */
  get lsnReplayed(): Lsn {
    return this.#lsnReplayed;
  }

  /** The group whose end has not come. */
  get tail(): ReplayGroup | undefined {
    return this.#splitter.tail();
  }

  /** Newest time so far. */
  get timeLast(): Micros {
    return this.#splitter.timeLast;
  }

  /** In force here; undefined: none yet. */
  get view(): View | undefined {
    const record = this.#splitter.view;
    if (record === undefined) return undefined;
    const { epoch, primary, backups } = record;
    return { epoch, primary, backups };
  }

  /** How the log ends here, for who has to know what has left. */
  get end(): LogEnd {
    const { reignSince } = this.#splitter;
    return { view: this.view, reignSince, lsnReplayed: this.#lsnReplayed };
  }

  /** The next batch. Throws HV_E_DIVERGED. */
  take(batch: Batch): void {
    for (const group of this.#splitter.push(batch))
      this.#port.replay(group, (result, divergence) => {
        if (divergence !== undefined) throw divergedError(this.#dir, divergence);
        this.#lsnReplayed = asLsn(lastLsnOf(group));
        this.#hooks.onGroup?.(result);
      });
  }
}

function divergedError(dir: string, divergence: MachineDivergence): HvError {
  return new HvError(
    'HV_E_DIVERGED',
    `the replay of ${dir} differs ${divergenceReport(divergence)}`,
    { details: { dir, lsn: divergence.lsn } },
  );
}
