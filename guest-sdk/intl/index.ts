/**
 * `Intl` in the one locale a guest has. Its text lies in the firmware until something asks for it
 * (scripts/bundle-late.mjs). It calls nothing of the guest in the middle of what it does, and shares
 * nothing between calls, so that it does not matter when a preemptive timer comes.
 */

import { DateTimeFormat } from './date-format.ts';
import { NumberFormat } from './number-format.ts';
import { canonicalLocales } from './options.ts';
import { PluralRules } from './plural-rules.ts';
import { zoneNames } from './time-zones.ts';
import { Collator, ListFormat, Locale, RelativeTimeFormat, Segmenter } from './words.ts';

export { dateText } from './date-format.ts';
export { NumberFormat } from './number-format.ts';
export { compareTexts } from './words.ts';

type Constructor = new (...args: never[]) => object;

/** As the engines have them: named, callable without `new` where the language says so. */
function published(name: string, given: Constructor, isCallable: boolean): Constructor {
  const hidden = { writable: true, configurable: true, enumerable: false };
  Object.defineProperty(given, 'name', { value: name, configurable: true });
  Object.defineProperty(given, 'length', { value: name === 'Locale' ? 1 : 0, configurable: true });
  Object.defineProperty(given.prototype, Symbol.toStringTag, {
    value: `Intl.${name}`,
    configurable: true,
  });
  if (!isCallable) return given;
  const outer = new Proxy(given, {
    apply: (target, _self, args) => Reflect.construct(target, args),
  });
  Object.defineProperty(given.prototype, 'constructor', { value: outer, ...hidden });
  return outer;
}

function supportedValuesOf(key: unknown): string[] {
  const values: Readonly<Record<string, readonly string[]>> = {
    calendar: ['gregory'],
    collation: [],
    currency: [],
    numberingSystem: ['latn'],
    timeZone: key === 'timeZone' ? zoneNames() : [],
    unit: [],
  };
  const found = values[String(key)];
  if (found === undefined) throw new RangeError(`Invalid key : ${String(key)}`);
  return [...found];
}

function make(): object {
  const classes: Readonly<Record<string, readonly [Constructor, boolean]>> = {
    DateTimeFormat: [DateTimeFormat, true],
    NumberFormat: [NumberFormat, true],
    Collator: [Collator, true],
    PluralRules: [PluralRules, false],
    RelativeTimeFormat: [RelativeTimeFormat, false],
    ListFormat: [ListFormat, false],
    Locale: [Locale, false],
    Segmenter: [Segmenter, false],
  };
  const table = {};
  const add = (name: string, value: unknown): void => {
    Object.defineProperty(table, name, {
      value,
      writable: true,
      configurable: true,
      enumerable: false,
    });
  };
  add('getCanonicalLocales', (locales: unknown) => canonicalLocales(locales));
  add('supportedValuesOf', supportedValuesOf);
  for (const [name, [given, isCallable]] of Object.entries(classes))
    add(name, published(name, given, isCallable));
  Object.defineProperty(table, Symbol.toStringTag, { value: 'Intl', configurable: true });
  return table;
}

/** The object that the global `Intl` is. */
export const table: object = make();
