const dayjs = require('dayjs');
dayjs.extend(require('dayjs/plugin/utc'));
dayjs.extend(require('dayjs/plugin/relativeTime'));
dayjs.extend(require('dayjs/plugin/duration'));
dayjs.extend(require('dayjs/plugin/customParseFormat'));
dayjs.extend(require('dayjs/plugin/timezone'));
require('dayjs/locale/de');

const day = dayjs.utc('2024-02-29T12:34:56.789Z');
console.log(
  day.format(),
  day.format('dddd, MMMM D YYYY h:mm:ss.SSS A'),
  day.add(1, 'year').format('YYYY-MM-DD'),
  day.startOf('week').toISOString(),
  day.isBefore('2025-01-01'),
);
console.log(
  day.locale('de').format('dddd, D. MMMM YYYY'),
  dayjs('12-25-1995', 'MM-DD-YYYY').format('YYYY'),
  day.diff('2024-01-01', 'day'),
  dayjs.duration(3_723_000).format('HH:mm:ss'),
);
console.log(day.from(day.add(3, 'day')), dayjs('nope').isValid());
console.log(day.tz('America/New_York').format());
