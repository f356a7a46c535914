process.env.DEBUG = 'app:*,-app:quiet';
const debug = require('debug');

const log = debug('app:one');
log.log = (...parts) =>
  console.log('logged', parts[0].replace(/^\S+ /, '').replace(/\+\d+ms/, '+Tms'));
log('hello %s %o %d', 'a', { b: [1, 2] }, 3);
console.log(
  log.enabled,
  debug('app:quiet').enabled,
  debug('other').enabled,
  log.extend('two').namespace,
);
debug.enable('other');
console.log(debug('other').enabled, debug('app:one').enabled);
