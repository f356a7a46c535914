'use strict';
/** Awaits for ever, so that there is always one more job. */

(async () => {
  for (let n = 0; ; n += 1) await n;
})();
