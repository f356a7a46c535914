/**
 * Time zones by the table in the firmware (guest-sdk/late/time-zone-data.ts), which is loaded when a
 * program names the first one. Before 1970 a zone is as it was then; after 2065 as in the 28 years
 * before, whose calendars return.
 */

import type * as Data from '../late/time-zone-data.ts';

/** The bundler's, which evaluates the part where it is called. */
declare function require(name: '../late/time-zone-data.ts'): typeof Data;

export interface Zone {
  /** As `resolvedOptions` has it. */
  readonly name: string;
  /** Minutes ahead of UTC at a time. */
  minutesAt(time: number): number;
  /** What it is called then, where English has a word for it. */
  nameAt(time: number, form: 'short' | 'long'): string;
}

interface Row {
  readonly name: string;
  readonly history: number;
  readonly names: number;
}

interface Table {
  readonly rows: ReadonlyMap<string, Row>;
  readonly texts: readonly string[];
}

const MINUTE = 60_000;
/** Behind the last year of the table. */
const END = Date.UTC(2066, 0, 1);
/** After so many days the same dates are on the same days of the week. */
const CYCLE = 28 * 365.25 * 24 * 60 * MINUTE;

let loaded: Table | undefined;

function table(): Table {
  if (loaded !== undefined) return loaded;
  const { zones, texts } = require('../late/time-zone-data.ts');
  const rows = new Map<string, Row>();
  for (const line of zones.split(';')) {
    const [names = '', history = '', own = ''] = line.split(' ');
    const [name = '', ...others] = names.split(',');
    const row = { name, history: Number.parseInt(history, 36), names: Number.parseInt(own, 36) };
    for (const one of [name, ...others]) rows.set(one.toLowerCase(), row);
  }
  loaded = { rows, texts: texts.split(';') };
  return loaded;
}

/** Changes as their times and the offset from then on; the first is before them all. */
function historyOf(text: string): readonly (readonly [number, number])[] {
  const [first = '0', ...rest] = text.split(' ');
  const changes: [number, number][] = [[Number.NEGATIVE_INFINITY, Number.parseInt(first, 36)]];
  let time = 0;
  for (let at = 0; at < rest.length; at += 2) {
    time += Number.parseInt(rest[at] ?? '', 36) * MINUTE;
    changes.push([time, Number.parseInt(rest[at + 1] ?? '', 36)]);
  }
  return changes;
}

/** A zone of the tz database, in any case; undefined when there is none of this name. */
export function namedZone(given: string): Zone | undefined {
  const { rows, texts } = table();
  const row = rows.get(given.toLowerCase());
  if (row === undefined) return undefined;
  const changes = historyOf(texts[row.history] ?? '');
  const names = (texts[row.names] ?? '').split('/');
  const minutesAt = (time: number): number => {
    const within = time < END ? time : time - Math.ceil((time - END + 1) / CYCLE) * CYCLE;
    return changes.findLast(([from]) => from <= within)?.[1] ?? 0;
  };
  const isSummer = (time: number): boolean => {
    const year = new Date(time).getUTCFullYear();
    const ends = [minutesAt(Date.UTC(year, 0, 15)), minutesAt(Date.UTC(year, 6, 15))];
    return ends[0] !== ends[1] && minutesAt(time) === Math.max(...ends);
  };
  return {
    name: row.name,
    minutesAt,
    nameAt: (time, form) => names[(form === 'long' ? 2 : 0) + (isSummer(time) ? 1 : 0)] ?? '',
  };
}

/** Names for `Intl.supportedValuesOf`. */
export function zoneNames(): string[] {
  return [...new Set([...table().rows.values()].map(({ name }) => name))].sort();
}
