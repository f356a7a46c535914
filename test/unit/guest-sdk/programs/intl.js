/** What `Intl` and the methods that print for people say in English. */

const d = new Date(Date.UTC(2024, 0, 31, 0, 5, 9, 7));
const t = (o) =>
  console.log(
    JSON.stringify(o),
    JSON.stringify(d.toLocaleString('en-US', { timeZone: 'UTC', ...o })),
  );
for (const o of [
  {},
  { hour12: false },
  { hourCycle: 'h23' },
  { dateStyle: 'full' },
  { dateStyle: 'long' },
  { dateStyle: 'medium' },
  { dateStyle: 'short' },
  { timeStyle: 'full' },
  { timeStyle: 'long' },
  { timeStyle: 'medium' },
  { timeStyle: 'short' },
  { dateStyle: 'full', timeStyle: 'full' },
  { dateStyle: 'long', timeStyle: 'short' },
  { dateStyle: 'medium', timeStyle: 'short' },
  { dateStyle: 'short', timeStyle: 'short' },
  { month: 'long', day: 'numeric', year: 'numeric', hour: 'numeric', minute: 'numeric' },
  { month: 'short', day: 'numeric', year: 'numeric', hour: 'numeric', minute: '2-digit' },
  { weekday: 'long' },
  { weekday: 'short', month: 'short', day: 'numeric' },
  { weekday: 'short', year: 'numeric', month: 'numeric', day: 'numeric' },
  { month: 'long', year: 'numeric' },
  { month: 'numeric', year: 'numeric' },
  { month: '2-digit', day: '2-digit', year: 'numeric' },
  { month: '2-digit', day: '2-digit', year: '2-digit' },
  { hour: '2-digit', minute: '2-digit' },
  { hour: 'numeric' },
  { minute: '2-digit', second: '2-digit' },
  { minute: 'numeric' },
  { hour: '2-digit', minute: '2-digit', hour12: false },
  { hour: 'numeric', hour12: false },
  { second: 'numeric', fractionalSecondDigits: 3 },
  {
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    fractionalSecondDigits: 2,
    hour12: false,
  },
  { timeZoneName: 'short' },
  { timeZoneName: 'long' },
  { hour: 'numeric', timeZoneName: 'short' },
  { era: 'short' },
  {
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    era: 'short',
    hourCycle: 'h23',
  },
  { month: 'narrow' },
  { month: 'short' },
  { day: 'numeric' },
  { year: '2-digit' },
  { weekday: 'long', hour: 'numeric' },
  { weekday: 'narrow', month: 'long', day: 'numeric', year: 'numeric' },
  { day: '2-digit', month: 'short' },
  { month: 'short', year: 'numeric' },
  { weekday: 'short', hour: 'numeric', minute: 'numeric' },
  { timeZone: 'Etc/GMT+3', timeZoneName: 'short' },
])
  t(o);
// Zones with a summer, without one, with half hours, that jumped over a day, beyond the table, by old names.
for (const timeZone of [
  'Europe/Berlin',
  'america/new_york',
  'US/Pacific',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Europe/London',
  'Africa/Casablanca',
]) {
  const zoned = (time, more) => new Date(time).toLocaleString('en-US', { timeZone, ...more });
  console.log(new Intl.DateTimeFormat('en-US', { timeZone }).resolvedOptions().timeZone);
  for (const year of [1970, 1985, 2011, 2024, 2040])
    for (const month of [0, 2, 6, 10, 11])
      console.log(zoned(Date.UTC(year, month, 31, 23, 30)), zoned(Date.UTC(year, month, 1, 1)));
  for (const timeZoneName of ['short', 'long', 'shortOffset', 'longOffset'])
    console.log(
      zoned(Date.UTC(2023, 0, 5), { timeZoneName }),
      zoned(Date.UTC(2023, 6, 5), { timeZoneName }),
    );
}
console.log(
  d.toLocaleDateString('en', { timeZone: 'UTC' }),
  d.toLocaleTimeString('en', { timeZone: 'UTC' }),
  JSON.stringify(
    new Intl.DateTimeFormat('en-US', {
      timeZone: 'UTC',
      hour: 'numeric',
      minute: 'numeric',
      month: 'short',
      day: 'numeric',
    }).formatToParts(d),
  ),
);
console.log(
  new Intl.DateTimeFormat('en-US', { timeZone: 'UTC' }).resolvedOptions(),
  new Intl.NumberFormat().resolvedOptions(),
  new Intl.PluralRules().resolvedOptions(),
  new Intl.Collator().resolvedOptions(),
  new Intl.ListFormat().resolvedOptions(),
  new Intl.RelativeTimeFormat().resolvedOptions(),
);
for (const [n, o] of [
  [1234567.891],
  [0.1 + 0.2],
  [1e21],
  [-5],
  [-0],
  [NaN],
  [Infinity],
  [1.005, { maximumFractionDigits: 2 }],
  [0.256, { style: 'percent' }],
  [1234.5, { style: 'currency', currency: 'USD' }],
  [-1234.5, { style: 'currency', currency: 'EUR', currencySign: 'accounting' }],
  [1234, { style: 'currency', currency: 'JPY' }],
  [5, { style: 'currency', currency: 'CHF' }],
  [5, { style: 'currency', currency: 'USD', currencyDisplay: 'name' }],
  [5, { style: 'currency', currency: 'USD', currencyDisplay: 'code' }],
  [1234, { notation: 'compact' }],
  [1250000, { notation: 'compact', compactDisplay: 'long' }],
  [999999, { notation: 'compact' }],
  [12, { notation: 'compact' }],
  [12345, { notation: 'scientific' }],
  [12345, { notation: 'engineering' }],
  [12, { style: 'unit', unit: 'kilometer-per-hour' }],
  [3, { style: 'unit', unit: 'day', unitDisplay: 'long' }],
  [16, { style: 'unit', unit: 'megabyte' }],
  [5, { minimumIntegerDigits: 2 }],
  [1234.5678, { maximumSignificantDigits: 3 }],
  [5, { signDisplay: 'always' }],
  [0, { signDisplay: 'exceptZero' }],
  [1234, { useGrouping: false }],
  [12345678901234567890n],
  [1.5, { minimumFractionDigits: 3 }],
  [1234, { minimumSignificantDigits: 6 }],
  [2.5, { maximumFractionDigits: 0 }],
  [-2.5, { maximumFractionDigits: 0 }],
  [0.000001234],
])
  console.log(n, JSON.stringify(o), JSON.stringify(n.toLocaleString('en-US', o)));
