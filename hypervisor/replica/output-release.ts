/** What an output weighs in the gate, and where it goes when it may leave. */

import type { Console, HeldOutput, NetBackend, Output } from '../ports.ts';
import type { Gated } from '../protocol/output-gate.ts';

/** An output without bytes still takes a place in the queue. */
const OVERHEAD_BYTES = 64;

export function gated(held: HeldOutput): Gated<Output> {
  const { lsn, output } = held;
  return { lsn, bytes: bytesOf(output), output };
}

/** What several weigh together. */
export function weightOf(outputs: readonly HeldOutput[]): number {
  let bytes = 0;
  for (const { output } of outputs) bytes += bytesOf(output);
  return bytes;
}

function bytesOf(output: Output): number {
  const carried = 'bytes' in output && typeof output.bytes !== 'number' ? output.bytes.length : 0;
  return OVERHEAD_BYTES + carried;
}

export function release(
  output: Output,
  ports: { readonly net: NetBackend; readonly console: Console },
): void {
  if (output.device === 'net') ports.net.release(output);
  // A commit asks the protocol, and is held nowhere (guest-commits.ts).
  else if (output.device !== 'commit') ports.console.release(output);
}

/** Tells the backend of an output before anything is known of its release. */
export function retain(output: Output, net: NetBackend): void {
  if (output.device === 'net') net.retain(output);
}
