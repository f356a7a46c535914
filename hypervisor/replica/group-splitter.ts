/**
 * Cuts the log into groups a machine can replay. A group is complete when its `end` has arrived;
 * until then a mid-turn record of one of its turns may still follow. Control records lie between
 * groups and are not part of any.
 */

import {
  asEpoch,
  asLsn,
  asMicros,
  type Batch,
  type Epoch,
  type LogRecord,
  type Lsn,
  type Micros,
  type StopRecord,
  type ViewRecord,
} from '../../log-format/index.ts';
import type { ReplayGroup } from '../ports.ts';

/** Where an earlier splitter of the same log came to: plain data. */
export interface SplitterState {
  readonly tail: ReplayGroup | undefined;
  readonly timeLast: Micros;
  readonly view: Omit<ViewRecord, 'type' | 'time'> | undefined;
}

export class GroupSplitter {
  #open: LogRecord[];
  #openLsn: Lsn;
  #timeLast: Micros;
  #view: ViewRecord | undefined;
  #reignSince: Epoch;
  #stop: StopRecord | undefined;

  /** `from`: goes on there. */
  constructor(from?: SplitterState) {
    const { tail, timeLast = asMicros(0), view } = from ?? {};
    this.#open = [...(tail?.records ?? [])];
    this.#openLsn = tail?.firstLsn ?? asLsn(1);
    this.#timeLast = timeLast;
    this.#view = view && { ...view, type: 'view', time: timeLast };
    this.#reignSince = view?.epoch ?? asEpoch(0);
  }

  /** Newest time in the log so far. */
  get timeLast(): Micros {
    return this.#timeLast;
  }

  /** Newest view record so far. */
  get view(): ViewRecord | undefined {
    return this.#view;
  }

  /** The first view in a row, as far as it was seen, that has the primary of the newest one. */
  get reignSince(): Epoch {
    return this.#reignSince;
  }

  get stop(): StopRecord | undefined {
    return this.#stop;
  }

  /** Takes the next batch (no gap: the caller has checked) and returns the groups it completes. */
  push(batch: Batch): readonly ReplayGroup[] {
    const complete: ReplayGroup[] = [];
    let lsn = batch.firstLsn as number;
    for (const record of batch.records) {
      if ('time' in record && record.time > this.#timeLast) this.#timeLast = record.time;
      if (record.type === 'view') {
        if (record.primary !== this.#view?.primary) this.#reignSince = record.epoch;
        this.#view = record;
      } else if (record.type === 'stop') this.#stop = record;
      else {
        if (this.#open.length === 0) this.#openLsn = asLsn(lsn);
        this.#open.push(record);
        if (record.type === 'end') {
          complete.push({ firstLsn: this.#openLsn, records: this.#open });
          this.#open = [];
        }
      }
      lsn += 1;
    }
    return complete;
  }

  /** The group whose end never came, if any: what a promoted backup has to settle. */
  tail(): ReplayGroup | undefined {
    if (this.#open.length === 0) return undefined;
    return { firstLsn: this.#openLsn, records: this.#open };
  }
}

/** Lsn of a group's last record. */
export function lastLsnOf(group: ReplayGroup): Lsn {
  return asLsn(group.firstLsn + group.records.length - 1);
}
