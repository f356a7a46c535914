/** What a refeed found, in words: one block of lines per difference. Pure. */

import type { Micros } from '../../log-format/index.ts';
import { unreachable } from '../base/assert.ts';
import type { StreamFinding } from '../timeline/comparison.ts';
import type { Place } from '../timeline/guest-state.ts';
import { counted, grouped } from '../timeline/record-words.ts';
import type { Finding, OtherFinding, RefeedReport } from '../timeline/refeed.ts';
import type { StreamDifference, StreamSide } from '../timeline/stream-comparer.ts';

/** `after lsn 37, +0.123456 s`. */
export function placeText(place: Place, startedAt: Micros): string {
  return `after lsn ${place.lsn}, +${((place.time - startedAt) / 1e6).toFixed(6)} s`;
}

/** Several lines, without a final newline. `script` names the changed guest. */
export function findingText(finding: Finding, script: string, startedAt: Micros): string {
  if (finding.type === 'stream') return streamText(finding, script, startedAt);
  return otherText(finding, script, startedAt);
}

function otherText(finding: OtherFinding, script: string, startedAt: Micros): string {
  const at = placeText(finding.first, startedAt);
  switch (finding.type) {
    case 'listen': {
      const { recorded, replayed } = finding;
      if (recorded === undefined) return `listen (${at}): only ${script} listens on ${replayed}`;
      if (replayed === undefined) return `listen (${at}): ${script} does not listen on ${recorded}`;
      return `listen (${at}): ${script} listens on ${replayed}, recorded was ${recorded}; its connections were fed there`;
    }
    case 'exit': {
      const ends = ([exit, name]: readonly [typeof finding.recorded, string]): string =>
        exit === undefined
          ? `      ${name}: still runs where the log ends`
          : `      ${name}: ends with ${exit.code} ${placeText(exit.place, startedAt)}${exit.reason === 'exit' ? '' : `: ${exit.reason}`}`;
      const sides = [
        [finding.recorded, 'recorded'],
        [finding.replayed, 'replayed'],
      ] as const;
      return [`exit (${at})`, ...sides.map(ends)].join('\n');
    }
    case 'unanswerable':
      return `unanswerable (${at}): ${script} asked for ${finding.what}; it got ECONNREFUSED`;
    default:
      return unreachable(finding);
  }
}

function streamText(finding: StreamFinding, script: string, startedAt: Micros): string {
  const { name, onlyIn, first, difference } = finding;
  if (onlyIn !== undefined) {
    const where = onlyIn === 'recorded' ? `not with ${script}` : `only with ${script}`;
    const bytes = difference?.[onlyIn].bytes ?? 0;
    return `${name} (${placeText(first, startedAt)}): ${where}; ${counted(bytes, 'byte')} sent`;
  }
  if (difference === undefined) return name;
  const { recorded, replayed } = difference;
  return [
    `${name}: ${kindText(difference)}`,
    ...windowLines(difference),
    `      recorded ${sideText(recorded, startedAt)}; replayed ${sideText(replayed, startedAt)}`,
  ].join('\n');
}

function kindText(difference: StreamDifference): string {
  const { kind, recorded, replayed } = difference;
  const at = `at byte ${grouped(recorded.offset)}`;
  switch (kind) {
    case 'bytes':
      return recorded.offset === replayed.offset
        ? `differs ${at}`
        : `differs ${at} (replayed: ${grouped(replayed.offset)})`;
    case 'longer': {
      const longer = recorded.place === undefined ? 'replayed' : 'recorded';
      return `the same up to byte ${grouped(Math.min(recorded.offset, replayed.offset))}, where only ${longer} goes on`;
    }
    case 'ahead':
      return `one side is too far ahead from byte ${grouped(Math.min(recorded.offset, replayed.offset))} on; the rest was not compared`;
    case 'closing':
      return `the same bytes; recorded ${closingText(recorded)}, replayed ${closingText(replayed)}`;
    default:
      return unreachable(kind);
  }
}

function closingText({ closing }: StreamSide): string {
  if (closing === undefined) return 'does not end the connection';
  return closing === 'end' ? 'ends it' : 'resets it';
}

function sideText({ place, bytes }: StreamSide, startedAt: Micros): string {
  const total = `${counted(bytes, 'byte')} in all`;
  return place === undefined ? total : `${placeText(place, startedAt)}, ${total}`;
}

/** Both sides around the difference, aligned, with a caret under its first character. */
function windowLines(difference: StreamDifference): string[] {
  const { kind, recorded, replayed } = difference;
  if (kind === 'closing') return [];
  let before = difference.before;
  // A character cut in two is shown whole, and as different.
  const cut = incompleteTail(before);
  const joined = (side: StreamSide): Uint8Array =>
    Buffer.concat([before.subarray(-cut), side.after]);
  const afters = [recorded, replayed].map((side) => quoted(cut === 0 ? side.after : joined(side)));
  before = cut === 0 ? before : before.subarray(0, -cut);
  const lead = quoted(before);
  const [left = '', right = ''] = afters;
  return [
    `      recorded: "${lead}${left}"`,
    `      replayed: "${lead}${right}"`,
    `                 ${' '.repeat([...lead].length)}^ first difference at byte ${grouped(recorded.offset)}`,
  ];
}

/** Bytes at the end of `bytes` that begin a UTF-8 character and do not complete it. */
function incompleteTail(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
    if (byte < 0x80) return 0;
  }
  return 0;
}

/** Text with escapes, as between the quotes of a JSON string. */
function quoted(bytes: Uint8Array): string {
  const text = JSON.stringify(new TextDecoder().decode(bytes)).slice(1, -1);
  return text.replace(
    /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The verdict in one line. */
export function verdictText(report: RefeedReport): string {
  const { totals, findings, findingsDropped } = report;
  const connections = totals.same + totals.different + totals.onlyRecorded;
  if (findings.length === 0)
    return `no difference in ${counted(connections, 'connection')}, ${counted(totals.bytes, 'byte')} (${counted(report.turns.recorded, 'turn')})`;
  const only = [
    totals.onlyRecorded > 0 ? `${grouped(totals.onlyRecorded)} only recorded` : '',
    totals.onlyReplayed > 0 ? `${grouped(totals.onlyReplayed)} only replayed` : '',
  ].filter((part) => part !== '');
  const parts = [`${grouped(totals.same)} the same`, `${grouped(totals.different)} different`];
  return `DIFFERENT: ${counted(findings.length + findingsDropped, 'difference')}; of ${counted(connections + totals.onlyReplayed, 'connection')} ${[...parts, ...only].join(', ')}`;
}
