'use strict';
/** Getters and proxy traps that never come back. */

const endless = new Proxy(
  {},
  {
    get() {
      for (;;);
    },
  },
);
console.log(JSON.stringify({ deep: [{ endless }] }));
