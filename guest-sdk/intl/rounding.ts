/** To how many digits a number is rounded, and what is shown of it then. */

import { type Decimal, keepDigits, keepFraction, spread } from './decimal.ts';
import { digits, type Options } from './options.ts';

export interface Rounding {
  readonly minimumIntegerDigits: number;
  readonly minimumFractionDigits: number;
  readonly maximumFractionDigits: number;
  readonly significant: readonly [number, number] | undefined;
}

export function roundingOf(options: Options, fraction: readonly [number, number]): Rounding {
  const minimumIntegerDigits = digits(options, 'minimumIntegerDigits', 1, 21) ?? 1;
  const least = digits(options, 'minimumFractionDigits', 0, 100);
  const most = digits(options, 'maximumFractionDigits', 0, 100);
  if (least !== undefined && most !== undefined && least > most) {
    throw new RangeError('maximumFractionDigits value is out of range.');
  }
  const minimumFractionDigits = least ?? Math.min(fraction[0], most ?? fraction[0]);
  const leastDigits = digits(options, 'minimumSignificantDigits', 1, 21);
  const mostDigits = digits(options, 'maximumSignificantDigits', leastDigits ?? 1, 21);
  const isSignificant = leastDigits !== undefined || mostDigits !== undefined;
  return {
    minimumIntegerDigits,
    minimumFractionDigits,
    maximumFractionDigits: most ?? Math.max(fraction[1], minimumFractionDigits),
    significant: isSignificant ? [leastDigits ?? 1, mostDigits ?? 21] : undefined,
  };
}

/** Rounded, and the digits to show. */
export function round(
  number: Decimal,
  rounding: Rounding,
): { number: Decimal; whole: string; fraction: string } {
  const { significant, minimumIntegerDigits } = rounding;
  const rounded = significant
    ? keepDigits(number, significant[1])
    : keepFraction(number, rounding.maximumFractionDigits);
  const least = significant
    ? Math.max(
        0,
        significant[0] - Math.max(rounded.point, rounded.digits === '' ? 1 : rounded.point),
      )
    : rounding.minimumFractionDigits;
  const { whole, fraction } = spread(rounded, least);
  return { number: rounded, whole: whole.padStart(minimumIntegerDigits, '0'), fraction };
}
