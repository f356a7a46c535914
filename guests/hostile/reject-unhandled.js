'use strict';
/** A rejection that nobody handles: a report on stderr and exit code 1. */

async function load() {
  await null;
  throw new Error('no such order');
}

load();
setTimeout(() => console.log('never printed'), 100);
