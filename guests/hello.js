'use strict';
/** The smallest guest. */

console.log(`Hello, ${process.argv[2] ?? 'world'}.`);
