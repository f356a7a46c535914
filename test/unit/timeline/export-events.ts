/** Events for the tests of encoders, as a feed would make them. */

import type { Output } from '../../../hypervisor/ports.ts';
import type {
  ExportEncoder,
  ExportSink,
  TimelineEvent,
} from '../../../hypervisor/timeline/export/events.ts';
import { asEpoch, asLsn, asMicros, type LogRecord } from '../../../log-format/index.ts';
import { STARTED_AT } from '../log-format/samples.ts';

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export function recordEvent(
  lsn: number,
  record: LogRecord,
  changes: Partial<Extract<TimelineEvent, { type: 'record' }>> = {},
): TimelineEvent {
  const place = { lsn: asLsn(lsn), epoch: asEpoch(1), logBytes: 100 * lsn, shown: true };
  return { type: 'record', ...place, record, turn: undefined, ...changes };
}

export function outputEvent(
  lsn: number,
  micros: number,
  output: Output,
  changes: Partial<Extract<TimelineEvent, { type: 'output' }>> = {},
): TimelineEvent {
  const place = { lsn: asLsn(lsn), epoch: asEpoch(1), turn: asLsn(lsn), shown: true };
  const time = asMicros(STARTED_AT + micros);
  return { type: 'output', ...place, time, output, verified: true, ...changes };
}

/** Everything an encoder writes. */
export function encoded(
  make: (sink: ExportSink) => ExportEncoder,
  events: readonly TimelineEvent[],
  incomplete?: Parameters<ExportEncoder['end']>[0],
): Buffer {
  const chunks: Buffer[] = [];
  const encoder = make((chunk) => chunks.push(Buffer.from(chunk)));
  for (const event of events) encoder.push(event);
  encoder.end(incomplete);
  return Buffer.concat(chunks);
}
