/** Places at which a copy of a log may be cut so that a guest goes on from there: ends of batches. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { asLsn, asMicros, type Lsn, type Micros } from '../../log-format/index.ts';
import { unreachable } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import { listCheckpoints } from './checkpoint-files.ts';
import type { LogPosition } from './log-cursor.ts';
import { findLog } from './log-files.ts';
import { headerAt } from './log-glance.ts';
import { placeFault, placeIn } from './log-place.ts';
import { openLog } from './log-reader.ts';

/** A place in the words of an operator: a record, or what was there at a time of the wall clock. */
export type LogMoment =
  | { readonly type: 'lsn'; readonly lsn: Lsn }
  | { readonly type: 'time'; readonly time: Micros }
  /** So long before now. */
  | { readonly type: 'ago'; readonly micros: Micros };

const UNITS = { ms: 1e3, s: 1e6, m: 60e6, h: 3_600e6, d: 86_400e6 } as const;

/** `4320`, `2026-01-01T12:00:00Z` or `-5m`; undefined: none of them. */
export function parseMoment(text: string): LogMoment | undefined {
  if (/^\d+$/.test(text)) {
    const lsn = Number(text);
    return Number.isSafeInteger(lsn) && lsn > 0 ? { type: 'lsn', lsn: asLsn(lsn) } : undefined;
  }
  if (text.startsWith('-')) {
    const micros = parseSpan(text.slice(1));
    return micros === undefined ? undefined : { type: 'ago', micros };
  }
  // Without a zone it would be the time of whichever host reads it.
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)$/.test(text))
    return undefined;
  const millis = Date.parse(text);
  return Number.isNaN(millis) ? undefined : { type: 'time', time: asMicros(millis * 1000) };
}

/** `500ms`, `30s`, `10m`, `2h` or `1d`; undefined: none of them. */
export function parseSpan(text: string): Micros | undefined {
  const [, digits = '', unit = ''] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
  if (digits === '' || !Object.hasOwn(UNITS, unit)) return undefined;
  const micros = Number(digits) * UNITS[unit as keyof typeof UNITS];
  return Number.isSafeInteger(micros) ? asMicros(micros) : undefined;
}

/**
 * The last record of the last batch in the log at `dir` that lies wholly at or before `moment`. Looks at
 * records up to `lsnLast` only; the log may grow behind. Reads from the nearest snapshot on, and lets others
 * have the thread in between. Rejects with HV_E_USAGE when the log begins later or ends before, and the codes
 * of `openLog`.
 */
export async function lsnAtMoment(
  dir: string,
  moment: LogMoment,
  { now, lsnLast }: { readonly now: Micros; readonly lsnLast: Lsn },
): Promise<Lsn> {
  refuseBeyondEnd(moment, { now, lsnLast });
  const log = openLog(dir);
  const limit = {
    lsn: moment.type === 'lsn' ? Math.min(moment.lsn, lsnLast) : lsnLast,
    time: latest(moment, now),
  };
  const near = nearestBefore(dir, limit);
  let found = near?.lsn;
  if (found === limit.lsn) return found;
  let batches = 0;
  for (const { batch } of log.batches(near?.position)) {
    const last = batch.firstLsn + batch.records.length - 1;
    if (last > limit.lsn || batch.records.some((record) => isLater(record, limit.time))) break;
    found = asLsn(last);
    if (last === limit.lsn) break;
    batches += 1;
    if (batches % BATCHES_AT_ONCE === 0) await nextTurn();
  }
  if (found !== undefined) return found;
  throw new HvError(
    'HV_E_USAGE',
    `this copy of the log has nothing at or before ${words(moment)}: it begins with record ${log.firstLsn} of ${new Date(log.header.startedAt / 1000).toISOString()}`,
  );
}

/** A slip in a digit would otherwise promote, which cannot be taken back, behind all there is. */
function refuseBeyondEnd(
  moment: LogMoment,
  { now, lsnLast }: { readonly now: Micros; readonly lsnLast: Lsn },
): void {
  if (moment.type === 'lsn' && moment.lsn > lsnLast)
    throw new HvError(
      'HV_E_USAGE',
      `this copy of the log has no ${words(moment)}: its last is ${lsnLast}, and nothing was changed. Without --at the guest goes on behind all there is`,
    );
  if (moment.type === 'time' && moment.time > now)
    throw new HvError(
      'HV_E_USAGE',
      `${words(moment)} is still to come: it is ${new Date(now / 1000).toISOString()} on the host of this copy, whose last record is ${lsnLast}, and nothing was changed. Without --at the guest goes on behind all there is`,
    );
}

/** A millisecond or so of reading. */
const BATCHES_AT_ONCE = 256;

interface Limit {
  readonly lsn: number;
  readonly time: number;
}

function latest(moment: LogMoment, now: Micros): number {
  switch (moment.type) {
    case 'lsn':
      return Infinity;
    case 'time':
      return moment.time;
    case 'ago':
      return now - moment.micros;
    default:
      return unreachable(moment);
  }
}

/** The newest snapshot's place within the limit: everything up to there is, too. */
function nearestBefore(
  dir: string,
  limit: Limit,
): { readonly lsn: Lsn; readonly position: LogPosition } | undefined {
  const files = findLog(dir);
  const header = headerAt(files.beginning ?? files.path(1));
  const { checkpoints } = listCheckpoints(dir);
  const near = checkpoints.find(
    ({ lsn, head }) =>
      lsn <= limit.lsn && head.time <= limit.time && placeFault(files, head.position) === undefined,
  );
  if (near === undefined || header === undefined) return undefined;
  return { lsn: near.lsn, position: placeIn(files, header, near.head.position) };
}

function isLater(record: object, limit: number): boolean {
  return 'time' in record && typeof record.time === 'number' && record.time > limit;
}

function words(moment: LogMoment): string {
  if (moment.type === 'lsn') return `record ${moment.lsn}`;
  if (moment.type === 'ago') return `${moment.micros / 1e6} seconds ago`;
  return new Date(moment.time / 1000).toISOString();
}
