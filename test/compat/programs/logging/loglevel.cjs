const log = require('loglevel');
const { createConsola } = require('consola');

log.setLevel('info');
log.debug('not seen');
log.info('info', { a: 1 });
log.getLogger('other').warn('warned');
const lines = [];
const consola = createConsola({
  level: 4,
  reporters: [{ log: ({ type, args, tag }) => lines.push([type, tag, args]) }],
});
consola.withTag('t').success('done', { a: 1 });
consola.debug('debug');
consola.trace('not seen');
console.log(lines);
