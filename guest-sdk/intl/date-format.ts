/**
 * `Intl.DateTimeFormat` in English. Time zones are those of the firmware: a host's differ from host to
 * host, and change. Without one a program is in UTC.
 */

import {
  canonicalLocales,
  choose,
  digits,
  joinParts,
  localeFor,
  type Options,
  type Part,
  supportedLocales,
} from './options.ts';
import { namedZone, type Zone } from './time-zones.ts';

const MONTHS =
  'January February March April May June July August September October November December'.split(
    ' ',
  );
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');
const DATE_FIELDS = ['weekday', 'year', 'month', 'day', 'era'];
const TIME_FIELDS = ['hour', 'minute', 'second', 'fractionalSecondDigits', 'dayPeriod'];
const DATE_STYLES: Readonly<Record<string, Options>> = {
  full: { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' },
  long: { year: 'numeric', month: 'long', day: 'numeric' },
  medium: { year: 'numeric', month: 'short', day: 'numeric' },
  short: { year: '2-digit', month: 'numeric', day: 'numeric' },
};
const TIME_STYLES: Readonly<Record<string, Options>> = {
  full: { hour: 'numeric', minute: '2-digit', second: '2-digit', timeZoneName: 'long' },
  long: { hour: 'numeric', minute: '2-digit', second: '2-digit', timeZoneName: 'short' },
  medium: { hour: 'numeric', minute: '2-digit', second: '2-digit' },
  short: { hour: 'numeric', minute: '2-digit' },
};
const UTC_NAMES = /^(?:etc\/)?(?:utc|uct|zulu|universal|greenwich|gmt(?:[-+]?0)?)$/i;

/** Before AM and PM; the whole text has an ordinary space there, as V8 gives it. */
const NARROW_SPACE = '\u202f';

function fixedZone(name: string, minutes: number): Zone {
  return { name, minutesAt: () => minutes, nameAt: () => '' };
}

function zoneOf(value: unknown): Zone {
  if (value === undefined) return fixedZone('UTC', 0);
  const name = String(value);
  if (UTC_NAMES.test(name)) return fixedZone('UTC', 0);
  const fixed = /^etc\/gmt([-+])(\d{1,2})$/i.exec(name);
  // The sign of these names says how far UTC is ahead.
  if (fixed && Number(fixed[2]) <= 14) {
    const hours = Number(fixed[2]) * (fixed[1] === '+' ? -1 : 1);
    return fixedZone(`Etc/GMT${fixed[1]}${Number(fixed[2])}`, hours * 60);
  }
  const offset = /^([-+])(\d\d):?([0-5]\d)?$/.exec(name);
  if (offset && Number(offset[2]) < 24) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3] ?? 0);
    const text = `${offset[1]}${offset[2]}:${offset[3] ?? '00'}`;
    return fixedZone(text, offset[1] === '-' ? -minutes : minutes);
  }
  const zone = namedZone(name);
  if (zone !== undefined) return zone;
  throw new RangeError(`Invalid time zone specified: ${name}`);
}

/** The word for a zone the year round: "Central European Time", "ET". */
function generic(name: string): string {
  return name.replace(/ (?:Standard|Daylight|Summer) Time$/, ' Time').replace(/[SD]T$/, 'T');
}

function zoneText(zone: Zone, time: number, form: unknown): string {
  const minutes = zone.minutesAt(time);
  const isOffset = String(form).endsWith('Offset');
  if (!isOffset) {
    const name = zone.nameAt(time, String(form).startsWith('long') ? 'long' : 'short');
    if (name !== '') return String(form).endsWith('Generic') ? generic(name) : name;
  }
  if (minutes === 0 && (zone.name === 'UTC' || /^\+/.test(zone.name))) {
    if (isOffset) return 'GMT';
    return form === 'long' || form === 'longGeneric' ? 'Coordinated Universal Time' : 'UTC';
  }
  const size = Math.abs(minutes);
  const rest = size % 60;
  const isLong = String(form).startsWith('long');
  const hours = String(Math.floor(size / 60)).padStart(isLong ? 2 : 1, '0');
  const tail = rest > 0 || isLong ? `:${String(rest).padStart(2, '0')}` : '';
  return `GMT${minutes < 0 ? '-' : '+'}${hours}${tail}`;
}

