const pino = require('pino');

const lines = [];
const logger = pino(
  {
    base: { app: 'a' },
    timestamp: () => ',"time":0',
    redact: ['password', 'user.token'],
    level: 'debug',
  },
  { write: (line) => lines.push(line) },
);
logger.info('hello %s %d %j', 'a', 1, { b: 2 });
logger.child({ request: 7 }).warn({ password: 'x', user: { token: 'y', name: 'z' } }, 'redacted');
logger.trace('not seen');
logger.debug({ error: 1 });
const error = new TypeError('bad');
error.stack = 'stack';
logger.error(error);
logger.error({ err: error, list: [1n === 1n] }, 'wrapped');
console.log(lines.join(''), logger.isLevelEnabled('trace'), logger.bindings());
pino({ timestamp: false, base: null }).info('to stdout');
