/**
 * A firmware in parts: the first is evaluated at the boot, each of the others when the guest first
 * needs it (the trap `late`), so that it costs no guest memory before. One file, and one blob of the log:
 * a line of ASCII with the lengths of the parts in bytes, then the parts without anything between.
 *
 * A firmware without that line is one part, as all were once. An hv of that time evaluates such a file
 * as a whole, and the line ends that with words.
 */

import { FormatError } from './faults.ts';

const OPENING = 'throw Error("this firmware needs a newer hv");//hv:parts';
const LINE_BYTES_MAX = 4096;
const NEWLINE = 10;

/** Views of the parts. Throws a FormatError when their lengths are not that of the file. */
export function firmwareParts(firmware: Uint8Array): readonly Uint8Array[] {
  const end = firmware.subarray(0, LINE_BYTES_MAX).indexOf(NEWLINE);
  const line = String.fromCharCode(...firmware.subarray(0, Math.max(end, 0)));
  if (!line.startsWith(`${OPENING} `)) return [firmware];
  const lengths = line
    .slice(OPENING.length + 1)
    .split(' ')
    .map(Number);
  let at = end + 1;
  const parts = lengths.map((length) => {
    at += length;
    return firmware.subarray(at - length, at);
  });
  if (at !== firmware.length) throw new FormatError('parts of a firmware that do not add up');
  return parts;
}
