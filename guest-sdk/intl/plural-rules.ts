/** `Intl.PluralRules` in English. */

import { decimalOf } from './decimal.ts';
import { canonicalLocales, choose, localeFor, type Options, supportedLocales } from './options.ts';
import { type Rounding, round, roundingOf } from './rounding.ts';

export class PluralRules {
  readonly #locale: string;
  readonly #type: string;
  readonly #rounding: Rounding;

  constructor(locales?: unknown, given: unknown = {}) {
    canonicalLocales(locales);
    this.#locale = localeFor(locales);
    const options = Object(given) as Options;
    this.#type = choose('PluralRules', options, 'type', ['cardinal', 'ordinal']);
    this.#rounding = roundingOf(options, [0, 3]);
  }

  select(value: unknown): string {
    const number = Number(value);
    if (!Number.isFinite(number)) return 'other';
    const { whole, fraction } = round(decimalOf(number), this.#rounding);
    if (this.#type === 'cardinal') return whole === '1' && fraction === '' ? 'one' : 'other';
    if (fraction !== '' || /1[123]$/.test(whole)) return 'other';
    return { '1': 'one', '2': 'two', '3': 'few' }[whole.at(-1) ?? ''] ?? 'other';
  }

  resolvedOptions(): Record<string, unknown> {
    const { minimumIntegerDigits, minimumFractionDigits, maximumFractionDigits } = this.#rounding;
    const pluralCategories =
      this.#type === 'cardinal' ? ['one', 'other'] : ['few', 'one', 'two', 'other'];
    return {
      locale: this.#locale,
      type: this.#type,
      minimumIntegerDigits,
      minimumFractionDigits,
      maximumFractionDigits,
      pluralCategories,
    };
  }

  static supportedLocalesOf(locales: unknown): string[] {
    return supportedLocales(locales);
  }
}
