const { cases, thrown } = require('./cases.cjs');

const D = new Date(Date.UTC(2024, 6, 4, 15, 7, 9, 42));
cases({
  numbers: () =>
    console.log(
      (1234567.891).toLocaleString(),
      (0.256).toLocaleString('en-US', { style: 'percent' }),
      (1234.5).toLocaleString('en-US', { style: 'currency', currency: 'EUR' }),
      (1e9).toLocaleString('en-US', { notation: 'compact' }),
      (5).toLocaleString('en-US', { minimumIntegerDigits: 3 }),
      12345n.toLocaleString(),
      (1.005).toLocaleString('en-US', { maximumFractionDigits: 2 }),
      (12).toLocaleString('en-US', { style: 'unit', unit: 'kilometer' }),
    ),
  dates: () =>
    console.log(
      D.toLocaleString(),
      D.toLocaleDateString(),
      D.toLocaleTimeString(),
      D.toLocaleDateString('en-US', { dateStyle: 'full' }),
      D.toLocaleTimeString('en-US', { timeStyle: 'short' }),
      D.toLocaleString('en-US', { month: 'short', day: 'numeric', hour: '2-digit', hour12: false }),
    ),
  'time zones': () => {
    for (const timeZone of [
      'UTC',
      'Europe/Berlin',
      'America/New_York',
      'Asia/Kolkata',
      'Australia/Lord_Howe',
      'Asia/Tokyo',
      'America/Sao_Paulo',
      'Africa/Cairo',
      'Pacific/Apia',
    ])
      console.log(
        timeZone,
        D.toLocaleString('en-US', { timeZone }),
        new Date(Date.UTC(2024, 0, 4)).toLocaleString('en-US', { timeZone }),
        new Date(Date.UTC(1985, 5, 4)).toLocaleString('en-US', { timeZone }),
      );
  },
  'names of time zones': () => {
    for (const timeZone of ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata'])
      for (const timeZoneName of ['short', 'shortOffset', 'longOffset'])
        console.log(timeZone, timeZoneName, D.toLocaleString('en-US', { timeZone, timeZoneName }));
  },
  'a time zone that is none': () =>
    console.log(
      thrown(() => D.toLocaleString('en-US', { timeZone: 'Mars/Base' })),
      new Intl.DateTimeFormat('en-US', { timeZone: 'europe/berlin' }).resolvedOptions().timeZone,
    ),
  parts: () =>
    console.log(
      new Intl.DateTimeFormat('en-US', { dateStyle: 'medium', timeStyle: 'medium' })
        .formatToParts(D)
        .map(({ type, value }) => `${type}=${value}`)
        .join(),
      new Intl.NumberFormat('en-US')
        .formatToParts(-1234.5)
        .map(({ type }) => type)
        .join(),
    ),
  'plurals, lists, relative times': () =>
    console.log(
      [1, 2, 0].map((n) => new Intl.PluralRules('en-US').select(n)),
      [1, 2, 3, 4, 11, 21].map((n) => new Intl.PluralRules('en-US', { type: 'ordinal' }).select(n)),
      new Intl.ListFormat('en').format(['a', 'b', 'c']),
      new Intl.RelativeTimeFormat('en', { numeric: 'auto' }).format(-1, 'day'),
      new Intl.RelativeTimeFormat('en').format(3, 'hour'),
    ),
  collation: () =>
    console.log(
      ['b', 'a', 'Z', 'ä', 'A'].sort(new Intl.Collator('en').compare),
      ['10', '2', '1'].sort(new Intl.Collator('en', { numeric: true }).compare),
      'a'.localeCompare('B'),
      'a'.localeCompare('A', 'en', { sensitivity: 'base' }),
    ),
  segmenter: () =>
    console.log(
      [...new Intl.Segmenter('en', { granularity: 'word' }).segment('Hello, world!')].map(
        (s) => s.segment,
      ),
      [...new Intl.Segmenter('en').segment('a👍🏽b')].length,
    ),
  locales: () =>
    console.log(
      Intl.getCanonicalLocales('EN-us'),
      new Intl.Locale('de-Latn-DE').language,
      Intl.DateTimeFormat.supportedLocalesOf(['en-GB', 'en']),
      Intl.DateTimeFormat().resolvedOptions().timeZone.length > 0,
    ),
});
