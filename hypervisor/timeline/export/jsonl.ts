/**
 * JSON lines: every record as `hv log cat --json` prints it, and every output behind the record it
 * depends on. Kinds of outputs begin with `out.`.
 */

import type { Micros } from '../../../log-format/index.ts';
import type { Output } from '../../ports.ts';
import { payloadJson, recordJson } from '../record-words.ts';
import {
  type EncoderOptions,
  type ExportEncoder,
  type ExportSink,
  type Incomplete,
  type OutputEvent,
  outputKind,
  payloadOf,
  type TimelineEvent,
} from './events.ts';

export class JsonlEncoder implements ExportEncoder {
  readonly #sink: ExportSink;
  readonly #startedAt: Micros;

  constructor({ header, sink }: EncoderOptions) {
    this.#sink = sink;
    this.#startedAt = header.startedAt;
  }

  push(event: TimelineEvent): void {
    if (!event.shown) return;
    if (event.type === 'output') {
      this.#line(this.#output(event));
      return;
    }
    const { lsn, epoch, record } = event;
    this.#line({ lsn, epoch, ...recordJson(record, this.#startedAt) });
  }

  end(incomplete?: Incomplete): void {
    if (incomplete !== undefined) this.#line({ kind: 'incomplete', ...incomplete });
  }

  #output({ lsn, epoch, turn, time, output, verified }: OutputEvent): Record<string, unknown> {
    return {
      lsn,
      epoch,
      kind: outputKind(output),
      micros: time - this.#startedAt,
      turn,
      ...fieldsOf(output),
      ...(verified ? {} : { unverified: true }),
    };
  }

  #line(value: Record<string, unknown>): void {
    this.#sink(`${JSON.stringify(value)}\n`);
  }
}

function fieldsOf(output: Output): Record<string, unknown> {
  const { device: _device, ...fields } = output;
  const payload = payloadOf(output);
  const carried = payload === undefined ? {} : { bytes: undefined, ...payloadJson(payload) };
  return { ...fields, op: undefined, ...carried };
}
