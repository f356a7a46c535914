'use strict';
/** An error that nobody catches: a stack trace on stderr and exit code 1. */

function deliver(order) {
  throw new TypeError(`cannot deliver ${order}`);
}

setTimeout(() => deliver('apples'), 10);
setTimeout(() => console.log('never printed'), 100);
