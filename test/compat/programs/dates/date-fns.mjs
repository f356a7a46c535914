import {
  addMonths,
  differenceInDays,
  eachDayOfInterval,
  format,
  formatDistance,
  formatISO,
  isValid,
  parse,
  parseISO,
  startOfWeek,
} from 'date-fns';
import { de } from 'date-fns/locale';

const date = parseISO('2024-01-31T10:00:00');
console.log(
  format(date, "EEEE, do MMMM yyyy 'at' HH:mm"),
  format(date, 'PPPP', { locale: de }),
  formatISO(addMonths(date, 1), { representation: 'date' }),
);
console.log(
  differenceInDays(new Date(2024, 2, 1), date),
  formatDistance(date, addMonths(date, 5)),
  isValid(parse('x', 'yyyy', date)),
  format(startOfWeek(date, { weekStartsOn: 1 }), 'yyyy-MM-dd'),
);
console.log(eachDayOfInterval({ start: new Date(2024, 0, 1), end: new Date(2024, 0, 4) }).length);
