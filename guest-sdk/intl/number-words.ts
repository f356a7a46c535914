/** Signs and names of currencies and units in English. */

export const SYMBOLS: Readonly<Record<string, string>> = {
  USD: '$',
  EUR: '€',
  GBP: '£',
  JPY: '¥',
  INR: '₹',
  CNY: 'CN¥',
  KRW: '₩',
  BRL: 'R$',
  CAD: 'CA$',
  AUD: 'A$',
  MXN: 'MX$',
  NZD: 'NZ$',
  HKD: 'HK$',
  ILS: '₪',
  VND: '₫',
  TWD: 'NT$',
  PHP: '₱',
};
export const NAMES: Readonly<Record<string, readonly [string, string]>> = {
  USD: ['US dollar', 'US dollars'],
  EUR: ['euro', 'euros'],
  JPY: ['Japanese yen', 'Japanese yen'],
  GBP: ['British pound', 'British pounds'],
  CHF: ['Swiss franc', 'Swiss francs'],
  CAD: ['Canadian dollar', 'Canadian dollars'],
  AUD: ['Australian dollar', 'Australian dollars'],
  CNY: ['Chinese yuan', 'Chinese yuan'],
  INR: ['Indian rupee', 'Indian rupees'],
};
export const WHOLE_CURRENCIES = new Set(
  'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF'.split(' '),
);
/** Short and narrow form, and the plural of the long one where it is not the name and an "s". */
export const UNITS: Readonly<Record<string, readonly [string, string, string?]>> = {
  bit: [' bit', 'bit'],
  byte: [' byte', 'B'],
  kilobit: [' kb', 'kb'],
  kilobyte: [' kB', 'kB'],
  megabit: [' Mb', 'Mb'],
  megabyte: [' MB', 'MB'],
  gigabit: [' Gb', 'Gb'],
  gigabyte: [' GB', 'GB'],
  terabyte: [' TB', 'TB'],
  petabyte: [' PB', 'PB'],
  millisecond: [' ms', 'ms'],
  second: [' sec', 's'],
  minute: [' min', 'm'],
  hour: [' hr', 'h'],
  day: [' day', 'd'],
  week: [' wk', 'w'],
  month: [' mth', 'm'],
  year: [' yr', 'y'],
  percent: ['%', '%', ' percent'],
  millimeter: [' mm', 'mm'],
  centimeter: [' cm', 'cm'],
  meter: [' m', 'm'],
  kilometer: [' km', 'km'],
  inch: [' in', '″', ' inches'],
  foot: [' ft', '′', ' feet'],
  yard: [' yd', 'yd'],
  mile: [' mi', 'mi'],
  gram: [' g', 'g'],
  kilogram: [' kg', 'kg'],
  ounce: [' oz', 'oz'],
  pound: [' lb', '#'],
  liter: [' L', 'L'],
  milliliter: [' mL', 'mL'],
  celsius: ['°C', '°C', ' degrees Celsius'],
  fahrenheit: ['°F', '°', ' degrees Fahrenheit'],
  degree: [' deg', '°'],
};
/** Short units that take an "s". */
export const SHORT_PLURALS = new Set(['day', 'week', 'month', 'year']);
export const COMPACT = [
  [3, 'K', ' thousand'],
  [6, 'M', ' million'],
  [9, 'B', ' billion'],
  [12, 'T', ' trillion'],
] as const;

export function unitText(name: string, display: string, isOne: boolean): string {
  const [short, narrow, plural] = UNITS[name] ?? ['', ''];
  if (display === 'narrow') return narrow;
  if (display === 'long') {
    const one = plural?.startsWith(' degrees') ? plural.replace('degrees', 'degree') : ` ${name}`;
    return isOne ? one : (plural ?? ` ${name}s`);
  }
  return SHORT_PLURALS.has(name) && !isOne ? `${short}s` : short;
}
