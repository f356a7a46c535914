const _ = require('lodash');

console.log(
  _.groupBy([1.2, 1.8, 2.1], Math.floor),
  _.get({ a: [{ b: 3 }] }, 'a[0].b'),
  _.merge({ a: { b: 1 } }, { a: { c: 2 } }),
  _.chunk([1, 2, 3], 2),
  _.isEqual({ a: [1, new Date(0)] }, { a: [1, new Date(0)] }),
);
console.log(
  _.camelCase('some-thing else'),
  _.template('hi <%= name %>')({ name: 'x' }),
  _.cloneDeep(new Map([[1, { a: 1 }]])),
  _.sortBy([{ n: 2 }, { n: 1 }], 'n'),
  _.chain([1, 2, 3])
    .map((n) => n * 2)
    .filter((n) => n > 2)
    .value(),
);
const slow = _.debounce((x) => console.log('debounced', x), 5);
slow(1);
slow(2);
const once = _.throttle(() => console.log('throttled'), 5, { trailing: false });
once();
once();
