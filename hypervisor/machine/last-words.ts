/** What a guest's user reads when the guest is ended beyond its own error handling. */

import type { LogHeader } from '../../log-format/index.ts';
import { heapBytesMax } from './engine.ts';

/** A line for standard error. Machines of version 1 said less, and the text is an output. */
export function lastWords(
  text: string,
  { machineVersion, memoryPages }: Pick<LogHeader, 'machineVersion' | 'memoryPages'>,
): Uint8Array {
  const isHinted = machineVersion !== 1 && text.includes('memory');
  const hint = isHinted
    ? ` (its heap may hold ${heapBytesMax(memoryPages) / 2 ** 20} MiB: --memory)`
    : '';
  return new TextEncoder().encode(`hv: guest stopped: ${text}${hint}\n`);
}
