/** `Intl.ListFormat`, `RelativeTimeFormat`, `Collator`, `Segmenter` and `Locale` in English. */

import { NumberFormat } from './number-format.ts';
import {
  canonicalLocales,
  choose,
  joinParts,
  LOCALE,
  localeFor,
  type Options,
  type Part,
  supportedLocales,
} from './options.ts';

export class ListFormat {
  readonly #locale: string;
  readonly #type: string;
  readonly #style: string;

  constructor(locales?: unknown, given: unknown = {}) {
    canonicalLocales(locales);
    this.#locale = localeFor(locales);
    const options = Object(given) as Options;
    this.#type = choose('ListFormat', options, 'type', ['conjunction', 'disjunction', 'unit']);
    this.#style = choose('ListFormat', options, 'style', ['long', 'short', 'narrow']);
  }

  format(list: unknown): string {
    return joinParts(this.formatToParts(list));
  }

  formatToParts(list: unknown): Part[] {
    const texts = list === undefined ? [] : [...(list as Iterable<unknown>)];
    for (const text of texts) {
      if (typeof text !== 'string')
        throw new TypeError(`Iterable yielded ${String(text)} which is not a string`);
    }
    const last = texts.length - 1;
    return texts.flatMap((text, index) => [
      ...(index === 0
        ? []
        : [{ type: 'literal', value: this.#between(index === last, last === 1) }]),
      { type: 'element', value: text as string },
    ]);
  }

  #between(isLast: boolean, isPair: boolean): string {
    if (this.#type === 'unit') return this.#style === 'narrow' ? ' ' : ', ';
    if (!isLast) return ', ';
    const isWord = this.#type === 'disjunction' || this.#style === 'long';
    const word = this.#type === 'disjunction' ? 'or' : isWord ? 'and' : '&';
    if (!isWord && this.#style === 'narrow') return ', ';
    return isPair ? ` ${word} ` : `, ${word} `;
  }

  resolvedOptions(): Record<string, unknown> {
    return { locale: this.#locale, type: this.#type, style: this.#style };
  }

  static supportedLocalesOf(locales: unknown): string[] {
    return supportedLocales(locales);
  }
}

const TIME_UNITS = ['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'];
const SHORT_UNITS: Readonly<Record<string, string>> = {
  second: 'sec.',
  minute: 'min.',
  hour: 'hr.',
  day: 'day',
  week: 'wk.',
  month: 'mo.',
  quarter: 'qtr.',
  year: 'yr.',
};
const NARROW_UNITS: Readonly<Record<string, string>> = {
  second: 's',
  minute: 'min',
  hour: 'h',
  day: 'd',
  week: 'w',
  month: 'mo',
  quarter: 'q',
  year: 'y',
};

function inWords(value: number, unit: string): string | undefined {
  if (unit === 'day') return { '-1': 'yesterday', '0': 'today', '1': 'tomorrow' }[String(value)];
  if (value === 0) return unit === 'second' ? 'now' : `this ${unit}`;
  if (unit === 'second' || unit === 'minute' || unit === 'hour') return undefined;
  return { '-1': `last ${unit}`, '1': `next ${unit}` }[String(value)];
}

export class RelativeTimeFormat {
  readonly #locale: string;
  readonly #style: string;
  readonly #numeric: string;
  readonly #numbers: NumberFormat;

  constructor(locales?: unknown, given: unknown = {}) {
    canonicalLocales(locales);
    this.#locale = localeFor(locales);
    const options = Object(given) as Options;
    this.#style = choose('RelativeTimeFormat', options, 'style', ['long', 'short', 'narrow']);
    this.#numeric = choose('RelativeTimeFormat', options, 'numeric', ['always', 'auto']);
    this.#numbers = new NumberFormat(locales);
  }

  format(value: unknown, unit: unknown): string {
    return joinParts(this.formatToParts(value, unit));
  }

  formatToParts(given: unknown, named: unknown): (Part & { readonly unit?: string })[] {
    const value = Number(given);
    const unit = String(named).replace(/s$/, '');
    if (!TIME_UNITS.includes(unit)) {
      throw new RangeError(
        `Invalid unit argument for Intl.RelativeTimeFormat.prototype.format() '${String(named)}'`,
      );
    }
    if (!Number.isFinite(value)) throw new RangeError('Invalid time value');
    const words = this.#numeric === 'auto' ? inWords(value, unit) : undefined;
    if (words !== undefined) return [{ type: 'literal', value: words }];
    const size = Math.abs(value);
    const isPast = value < 0 || Object.is(value, -0);
    const numbers = this.#numbers.formatToParts(size).map((part) => ({ ...part, unit }));
    const after =
      this.#style === 'narrow' ? (NARROW_UNITS[unit] ?? '') : ` ${this.#name(unit, size)}`;
    const tail = { type: 'literal', value: isPast ? `${after} ago` : after };
    return isPast ? [...numbers, tail] : [{ type: 'literal', value: 'in ' }, ...numbers, tail];
  }

  #name(unit: string, size: number): string {
    const name = this.#style === 'long' ? unit : (SHORT_UNITS[unit] ?? unit);
    const grows = this.#style === 'long' || unit === 'day' || unit === 'quarter';
    return size === 1 || !grows ? name : name.endsWith('.') ? name.replace('.', 's.') : `${name}s`;
  }

  resolvedOptions(): Record<string, unknown> {
    return {
      locale: this.#locale,
      style: this.#style,
      numeric: this.#numeric,
      numberingSystem: 'latn',
    };
  }

  static supportedLocalesOf(locales: unknown): string[] {
    return supportedLocales(locales);
  }
}

/** Spaces, then other signs, digits, letters: the order of the Unicode collation algorithm. */
const SIGNS = '_-,;:!?.\'"()[]{}@*/\\&#%`^+<=>|~$';

function weight(character: string): number {
  if (/\s/.test(character)) return 0;
  const sign = SIGNS.indexOf(character);
  if (sign >= 0) return 1 + sign;
  if (/\p{N}/u.test(character)) return 1000 + (character.codePointAt(0) ?? 0);
  return (/\p{L}/u.test(character) ? 1_000_000 : 100) + (character.codePointAt(0) ?? 0);
}

const MARKS = /\p{M}+/gu;

function compareBases(first: string, second: string, numeric: boolean): number {
  const pattern = numeric ? /\d+|./gsu : /./gsu;
  const [left, right] = [first.match(pattern) ?? [], second.match(pattern) ?? []];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const [a = '', b = ''] = [left[at], right[at]];
    if (a === b) continue;
    const isNumber = numeric && /^\d/.test(a) && /^\d/.test(b);
    const difference = isNumber ? Number(a) - Number(b) : weight(a) - weight(b);
    if (difference !== 0) return Math.sign(difference);
  }
  return Math.sign(left.length - right.length);
}

/** Order of two texts: letters first, then accents, then case, as far as `sensitivity` looks. */
export function compareTexts(first: string, second: string, options: Options = {}): number {
  if (first === second) return 0;
  const sensitivity = choose('Collator', options, 'sensitivity', [
    'variant',
    'base',
    'accent',
    'case',
  ]);
  const strip = (text: string): string =>
    options.ignorePunctuation ? text.replace(/[\p{P}\s]/gu, '') : text;
  const [a, b] = [strip(first).normalize('NFD'), strip(second).normalize('NFD')];
  const [plainA, plainB] = [a.replace(MARKS, ''), b.replace(MARKS, '')];
  const base = compareBases(plainA.toLowerCase(), plainB.toLowerCase(), Boolean(options.numeric));
  if (base !== 0) return base;
  if (sensitivity === 'variant' || sensitivity === 'accent') {
    const accents = compareBases(a.toLowerCase(), b.toLowerCase(), false);
    if (accents !== 0) return accents;
  }
  if (sensitivity === 'base' || sensitivity === 'accent') return 0;
  return compareCase(plainA, plainB) * (options.caseFirst === 'upper' ? -1 : 1);
}

function compareCase(first: string, second: string): number {
  for (let at = 0; at < Math.min(first.length, second.length); at++) {
    const [a, b] = [first.charAt(at), second.charAt(at)];
    // A small letter is before its capital.
    if (a !== b) return a === a.toLowerCase() ? -1 : 1;
  }
  return 0;
}

export class Collator {
  readonly #locale: string;
  readonly #options: Options;
  readonly compare: (first: unknown, second: unknown) => number;

  constructor(locales?: unknown, given: unknown = {}) {
    canonicalLocales(locales);
    this.#locale = localeFor(locales);
    const options = Object(given) as Options;
    choose('Collator', options, 'sensitivity', ['variant', 'base', 'accent', 'case']);
    this.#options = options;
    const compare = (first: unknown, second: unknown): number =>
      compareTexts(String(first), String(second), options);
    Object.defineProperty(this, 'compare', { value: compare, enumerable: false });
    this.compare = compare;
  }

  resolvedOptions(): Record<string, unknown> {
    const {
      usage = 'sort',
      sensitivity = 'variant',
      ignorePunctuation = false,
      numeric = false,
      caseFirst = 'false',
    } = this.#options;
    return {
      locale: this.#locale,
      usage,
      sensitivity,
      ignorePunctuation,
      collation: 'default',
      numeric,
      caseFirst,
    };
  }

  static supportedLocalesOf(locales: unknown): string[] {
    return supportedLocales(locales);
  }
}

interface Segment {
  readonly segment: string;
  readonly index: number;
  readonly input: string;
  readonly isWordLike?: boolean;
}

/** Letters with their marks, flags, emoji with what is joined to them. */
const GRAPHEME =
  /\r\n|\p{RI}\p{RI}|\p{Emoji}(?:\p{EMod}|\ufe0f\u20e3?|\p{M})*(?:\u200d\p{Emoji}(?:\p{EMod}|\ufe0f|\p{M})*)*|.\p{M}*/gsu;
const WORD = /[\p{L}\p{N}_]+(?:['’.][\p{L}\p{N}_]+)*\p{M}*|\r\n|\p{Emoji}(?:\p{EMod}|\ufe0f)*|./gsu;
const SENTENCE = /.+?(?:[.!?]+["')\]]*(?:\s+|$)|$|\n)/gsu;

export class Segmenter {
  readonly #locale: string;
  readonly #granularity: string;

  constructor(locales?: unknown, given: unknown = {}) {
    canonicalLocales(locales);
    this.#locale = localeFor(locales);
    this.#granularity = choose('Segmenter', Object(given) as Options, 'granularity', [
      'grapheme',
      'word',
      'sentence',
    ]);
  }

  segment(given: unknown): Iterable<Segment> & { containing(at?: unknown): Segment | undefined } {
    const input = String(given);
    const isWords = this.#granularity === 'word';
    const pattern = isWords ? WORD : this.#granularity === 'sentence' ? SENTENCE : GRAPHEME;
    const list = (): Segment[] =>
      [...input.matchAll(pattern)].map(({ 0: segment, index }) => {
        const found = { segment, index, input };
        return isWords ? { ...found, isWordLike: /[\p{L}\p{N}]/u.test(segment) } : found;
      });
    return {
      [Symbol.iterator]: () => list()[Symbol.iterator](),
      containing: (at = 0) =>
        list().find(
          ({ index, segment }) => Number(at) >= index && Number(at) < index + segment.length,
        ),
    };
  }

  resolvedOptions(): Record<string, unknown> {
    return { locale: this.#locale, granularity: this.#granularity };
  }

  static supportedLocalesOf(locales: unknown): string[] {
    return supportedLocales(locales);
  }
}

export class Locale {
  readonly #tag: string;

  constructor(tag: unknown) {
    const [canonical] = canonicalLocales(typeof tag === 'object' ? String(tag) : [tag]);
    this.#tag = canonical ?? LOCALE;
  }

  get baseName(): string {
    return this.#tag.replace(/-[a-z0-9]-.*$/, '');
  }

  get language(): string {
    return this.#tag.split('-')[0] ?? '';
  }

  get script(): string | undefined {
    return this.baseName.split('-').find((part) => part.length === 4);
  }

  get region(): string | undefined {
    return this.baseName
      .split('-')
      .slice(1)
      .find((part) => /^(?:[A-Z]{2}|\d{3})$/.test(part));
  }

  toString(): string {
    return this.#tag;
  }
}
