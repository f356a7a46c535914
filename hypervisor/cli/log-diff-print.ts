/** How `hv log diff` says what it has found: in lines for people, or as one JSON object. */

import type { ViewRecord } from '../../log-format/index.ts';
import { counted, recordJson, recordLineOf, recordText } from '../timeline/record-words.ts';
import type { LogDiff, PlacedRecord, Rest } from './log-diff.ts';
import { data } from './print.ts';

/** Nothing differs in what was read. */
export function isSame({ header, a, b }: LogDiff): boolean {
  return header.length === 0 && a.records === 0 && b.records === 0;
}

export function printDiff(diff: LogDiff, { json }: { readonly json: boolean }): void {
  data(json ? JSON.stringify(diffJson(diff)) : diffLines(diff).join('\n'));
}

/** Complete on both sides: otherwise nothing is known about how they end. */
function isWhole({ a, b }: LogDiff): boolean {
  return a.verdict !== undefined && b.verdict !== undefined;
}

/** Which log is the beginning of the other: a primary that was killed, and the backup that went on. */
function prefixOf(diff: LogDiff): 'a' | 'b' | undefined {
  if (!isWhole(diff) || diff.a.records > 0 === diff.b.records > 0) return undefined;
  return diff.a.records === 0 ? 'a' : 'b';
}

function diffLines(diff: LogDiff): string[] {
  const { a, b, common } = diff;
  const lines = diff.header.map(
    ({ field, a: left, b: right, means }) =>
      `header ${field}: a ${String(left)}, b ${String(right)}\n    ${means}`,
  );
  for (const [mark, count, other] of [
    ['a', diff.skipped.a, 'b'],
    ['b', diff.skipped.b, 'a'],
  ] as const)
    if (count > 0)
      lines.push(
        `${other} begins later: the first ${counted(count, 'record')} of ${mark} ${count === 1 ? 'is' : 'are'} not compared`,
      );
  const forked = a.first[0] ?? b.first[0];
  if (forked !== undefined) lines.push(...forkLines(diff, forked.lsn));
  lines.push(
    isSame(diff) && isWhole(diff)
      ? `the same: ${counted(common, 'record')}`
      : `${counted(common, 'record')} at the start ${common === 1 ? 'is' : 'are'} the same, then ${grown(a)} only in a, ${grown(b)} only in b`,
  );
  const prefix = prefixOf(diff);
  if (prefix !== undefined)
    lines.push(`${prefix} is the beginning of ${prefix === 'a' ? 'b' : 'a'}${goneOn(diff)}`);
  return lines;
}

/** A log that could not be read to its end has at least so many. */
function grown(rest: Rest): string {
  return `${rest.verdict === undefined ? 'at least ' : ''}${counted(rest.records, 'record')}`;
}

function goneOn(diff: LogDiff): string {
  const views = [...diff.a.views, ...diff.b.views];
  const [next] = views;
  return next === undefined ? '' : `, which went on in epoch ${next.epoch} (${next.primary})`;
}

function forkLines(diff: LogDiff, lsn: number): string[] {
  const { a, b, difference, commonView } = diff;
  const lines = [`the logs differ from lsn ${lsn} on${where(difference?.fields)}`];
  const add = (mark: string, rest: Rest, records: readonly PlacedRecord[]): void => {
    for (const { lsn: at, record } of records)
      lines.push(`${mark} ${recordLineOf(at, record, rest.startedAt)}`);
  };
  add(' ', a, diff.before);
  add('a', a, a.first);
  add('b', b, b.first);
  if (a.records === 0 && a.verdict !== undefined) lines.push('a (ends here)');
  if (b.records === 0 && b.verdict !== undefined) lines.push('b (ends here)');
  const byte = difference?.payloadByte;
  if (byte !== undefined)
    lines.push(
      `first different byte of the payload: offset ${byte.offset}, a ${hex(byte.a)}, b ${hex(byte.b)}`,
    );
  if (a.views.length + b.views.length > 0) {
    lines.push(`both were in ${viewText(commonView)}`);
    for (const [mark, { views }] of [
      ['a', a],
      ['b', b],
    ] as const)
      for (const view of views) lines.push(`${mark} went on in ${viewText(view)}`);
  }
  return lines;
}

function where(fields: readonly string[] | undefined): string {
  return fields === undefined ? '' : ` (${fields.join(', ')})`;
}

function hex(value: number | undefined): string {
  return value === undefined ? 'has none' : `0x${value.toString(16).padStart(2, '0')}`;
}

function viewText(view: ViewRecord | undefined): string {
  return view === undefined ? 'no view yet' : recordText(view);
}

function diffJson(diff: LogDiff): Record<string, unknown> {
  const { header, common, commonView, difference, a, b } = diff;
  return {
    equal: isSame(diff) && isWhole(diff),
    header,
    skipped: diff.skipped,
    commonRecords: common,
    prefix: prefixOf(diff),
    difference,
    commonView: commonView && viewJson(commonView),
    a: sideJson(a),
    b: sideJson(b),
  };
}

function sideJson({ first, records, views, startedAt, verdict }: Rest): Record<string, unknown> {
  const [fork] = first;
  return {
    onlyRecords: records,
    whole: verdict !== undefined,
    sealed: verdict?.sealed,
    lastLsn: verdict?.lastLsn,
    first: fork && { lsn: fork.lsn, epoch: fork.epoch, ...recordJson(fork.record, startedAt) },
    views: views.map(viewJson),
  };
}

function viewJson({ epoch, primary, backups }: ViewRecord): Record<string, unknown> {
  return { epoch, primary, backups };
}
