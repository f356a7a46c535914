/**
 * The guest's console as an asciicast (version 2, docs.asciinema.org/manual/asciicast/v2), to be
 * played at the pace it was produced. Times are seconds since the log's start.
 */

import { type BootConfig, INTERRUPT, type LogHeader } from '../../../log-format/index.ts';
import type {
  EncoderOptions,
  ExportEncoder,
  ExportSink,
  Incomplete,
  TimelineEvent,
} from './events.ts';

type Decoder = InstanceType<typeof TextDecoder>;

/** A guest is told how wide its terminal is and not how high. */
const ROWS = 24;
const COLUMNS_DEFAULT = 80;

export interface AsciicastOptions extends EncoderOptions {
  /** Standard error too, interleaved as it was written. */
  readonly stderr: boolean;
}

export class AsciicastEncoder implements ExportEncoder {
  readonly #sink: ExportSink;
  readonly #header: LogHeader;
  readonly #stderr: boolean;
  /** One each for stdout and stderr: a character may be cut between two writes. */
  readonly #decoders: Readonly<Record<1 | 2, Decoder>> = { 1: decoder(), 2: decoder() };
  #columns = COLUMNS_DEFAULT;
  #begun = false;
  #seconds = 0;

  constructor({ header, sink, stderr }: AsciicastOptions) {
    this.#sink = sink;
    this.#header = header;
    this.#stderr = stderr;
  }

  push(event: TimelineEvent): void {
    if (event.type === 'record') {
      const { record } = event;
      if (record.type === 'interrupt' && record.kind === INTERRUPT.boot)
        this.#columns = columnsOf(record.payload) ?? COLUMNS_DEFAULT;
      return;
    }
    const { output, shown, time } = event;
    if (output.device !== 'console' || !shown) return;
    if (output.fd === 2 && !this.#stderr) return;
    this.#seconds = (time - this.#header.startedAt) / 1e6;
    this.#say('o', this.#decoders[output.fd].decode(output.bytes, { stream: true }));
  }

  end(incomplete?: Incomplete): void {
    for (const fd of [1, 2] as const) this.#say('o', this.#decoders[fd].decode());
    this.#begin();
    if (incomplete !== undefined)
      this.#say('m', `incomplete: ends behind record ${incomplete.lsn} (${incomplete.code})`);
  }

  /** Waits for the boot record, which says how wide the terminal was. */
  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    const { startedAt, name, script } = this.#header;
    const head = {
      version: 2,
      width: this.#columns,
      height: ROWS,
      timestamp: Math.floor(startedAt / 1e6),
      title: `${name} (${script})`,
    };
    this.#sink(`${JSON.stringify(head)}\n`);
  }

  /** A player is a raw terminal: the line ends that a tty would have completed are completed here. */
  #say(code: 'o' | 'm', text: string): void {
    if (text === '') return;
    this.#begin();
    this.#sink(`${JSON.stringify([this.#seconds, code, text.replaceAll('\n', '\r\n')])}\n`);
  }
}

function decoder(): Decoder {
  return new TextDecoder('utf-8', { ignoreBOM: true });
}

function columnsOf(payload: Uint8Array | undefined): number | undefined {
  try {
    const { columns } = JSON.parse(new TextDecoder().decode(payload)) as Partial<BootConfig>;
    return typeof columns === 'number' && columns > 0 ? columns : undefined;
  } catch {
    // A boot payload that is no JSON: the guest found no terminal in it, either.
    return undefined;
  }
}
