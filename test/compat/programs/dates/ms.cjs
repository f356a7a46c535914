const ms = require('ms');
const { CronExpressionParser } = require('cron-parser');

console.log(ms('2 days'), ms('1.5h'), ms(60_000), ms(3_600_000, { long: true }), ms('-3 min'));
const interval = CronExpressionParser.parse('*/15 9-17 * * 1-5', {
  currentDate: new Date('2024-03-01T16:50:00Z'),
  tz: 'UTC',
});
console.log(
  [1, 2, 3].map(() => interval.next().toDate().toISOString()),
  interval.hasPrev(),
);
