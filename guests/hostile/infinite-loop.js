'use strict';
/** Never ends its turn. */

console.log('looping');
setImmediate(() => {
  let turns = 0;
  for (;;) turns += 1;
});
