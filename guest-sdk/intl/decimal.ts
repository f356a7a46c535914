/** Numbers as decimal digits, as they are rounded for people: by the digits that `String` shows. */

export interface Decimal {
  readonly isNegative: boolean;
  /** Digits without leading zeros; "" is zero. */
  readonly digits: string;
  /** How many of the digits, or zeros after them, stand before the point; negative: zeros after it. */
  readonly point: number;
}

/** Of a finite number, a bigint or the text of a decimal number. */
export function decimalOf(value: number | bigint | string): Decimal {
  const text = typeof value === 'number' && Object.is(value, -0) ? '-0' : String(value);
  const [, sign = '', whole = '', fraction = '', power = '0'] =
    /^([-+]?)(\d*)\.?(\d*)(?:e([-+]?\d+))?$/i.exec(text) ?? [];
  const all = whole + fraction;
  const lead = /^0*/.exec(all)?.[0].length ?? 0;
  return {
    isNegative: sign === '-',
    digits: all.slice(lead).replace(/0+$/, ''),
    point: all.length === lead ? 0 : whole.length + Number(power) - lead,
  };
}

/** The same with at most `count` digits, the last one rounded half away from zero. */
export function keepDigits(number: Decimal, count: number): Decimal {
  if (number.digits.length <= count) return number;
  if (count < 0) return { ...number, digits: '', point: 0 };
  const kept = number.digits.slice(0, count);
  if (number.digits.charAt(count) < '5') return trimmed(number, kept, number.point);
  const up = String(BigInt(kept === '' ? '0' : kept) + 1n).padStart(count, '0');
  return trimmed(number, up, number.point + (up.length - count));
}

function trimmed(number: Decimal, text: string, point: number): Decimal {
  const kept = text.replace(/0+$/, '');
  return { ...number, digits: kept, point: kept === '' ? 0 : point };
}

/** The same with at most `count` digits after the point. */
export function keepFraction(number: Decimal, count: number): Decimal {
  return keepDigits(number, number.point + count);
}

/** Digits before and after the point, with at least `least` after it. */
export function spread(number: Decimal, least: number): { whole: string; fraction: string } {
  const { digits, point } = number;
  const whole = point <= 0 ? '' : digits.slice(0, point).padEnd(point, '0');
  const fraction = point >= 0 ? digits.slice(point) : '0'.repeat(-point) + digits;
  return { whole: whole === '' ? '0' : whole, fraction: fraction.padEnd(least, '0') };
}

/** Times ten to the power of `by`. */
export function shift(number: Decimal, by: number): Decimal {
  return number.digits === '' ? number : { ...number, point: number.point + by };
}
