/** `Intl.NumberFormat` in English. */

import { type Decimal, decimalOf, shift } from './decimal.ts';
import { COMPACT, NAMES, SYMBOLS, UNITS, unitText, WHOLE_CURRENCIES } from './number-words.ts';
import {
  canonicalLocales,
  choose,
  joinParts,
  localeFor,
  type Options,
  type Part,
  supportedLocales,
} from './options.ts';
import { type Rounding, round, roundingOf } from './rounding.ts';

function isExact(value: unknown): value is number | bigint | string {
  return (
    typeof value === 'bigint' ||
    (typeof value === 'string' && /^[-+]?\d+(?:\.\d+)?$/.test(value.trim()))
  );
}

export class NumberFormat {
  readonly #locale: string;
  readonly #options: Options;
  readonly #style: string;
  readonly #currency: string;
  readonly #unit: string;
  readonly #notation: string;
  readonly #sign: string;
  readonly #rounding: Rounding;
  readonly #grouped: boolean;
  #bound: ((value: unknown) => string) | undefined;

  constructor(locales?: unknown, given: unknown = {}) {
    canonicalLocales(locales);
    this.#locale = localeFor(locales);
    const options = Object(given) as Options;
    this.#options = options;
    this.#style = choose('NumberFormat', options, 'style', [
      'decimal',
      'percent',
      'currency',
      'unit',
    ]);
    this.#notation = choose('NumberFormat', options, 'notation', [
      'standard',
      'scientific',
      'engineering',
      'compact',
    ]);
    this.#sign = choose('NumberFormat', options, 'signDisplay', [
      'auto',
      'never',
      'always',
      'exceptZero',
      'negative',
    ]);
    this.#currency = String(options.currency ?? '').toUpperCase();
    this.#unit = String(options.unit ?? '');
    if (this.#style === 'currency' && options.currency === undefined) {
      throw new TypeError('Currency code is required with currency style.');
    }
    if (options.currency !== undefined && !/^[A-Z]{3}$/.test(this.#currency)) {
      throw new RangeError(`Invalid currency code : ${String(options.currency)}`);
    }
    if (this.#style === 'unit' && !this.#unit.split('-per-').every((name) => name in UNITS)) {
      throw new RangeError(`Invalid unit argument for Intl.NumberFormat() '${this.#unit}'`);
    }
    const cents = WHOLE_CURRENCIES.has(this.#currency) ? 0 : 2;
    const fractions: Readonly<Record<string, readonly [number, number]>> = {
      currency: [cents, cents],
      percent: [0, 0],
    };
    this.#rounding = roundingOf(
      options,
      this.#notation === 'compact' ? [0, 0] : (fractions[this.#style] ?? [0, 3]),
    );
    this.#grouped = options.useGrouping !== false && options.useGrouping !== 'false';
  }

  get format(): (value: unknown) => string {
    this.#bound ??= (value) => joinParts(this.formatToParts(value));
    return this.#bound;
  }

  formatToParts(value?: unknown): Part[] {
    const exact = isExact(value) ? value : Number(value);
    if (typeof exact === 'number' && !Number.isFinite(exact)) {
      const isNegative = exact < 0;
      const body: Part = Number.isNaN(exact)
        ? { type: 'nan', value: 'NaN' }
        : { type: 'infinity', value: '∞' };
      return this.#dress([body], isNegative, Number.isNaN(exact), false);
    }
    const number = decimalOf(typeof exact === 'string' ? exact.trim() : exact);
    const { parts, rounded, isOne } = this.#body(
      this.#style === 'percent' ? shift(number, 2) : number,
    );
    return this.#dress(parts, number.isNegative, rounded.digits === '', isOne);
  }

  #body(number: Decimal): { parts: Part[]; rounded: Decimal; isOne: boolean } {
    if (this.#notation === 'compact') return this.#compact(number);
    if (this.#notation === 'standard') return this.#plain(number);
    const size = number.digits === '' ? 0 : number.point - 1;
    const exponent = this.#notation === 'engineering' ? Math.floor(size / 3) * 3 : size;
    const { parts, rounded } = this.#plain(shift(number, -exponent));
    parts.push({ type: 'exponentSeparator', value: 'E' });
    if (exponent < 0) parts.push({ type: 'exponentMinusSign', value: '-' });
    parts.push({ type: 'exponentInteger', value: String(Math.abs(exponent)) });
    return { parts, rounded, isOne: false };
  }

  #plain(
    number: Decimal,
    rounding: Rounding = this.#rounding,
    groups = this.#grouped,
  ): { parts: Part[]; rounded: Decimal; isOne: boolean } {
    const { number: rounded, whole, fraction } = round(number, rounding);
    const texts = groups ? whole.replace(/\B(?=(?:\d{3})+$)/g, ',').split(',') : [whole];
    const parts: Part[] = texts.flatMap((value, index) => [
      ...(index > 0 ? [{ type: 'group', value: ',' }] : []),
      { type: 'integer', value },
    ]);
    if (fraction !== '') {
      parts.push({ type: 'decimal', value: '.' }, { type: 'fraction', value: fraction });
    }
    return { parts, rounded, isOne: whole === '1' && fraction === '' };
  }

  /** Two digits, or all before the point, unless the options say how many. */
  #compact(number: Decimal): { parts: Part[]; rounded: Decimal; isOne: boolean } {
    const isLong = this.#options.compactDisplay === 'long';
    const { maximumFractionDigits, minimumFractionDigits } = this.#options;
    const own =
      this.#rounding.significant !== undefined ||
      maximumFractionDigits !== undefined ||
      minimumFractionDigits !== undefined;
    const short = (scaled: Decimal): Rounding =>
      own
        ? this.#rounding
        : {
            ...this.#rounding,
            minimumFractionDigits: 0,
            significant: [1, Math.max(2, scaled.point)],
          };
    let at = COMPACT.findLastIndex(([power]) => number.point > power);
    let scaled = shift(number, -(COMPACT[at]?.[0] ?? 0));
    // What rounds up to a thousand is one of the next size.
    if (round(scaled, short(scaled)).whole.length > 3 && at < COMPACT.length - 1) {
      at += 1;
      scaled = shift(number, -(COMPACT[at]?.[0] ?? 0));
    }
    const body = this.#plain(scaled, short(scaled), this.#grouped && scaled.point > 4);
    const size = COMPACT[at];
    if (size !== undefined) {
      if (isLong) body.parts.push({ type: 'literal', value: ' ' });
      body.parts.push({ type: 'compact', value: isLong ? size[2].trim() : size[1] });
    }
    return { ...body, isOne: false };
  }

  /** With the sign, and what stands around a number of this style. */
  #dress(body: readonly Part[], isNegative: boolean, isZero: boolean, isOne: boolean): Part[] {
    const minus =
      isNegative &&
      (this.#sign === 'auto' || this.#sign === 'always' || (!isZero && this.#sign !== 'never'));
    const plus =
      !isNegative && (this.#sign === 'always' || (this.#sign === 'exceptZero' && !isZero));
    const sign: Part[] = minus
      ? [{ type: 'minusSign', value: '-' }]
      : plus
        ? [{ type: 'plusSign', value: '+' }]
        : [];
    if (this.#style === 'percent') return [...sign, ...body, { type: 'percentSign', value: '%' }];
    if (this.#style === 'unit') return [...sign, ...body, ...this.#unitParts(isOne)];
    if (this.#style !== 'currency') return [...sign, ...body];
    const display = this.#options.currencyDisplay ?? 'symbol';
    if (display === 'name') {
      const names = NAMES[this.#currency] ?? [this.#currency, this.#currency];
      return [
        ...sign,
        ...body,
        { type: 'literal', value: ' ' },
        { type: 'currency', value: names[isOne ? 0 : 1] },
      ];
    }
    const symbol =
      display === 'code' ? this.#currency : (SYMBOLS[this.#currency] ?? this.#currency);
    const shown = display === 'narrowSymbol' ? symbol.replace(/^[A-Z]+(?=\W)/, '') : symbol;
    const gap: Part[] = /[A-Z]$/.test(shown) ? [{ type: 'literal', value: '\u00a0' }] : [];
    const inner = [{ type: 'currency', value: shown }, ...gap, ...body];
    if (minus && this.#options.currencySign === 'accounting') {
      return [{ type: 'literal', value: '(' }, ...inner, { type: 'literal', value: ')' }];
    }
    return [...sign, ...inner];
  }

  #unitParts(isOne: boolean): Part[] {
    const display = choose('NumberFormat', this.#options, 'unitDisplay', [
      'short',
      'narrow',
      'long',
    ]);
    const [first = '', per] = this.#unit.split('-per-');
    let text = unitText(first, display, isOne);
    if (per !== undefined) {
      const below = unitText(per, display, true).trim();
      text +=
        display === 'long'
          ? ` per ${below}`
          : `/${per === 'hour' ? 'h' : per === 'second' ? 's' : below}`;
    }
    const space = text.startsWith(' ');
    const unit = { type: 'unit', value: space ? text.slice(1) : text };
    return space ? [{ type: 'literal', value: ' ' }, unit] : [unit];
  }

  resolvedOptions(): Record<string, unknown> {
    const { minimumIntegerDigits, minimumFractionDigits, maximumFractionDigits, significant } =
      this.#rounding;
    const {
      currencyDisplay = 'symbol',
      currencySign = 'standard',
      unitDisplay = 'short',
      compactDisplay = 'short',
    } = this.#options;
    return {
      locale: this.#locale,
      numberingSystem: 'latn',
      style: this.#style,
      ...(this.#style === 'currency'
        ? { currency: this.#currency, currencyDisplay, currencySign }
        : {}),
      ...(this.#style === 'unit' ? { unit: this.#unit, unitDisplay } : {}),
      minimumIntegerDigits,
      ...(significant
        ? { minimumSignificantDigits: significant[0], maximumSignificantDigits: significant[1] }
        : { minimumFractionDigits, maximumFractionDigits }),
      useGrouping: this.#grouped ? (this.#notation === 'compact' ? 'min2' : 'auto') : false,
      notation: this.#notation,
      ...(this.#notation === 'compact' ? { compactDisplay } : {}),
      signDisplay: this.#sign,
      roundingMode: 'halfExpand',
      roundingIncrement: 1,
      trailingZeroDisplay: 'auto',
      roundingPriority: 'auto',
    };
  }

  static supportedLocalesOf(locales: unknown): string[] {
    return supportedLocales(locales);
  }
}
