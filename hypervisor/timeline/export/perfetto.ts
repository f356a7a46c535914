/**
 * Trace events in Chrome's JSON form, which ui.perfetto.dev opens: one slice per turn, instants for
 * what happened to a turn from outside and for views, counters for bytes and speed. Times are
 * microseconds since the log's start, on the guest's virtual clock.
 */

import type { InterruptRecord, LogHeader, LogRecord } from '../../../log-format/index.ts';
import { unreachable } from '../../base/assert.ts';
import { idText, kindOf, recordText } from '../record-words.ts';
import {
  type EncoderOptions,
  type ExportEncoder,
  type ExportSink,
  type Incomplete,
  payloadOf,
  type RecordEvent,
  type TimelineEvent,
} from './events.ts';

const PID = 1;
const TRACK = { turns: 1, midTurn: 2, control: 3 } as const;
type Track = keyof typeof TRACK;
const TRACK_NAMES: readonly (readonly [Track, string])[] = [
  ['turns', 'turns'],
  ['midTurn', 'in the middle of a turn'],
  ['control', 'views and stops'],
];

/** Ticks are counted over at least this long, or single short turns would be all peaks. */
const SPEED_WINDOW_MICROS = 100_000;

export class PerfettoEncoder implements ExportEncoder {
  readonly #sink: ExportSink;
  readonly #header: LogHeader;
  #first = true;
  /** Where each track has got to: nothing on it may lie before. */
  readonly #at: Record<Track, number> = { turns: 0, midTurn: 0, control: 0 };
  #outputBytes = 0;
  #ticks = 0;
  #window = { at: 0, ticks: 0 };

  constructor({ header, sink }: EncoderOptions) {
    this.#sink = sink;
    this.#header = header;
    sink('{"traceEvents":[');
    this.#event({ ph: 'M', pid: PID, name: 'process_name', args: { name: `hv ${header.vm}` } });
    for (const [track, name] of TRACK_NAMES) {
      const place = { ph: 'M', pid: PID, tid: TRACK[track] };
      this.#event({ ...place, name: 'thread_name', args: { name } });
      this.#event({ ...place, name: 'thread_sort_index', args: { sort_index: TRACK[track] } });
    }
  }

  push(event: TimelineEvent): void {
    if (event.type === 'output') {
      this.#outputBytes += payloadOf(event.output)?.length ?? 0;
      return;
    }
    const { record } = event;
    switch (record.type) {
      case 'interrupt':
        this.#turn(event, record);
        break;
      case 'resync':
      case 'preempt':
        this.#instant('midTurn', event, record.time);
        break;
      case 'stopAt':
        this.#instant('midTurn', event, undefined);
        break;
      case 'view':
      case 'stop':
        this.#instant('control', event, record.time);
        break;
      case 'output':
      case 'checkpoint':
        break;
      case 'end':
        this.#counters(event);
        break;
      default:
        unreachable(record);
    }
  }

  end(incomplete?: Incomplete): void {
    const { vm, script, hvVersion, startedAt } = this.#header;
    const otherData = { vm, script, hvVersion, startedAtMicros: startedAt, incomplete };
    this.#sink(`\n],"displayTimeUnit":"ms","otherData":${JSON.stringify(otherData)}}\n`);
  }

  /** The clock of a turn starts at its record's time, or where the turn before it had got to. */
  #turn({ lsn, epoch, turn, shown }: RecordEvent, record: InterruptRecord): void {
    const ts = Math.max(this.#since(record.time), Math.ceil(this.#at.turns));
    const dur = turn === undefined ? 0 : this.#duration(ts, turn);
    this.#at.turns = ts + dur;
    this.#ticks += turn?.ticks ?? 0;
    if (!shown) return;
    this.#event({
      ph: 'X',
      pid: PID,
      tid: TRACK.turns,
      name: `${kindOf(record)} ${idText(record)}`.trimEnd(),
      ts,
      dur,
      args: {
        lsn,
        epoch,
        micros: this.#since(record.time),
        ...(turn === undefined ? {} : { ticks: turn.ticks }),
        ...(record.payload === undefined ? {} : { bytes: record.payload.length }),
      },
    });
  }

  /** By ticks, unless a resync has moved the clock on. */
  #duration(ts: number, turn: { readonly ticks: number; readonly endedAt: number }): number {
    const byTicks = turn.ticks / this.#header.ticksPerMicro;
    const byClock = this.#since(turn.endedAt) - ts;
    return byClock > byTicks + 1 ? byClock : byTicks;
  }

  #instant(track: Track, event: RecordEvent, time: number | undefined): void {
    const wanted = time === undefined ? this.#at.turns : this.#since(time);
    const ts = Math.max(wanted, this.#at[track]);
    this.#at[track] = ts;
    if (!event.shown) return;
    const { lsn, epoch, record } = event;
    const args = { lsn, epoch, text: recordText(record) };
    const scope = track === 'control' ? 'p' : 't';
    const name = nameOf(record);
    this.#event({ ph: 'i', pid: PID, tid: TRACK[track], name, ts, s: scope, args });
  }

  #counters({ logBytes, shown }: RecordEvent): void {
    const ts = this.#at.turns;
    const passed = ts - this.#window.at;
    if (passed >= SPEED_WINDOW_MICROS) {
      const perSecond = Math.round(((this.#ticks - this.#window.ticks) / passed) * 1e6);
      if (shown) this.#counter('ticks per second', this.#window.at, perSecond);
      this.#window = { at: ts, ticks: this.#ticks };
    }
    if (!shown) return;
    this.#counter('output bytes', ts, this.#outputBytes);
    this.#counter('log bytes', ts, logBytes);
  }

  /** Without an lsn: every argument of a counter is drawn as a series of its own. */
  #counter(name: string, ts: number, value: number): void {
    this.#event({ ph: 'C', pid: PID, name, ts, args: { value } });
  }

  #since(time: number): number {
    return Math.max(0, time - this.#header.startedAt);
  }

  #event(event: Record<string, unknown>): void {
    this.#sink(`${this.#first ? '' : ','}\n${JSON.stringify(event)}`);
    this.#first = false;
  }
}

function nameOf(record: LogRecord): string {
  return record.type === 'view' ? `epoch ${record.epoch}` : kindOf(record);
}
