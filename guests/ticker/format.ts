/** How a quote looks as a line of text. */

export interface Quote {
  readonly symbol: string;
  readonly price: number;
  /** Relative to the quote before: 0.01 is one percent up. */
  readonly change: number;
  readonly time: Date;
}

export function formatPrice({ symbol, price, change, time }: Quote): string {
  const sign = change < 0 ? '' : '+';
  const percent = `${sign}${(change * 100).toFixed(2)}%`;
  return `${time.toISOString()} ${symbol.padEnd(5)} ${price.toFixed(2).padStart(8)} ${percent}`;
}
