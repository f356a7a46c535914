'use strict';
/** A regular expression that tries two to the power of fifty ways. */

console.log('matching');
setImmediate(() => {
  console.log(/^(a+)+$/.test(`${'a'.repeat(50)}!`));
});