console.log(
  ['b', 'a', 'B', 'A', 'ä', 'z', '10', '9', '_', '-', ' '].sort((a, b) => a.localeCompare(b)),
  'a'.localeCompare('A'),
  'a'.localeCompare('B'),
  'a10'.localeCompare('a9', undefined, { numeric: true }),
  'a'.localeCompare('ä', undefined, { sensitivity: 'base' }),
);
const r = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
console.log(
  r.format(-1, 'day'),
  r.format(1, 'day'),
  r.format(0, 'day'),
  r.format(-2, 'day'),
  r.format(1, 'week'),
  r.format(0, 'second'),
  r.format(3, 'month'),
  r.format(-1, 'hour'),
  new Intl.RelativeTimeFormat('en', { style: 'short' }).format(-2, 'minutes'),
  new Intl.RelativeTimeFormat('en', { style: 'narrow' }).format(5, 'hours'),
  JSON.stringify(r.formatToParts(-5, 'day')),
  r.format(0, 'year'),
  r.format(-1, 'quarter'),
  r.format(1, 'minute'),
);
console.log(
  new Intl.ListFormat('en').format(['a', 'b', 'c']),
  new Intl.ListFormat('en', { type: 'disjunction' }).format(['a', 'b']),
  new Intl.ListFormat('en', { type: 'unit' }).format(['a', 'b', 'c']),
  new Intl.ListFormat('en', { type: 'unit', style: 'narrow' }).format(['a', 'b', 'c']),
  new Intl.ListFormat('en', { style: 'narrow' }).format(['a', 'b', 'c']),
  new Intl.ListFormat('en', { style: 'short' }).format(['a', 'b']),
  JSON.stringify(new Intl.ListFormat('en', { style: 'short' }).formatToParts(['a', 'b'])),
);
for (const g of ['grapheme', 'word', 'sentence'])
  console.log(
    [...new Intl.Segmenter('en', { granularity: g }).segment('Hi é👍🏽! It works.')]
      .map(({ segment, isWordLike }) => [segment, isWordLike])
      .join('|'),
  );
for (const f of [
  () => new Intl.NumberFormat('x-'),
  () => new Intl.NumberFormat('en', { style: 'currency' }),
  () => new Intl.DateTimeFormat('en', { timeZone: 'Nope/X' }),
  () => new Intl.DateTimeFormat('en').format(NaN),
  () => new Intl.NumberFormat('en', { style: 'zzz' }),
  () => new Intl.DateTimeFormat('en', { dateStyle: 'short', month: 'long' }),
  () => new Intl.PluralRules('en', { type: 'x' }),
  () => new Intl.NumberFormat('en', { maximumFractionDigits: 200 }),
  () => new Intl.RelativeTimeFormat('en').format(1, 'x'),
  () => new Intl.ListFormat('en').format([1]),
])
  try {
    f();
    console.log('fine');
  } catch (e) {
    console.log(e.name, e.message);
  }
console.log(
  Object.prototype.toString.call(Intl),
  Intl.getCanonicalLocales('EN-us'),
  Intl.NumberFormat.supportedLocalesOf(['en', 'xx']),
);