/** Options with the fields of a style, or of `defaults` when they name no field of `needed`. */
function fieldsOf(
  options: Options,
  needed: readonly string[],
  defaults: readonly string[],
): Options {
  const { dateStyle, timeStyle } = options;
  if (dateStyle !== undefined || timeStyle !== undefined) {
    const explicit = [...DATE_FIELDS, ...TIME_FIELDS, 'timeZoneName'].find(
      (name) => options[name] !== undefined,
    );
    if (explicit !== undefined) {
      const style = dateStyle === undefined ? 'timeStyle' : 'dateStyle';
      throw new TypeError(`Can't set option ${explicit} when ${style} is used`);
    }
    const styles = ['full', 'long', 'medium', 'short'];
    if (dateStyle !== undefined) choose('DateTimeFormat', options, 'dateStyle', styles);
    if (timeStyle !== undefined) choose('DateTimeFormat', options, 'timeStyle', styles);
    return { ...DATE_STYLES[String(dateStyle)], ...TIME_STYLES[String(timeStyle)] };
  }
  const named = [...DATE_FIELDS, ...TIME_FIELDS, 'timeZoneName'].filter(
    (name) => options[name] !== undefined,
  );
  const fields = Object.fromEntries(named.map((name) => [name, options[name]]));
  if (needed.some((name) => name !== 'era' && fields[name] !== undefined)) return fields;
  return { ...fields, ...Object.fromEntries(defaults.map((name) => [name, 'numeric'])) };
}

const two = (number: number): string => String(number).padStart(2, '0');

export class DateTimeFormat {
  readonly #locale: string;
  readonly #zone: Zone;
  readonly #fields: Options;
  readonly #styles: Options;
  readonly #cycle: string;
  #bound: ((date?: unknown) => string) | undefined;

