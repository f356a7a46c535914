'use strict';
/** Recursion through revivers, toJSON and comparators, each to its end; all of it is caught. */

const attempt = (name, run) => {
  try {
    run();
    console.log(name, 'came back');
  } catch (error) {
    console.log(name, error instanceof RangeError, error.message);
  }
};
attempt('reviver', function again() {
  JSON.parse('[1]', again);
});
attempt('toJSON', function again() {
  JSON.stringify({ toJSON: again });
});
attempt('comparator', function again() {
  [2, 1].sort(again);
});
attempt('replacer', function again() {
  'x'.replace(/x/, again);
});
