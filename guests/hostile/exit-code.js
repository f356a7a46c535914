'use strict';
/** Ends with a code of its own: 7, or what the first argument says. */

process.on('exit', (code) => console.log(`exiting with ${code}`));
process.exitCode = 3;
setTimeout(() => process.exit(Number(process.argv[2] ?? 7)), 10);
setTimeout(() => console.log('never printed'), 1000);