  /** `needed` and `defaults` are for the methods of Date, which fill in dates, times or both. */
  constructor(
    locales?: unknown,
    given: unknown = {},
    needed: readonly string[] = [...DATE_FIELDS, ...TIME_FIELDS],
    defaults: readonly string[] = ['year', 'month', 'day'],
  ) {
    canonicalLocales(locales);
    this.#locale = localeFor(locales);
    const options = Object(given) as Options;
    this.#zone = zoneOf(options.timeZone);
    digits(options, 'fractionalSecondDigits', 1, 3);
    this.#fields = fieldsOf(options, needed, defaults);
    const { dateStyle, timeStyle, hour12 } = options;
    this.#styles = {
      ...(dateStyle === undefined ? {} : { dateStyle }),
      ...(timeStyle === undefined ? {} : { timeStyle }),
    };
    const asked =
      options.hourCycle === undefined
        ? 'h12'
        : choose('DateTimeFormat', options, 'hourCycle', ['h11', 'h12', 'h23', 'h24']);
    // What Node 20 takes "no twelve hours" to mean in this locale.
    this.#cycle = hour12 === undefined ? asked : hour12 ? 'h12' : 'h24';
  }

  get format(): (date?: unknown) => string {
    this.#bound ??= (date) => joinParts(this.formatToParts(date)).replace(NARROW_SPACE, ' ');
    return this.#bound;
  }

  formatToParts(date?: unknown): Part[] {
    const time = date === undefined ? Date.now() : Number(date);
    if (!(Math.abs(time) <= 8.64e15)) throw new RangeError('Invalid time value');
    const local = new Date(time + this.#zone.minutesAt(time) * 60_000);
    const dateParts = this.#date(local);
    const timeParts = this.#time(local, time);
    if (dateParts.length === 0 || timeParts.length === 0) return [...dateParts, ...timeParts];
    const { month, year, day, weekday } = this.#fields;
    const isBare =
      weekday !== undefined && month === undefined && year === undefined && day === undefined;
    const between = isBare ? ' ' : month === 'long' ? ' at ' : ', ';
    return [...dateParts, { type: 'literal', value: between }, ...timeParts];
  }

  formatRange(from: unknown, to: unknown): string {
    const [first, last] = [this.format(from), this.format(to)];
    return first === last ? first : `${first} \u2013 ${last}`;
  }

  #date(local: Date): Part[] {
    const { weekday, year, month, day, era } = this.#fields;
    const parts: Part[] = [];
    const add = (type: string, value: string, before: string): void => {
      if (parts.length > 0) parts.push({ type: 'literal', value: before });
      parts.push({ type, value });
    };
    const isText = month === 'long' || month === 'short' || month === 'narrow';
    const full = local.getUTCFullYear();
    const shownYear = era !== undefined && full <= 0 ? 1 - full : full;
    if (weekday !== undefined)
      add('weekday', shortened(DAYS[local.getUTCDay()] ?? '', weekday), '');
    if (month !== undefined) {
      const number = local.getUTCMonth() + 1;
      const text = isText
        ? shortened(MONTHS[number - 1] ?? '', month)
        : month === '2-digit'
          ? two(number)
          : String(number);
      add('month', text, ', ');
    }
    if (day !== undefined) {
      const text = day === '2-digit' ? two(local.getUTCDate()) : String(local.getUTCDate());
      add('day', text, month === undefined ? ', ' : isText ? ' ' : '/');
    }
    if (year !== undefined) {
      const text = year === '2-digit' ? two(Math.abs(shownYear) % 100) : String(shownYear);
      const textual = day === undefined ? ' ' : ', ';
      add('year', text, isText ? textual : month === undefined ? ', ' : '/');
    }
    if (era !== undefined) {
      const names =
        era === 'long'
          ? ['Before Christ', 'Anno Domini']
          : era === 'narrow'
            ? ['B', 'A']
            : ['BC', 'AD'];
      add('era', names[full > 0 ? 1 : 0] ?? '', ' ');
    }
    return parts;
  }

  #time(local: Date, time: number): Part[] {
    const { hour, minute, second, fractionalSecondDigits: fraction, timeZoneName } = this.#fields;
    const parts: Part[] = [];
    const add = (type: string, value: string, before: string): void => {
      if (parts.length > 0) parts.push({ type: 'literal', value: before });
      parts.push({ type, value });
    };
    const isTwelve = this.#cycle === 'h12' || this.#cycle === 'h11';
    if (hour !== undefined) {
      const number = local.getUTCHours();
      const shown =
        { h11: number % 12, h12: number % 12 || 12, h23: number, h24: number || 24 }[this.#cycle] ??
        number;
      add('hour', hour === '2-digit' || !isTwelve ? two(shown) : String(shown), '');
    }
    if (minute !== undefined) {
      const isAlone = hour === undefined && second === undefined;
      add('minute', isAlone ? String(local.getUTCMinutes()) : two(local.getUTCMinutes()), ':');
    }
    if (second !== undefined) {
      const isAlone = minute === undefined;
      add('second', isAlone ? String(local.getUTCSeconds()) : two(local.getUTCSeconds()), ':');
    }
    if (fraction !== undefined) {
      const text = String(local.getUTCMilliseconds()).padStart(3, '0').slice(0, Number(fraction));
      add('fractionalSecond', text, '.');
    }
    if (hour !== undefined && isTwelve)
      add('dayPeriod', local.getUTCHours() < 12 ? 'AM' : 'PM', NARROW_SPACE);
    if (timeZoneName !== undefined)
      add('timeZoneName', zoneText(this.#zone, time, timeZoneName), parts.length > 0 ? ' ' : '');
    return parts;
  }

  resolvedOptions(): Record<string, unknown> {
    const hasHour = this.#fields.hour !== undefined;
    return {
      locale: this.#locale,
      calendar: 'gregory',
      numberingSystem: 'latn',
      timeZone: this.#zone.name,
      ...(hasHour
        ? { hourCycle: this.#cycle, hour12: this.#cycle === 'h12' || this.#cycle === 'h11' }
        : {}),
      ...(Object.keys(this.#styles).length > 0 ? this.#styles : this.#fields),
    };
  }

  static supportedLocalesOf(locales: unknown): string[] {
    return supportedLocales(locales);
  }
}

function shortened(name: string, form: unknown): string {
  if (form === 'long') return name;
  return name.slice(0, form === 'narrow' ? 1 : 3);
}

/** What the methods of Date print. */
export function dateText(
  date: Date,
  kind: 'date' | 'time' | 'any',
  locales: unknown,
  options: unknown,
): string {
  if (Number.isNaN(date.getTime())) return 'Invalid Date';
  const dates = ['year', 'month', 'day'];
  const times = ['hour', 'minute', 'second'];
  const needed = { date: DATE_FIELDS, time: TIME_FIELDS, any: [...DATE_FIELDS, ...TIME_FIELDS] }[
    kind
  ];
  const defaults = { date: dates, time: times, any: [...dates, ...times] }[kind];
  return new DateTimeFormat(locales, options ?? {}, needed, defaults).format(date);
}
