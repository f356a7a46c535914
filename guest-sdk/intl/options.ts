/** What the constructors of `Intl` share. One locale is there: English as in the United States. */

export const LOCALE = 'en-US';
export type Options = Readonly<Record<string, unknown>>;

const TAG = /^[a-z]{2,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?(?:-[a-z0-9]+)*$/i;

/** Canonical forms of the tags asked for. A RangeError for what is no tag. */
export function canonicalLocales(locales: unknown): string[] {
  if (locales === undefined) return [];
  const list = typeof locales === 'string' || !isIterable(locales) ? [locales] : [...locales];
  return [...new Set(list.map(canonical))];
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

function canonical(tag: unknown): string {
  if (typeof tag !== 'string' && (typeof tag !== 'object' || tag === null)) {
    throw new TypeError('Incorrect locale information provided');
  }
  const text = String(tag);
  if (!TAG.test(text)) throw new RangeError(`Incorrect locale information provided`);
  return text
    .split('-')
    .map((part, index) => {
      if (index === 0) return part.toLowerCase();
      if (part.length === 2) return part.toUpperCase();
      if (part.length === 4) return part.charAt(0).toUpperCase() + part.slice(1).toLowerCase();
      return part.toLowerCase();
    })
    .join('-');
}

/** The tags of `locales` that are English, as `supportedLocalesOf` has them. */
export function supportedLocales(locales: unknown): string[] {
  return canonicalLocales(locales).filter((tag) => /^en(?:-|$)/.test(tag));
}

/** The locale a formatter works in: the English one asked for, or that of the system. */
export function localeFor(locales: unknown): string {
  return supportedLocales(locales)[0] ?? LOCALE;
}

/** One of `choices`, or the first of them when it is not given. */
export function choose<T extends string>(
  owner: string,
  options: Options,
  name: string,
  choices: readonly T[],
): T {
  const value = options[name];
  if (value === undefined) return choices[0] as T;
  const found = choices.find((choice) => choice === String(value));
  if (found !== undefined) return found;
  throw new RangeError(
    `Value ${String(value)} out of range for Intl.${owner} options property ${name}`,
  );
}

/** A whole number from `least` to `most`. */
export function digits(
  options: Options,
  name: string,
  least: number,
  most: number,
): number | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  const number = Math.floor(Number(value));
  if (number >= least && number <= most) return number;
  throw new RangeError(`${name} value is out of range.`);
}

export interface Part {
  readonly type: string;
  readonly value: string;
}

export function joinParts(parts: readonly Part[]): string {
  return parts.map(({ value }) => value).join('');
}
