/**
 * What an export is made from: the records of a log and, at their place among them, the outputs that
 * a replay produced again. Encoders turn a stream of these into bytes; they keep state in proportion
 * to what is open (connections, cut characters), never to the length of the log.
 */

import type { Epoch, LogHeader, LogRecord, Lsn, Micros } from '../../../log-format/index.ts';
import { unreachable } from '../../base/assert.ts';
import type { NetOutput, Output } from '../../ports.ts';

/** What running an interrupt showed. */
export interface TurnTrace {
  /** Of this turn alone. */
  readonly ticks: number;
  /** The virtual clock when the turn was over. */
  readonly endedAt: number;
}

export interface RecordEvent {
  readonly type: 'record';
  readonly lsn: Lsn;
  readonly epoch: Epoch;
  readonly record: LogRecord;
  /** Undefined for records that start no turn, and for turns that were not run. */
  readonly turn: TurnTrace | undefined;
  /** Bytes of the log up to the end of the batch that holds the record. */
  readonly logBytes: number;
  /** Inside the range asked for. Encoders follow the other events without writing them. */
  readonly shown: boolean;
}

/** Comes behind the record `lsn`, the last one its computation depends on. */
export interface OutputEvent {
  readonly type: 'output';
  readonly lsn: Lsn;
  readonly epoch: Epoch;
  /** Lsn of the interrupt whose turn produced it. */
  readonly turn: Lsn;
  /** The latest time among the records before it; never goes back. */
  readonly time: Micros;
  readonly output: Output;
  /** The log says the same: an `end` record behind the turn agrees with the replay. */
  readonly verified: boolean;
  readonly shown: boolean;
}

export type TimelineEvent = RecordEvent | OutputEvent;

/** Why an export ends before its log does. What it holds is true nevertheless. */
export interface Incomplete {
  /** The last record it holds; 0 for none. */
  readonly lsn: Lsn;
  /** Of the error catalogue. */
  readonly code: string;
}

/** Takes ownership of the chunk. */
export type ExportSink = (chunk: Uint8Array | string) => void;

/** Writes to its sink from the moment it is made. */
export interface ExportEncoder {
  push(event: TimelineEvent): void;
  /** Call once, last; with `incomplete` the file says so itself. */
  end(incomplete?: Incomplete): void;
}

export interface EncoderOptions {
  readonly header: LogHeader;
  readonly sink: ExportSink;
}

/** `out.` and a name in the manner of traps, so that none is the name of a record's kind. */
export function outputKind(output: Output): string {
  switch (output.device) {
    case 'console':
    case 'exit':
    case 'stdin':
    case 'signal':
    case 'commit':
    case 'mount':
      return `out.${output.device}`;
    case 'net':
      return NET_KINDS[output.op];
    default:
      return unreachable(output);
  }
}

const NET_KINDS: Readonly<Record<NetOutput['op'], string>> = {
  listen: 'out.netListen',
  unlisten: 'out.netUnlisten',
  connect: 'out.netConnect',
  write: 'out.netWrite',
  end: 'out.netEnd',
  destroy: 'out.netDestroy',
  consumed: 'out.netConsumed',
  option: 'out.netOption',
};

/** Bytes that an output sends out: console text and stream data. */
export function payloadOf(output: Output): Uint8Array | undefined {
  if (output.device === 'console') return output.bytes;
  return output.device === 'net' && output.op === 'write' ? output.bytes : undefined;
}
