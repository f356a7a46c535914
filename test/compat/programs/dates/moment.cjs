const moment = require('moment');
require('moment/locale/fr');

moment.locale('en');
const time = moment.utc('2024-02-29T12:34:56Z');
console.log(
  time.format(),
  time.format('dddd, MMMM Do YYYY, h:mm:ss a'),
  time.clone().add(1, 'M').format('L'),
  time.fromNow().length > 0,
);
console.log(
  time.clone().locale('fr').format('LLLL'),
  moment.duration(90, 'minutes').humanize(),
  moment('2024-13-01', 'YYYY-MM-DD', true).isValid(),
  time.isoWeek(),
);
