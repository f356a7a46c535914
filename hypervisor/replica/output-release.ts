/** What an output weighs in the gate, and where it goes when it may leave. */

import type { Console, HeldOutput, NetBackend, Output } from '../ports.ts';
import type { Gated } from '../protocol/output-gate.ts';
import type { MountBackend } from './mount-backend.ts';
import type { ReleasedMark } from './released-mark.ts';

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

interface Outside {
  readonly net: NetBackend;
  readonly console: Console;
  readonly mounts?: MountBackend | undefined;
}

function release(output: Output, ports: Outside): void {
  if (output.device === 'net') ports.net.release(output);
  else if (output.device === 'mount') ports.mounts?.release(output);
  // A commit asks the protocol, and is held nowhere (guest-commits.ts).
  else if (output.device !== 'commit') ports.console.release(output);
}

/** Lets them out, oldest first, and notes that they have left. */
export function releaseAll(
  outputs: readonly Gated<Output>[],
  ports: Outside,
  mark: ReleasedMark,
): void {
  for (const { output } of outputs) release(output, ports);
  const last = outputs.at(-1);
  if (last !== undefined) mark.left(last.lsn, { seen: outputs.some(isSeen) });
}

/** It goes where somebody reads it who cannot tell a second copy from a first. Acts on mounts have numbers. */
function isSeen({ output }: { readonly output: Output }): boolean {
  return output.device !== 'net' && output.device !== 'commit' && output.device !== 'mount';
}

/** Tells its backend of an output before anything is known of its release. */
export function retain(output: Output, ports: Omit<Outside, 'console'>): void {
  if (output.device === 'net') ports.net.retain(output);
  if (output.device === 'mount') ports.mounts?.retain(output);
}
