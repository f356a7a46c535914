'use strict';
/** A built-in that walks nine thousand billion elements and looks up for nothing. */

console.log('searching');
setImmediate(() => [].indexOf.call({ length: 2 ** 53 - 1 }, 1));
