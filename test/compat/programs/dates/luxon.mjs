import { DateTime, Duration, Interval } from 'luxon';

const time = DateTime.fromISO('2024-02-29T12:34:56Z', { zone: 'utc' });
console.log(
  time.toISO(),
  time.toFormat('cccc, dd LLLL yyyy'),
  time.plus({ months: 1 }).toISODate(),
  time.weekNumber,
  time.startOf('quarter').toISO(),
);
console.log(
  time.toLocaleString(DateTime.DATE_FULL),
  time.setLocale('de').toLocaleString(DateTime.DATETIME_MED),
);
console.log(time.setZone('America/New_York').toISO(), time.setZone('Asia/Tokyo').offset);
console.log(
  Duration.fromObject({ hours: 3, minutes: 7 }).toISO(),
  Interval.after(time, { days: 3 }).length('hours'),
  DateTime.fromFormat('x', 'yyyy').invalidReason,
);
