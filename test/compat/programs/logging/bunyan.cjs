const bunyan = require('bunyan');

const ring = new bunyan.RingBuffer({ limit: 10 });
const logger = bunyan.createLogger({
  name: 'n',
  streams: [{ type: 'raw', level: 'trace', stream: ring }],
  serializers: { err: bunyan.stdSerializers.err },
});
logger.info({ a: 1 }, 'hello %s', 'x');
logger.child({ part: 'p' }).error({ err: Object.assign(new Error('bad'), { stack: 'stack' }) });
console.log(
  ring.records.map(({ pid, hostname, time, ...rest }) => ({
    ...rest,
    timed: time instanceof Date,
    placed: typeof pid + typeof hostname,
  })),
);
