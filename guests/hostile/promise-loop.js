'use strict';
/** Promise jobs that always leave another one behind: no timer ever gets its turn. */

console.log('chaining');
setTimeout(() => console.log('never printed'), 10);
(function again() {
  Promise.resolve().then(again);
})();
