/** The formats of `hv log export` by name. */

import { unreachable } from '../../base/assert.ts';
import { AsciicastEncoder } from './asciicast.ts';
import type { EncoderOptions, ExportEncoder } from './events.ts';
import { JsonlEncoder } from './jsonl.ts';
import { PcapngEncoder } from './pcapng.ts';
import { PerfettoEncoder } from './perfetto.ts';

export const EXPORT_FORMATS = ['jsonl', 'pcapng', 'asciicast', 'perfetto'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** `stderr`: of the console, standard error too. Only asciicasts ask. */
export function encoderFor(
  format: ExportFormat,
  options: EncoderOptions & { readonly stderr: boolean },
): ExportEncoder {
  switch (format) {
    case 'jsonl':
      return new JsonlEncoder(options);
    case 'pcapng':
      return new PcapngEncoder(options);
    case 'asciicast':
      return new AsciicastEncoder(options);
    case 'perfetto':
      return new PerfettoEncoder(options);
    default:
      return unreachable(format);
  }
}
