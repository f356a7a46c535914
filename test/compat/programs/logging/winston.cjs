const winston = require('winston');
const { Writable } = require('node:stream');

const lines = [];
const sink = new Writable({
  write(chunk, _encoding, done) {
    lines.push(chunk.toString());
    done();
  },
});
const { combine, json, label, printf, splat, errors } = winston.format;
const logger = winston.createLogger({
  level: 'debug',
  defaultMeta: { service: 's' },
  format: combine(errors({ stack: false }), splat(), label({ label: 'l' }), json()),
  transports: [
    new winston.transports.Stream({ stream: sink }),
    new winston.transports.Stream({
      stream: sink,
      level: 'error',
      format: printf(({ level, message }) => `${level}|${message}`),
    }),
  ],
});
logger.info('hello %s', 'a', { extra: 1 });
logger.child({ request: 1 }).error(Object.assign(new Error('bad'), { stack: 'stack' }));
logger.silly('not seen');
logger.on('finish', () => console.log(lines.join('')));
logger.end();
winston
  .createLogger({ format: winston.format.simple(), transports: [new winston.transports.Console()] })
  .warn('to the console', { a: 1 });
