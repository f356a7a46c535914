// What Node 20 has not, and later ones have.
const assert = require('node:assert');
const util = require('node:util');

function holds(actual, expected) {
  try {
    assert.partialDeepStrictEqual(actual, expected);
    return true;
  } catch (error) {
    if (error.code !== 'ERR_ASSERTION') throw error;
    return false;
  }
}
class Point {
  x = 1;
}
console.log(
  holds({ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3 } }),
  holds([1, { a: 1, b: 2 }, 3], [{ b: 2 }, 3]),
  holds([1, 2], [2, 1]),
  holds({ a: 1 }, { a: '1' }),
  holds(new Map([['k', new Set([1, 2])]]), new Map([['k', new Set([2])]])),
  util.isDeepStrictEqual(new Point(), { x: 1 }),
  util.isDeepStrictEqual(new Point(), { x: 1 }, true),
);
const called = [];
process.ref({ [Symbol.for('nodejs.ref')]: () => called.push('ref') });
process.unref({ unref: () => called.push('unref') });
process.ref({ ref: () => called.push('ref') });
process.ref({});
console.log(called.join(' '));
class Own {
  run() {
    console.log(this === undefined);
  }
}
process.nextTick(new Own().run, 1);
try {
  require('node:fs').Dir.prototype.path;
} catch (error) {
  console.log(error.code);
}
console.log(Object.keys(process.features).slice(-2).join(), process.features.openssl_is_boringssl);
const usage = process.threadCpuUsage();
console.log(Object.keys(usage).join(), process.threadCpuUsage(usage).system);
process.removeAllListeners('warning');
process.on('warning', ({ name, message }) => console.log(name, message.split('\n')[0]));
for (const wait of [-5, -6, Number.NaN, 'soon', undefined])
  clearTimeout(setTimeout(() => {}, wait));
const { timerify, PerformanceObserver } = require('node:perf_hooks');
new PerformanceObserver((list, own) => {
  const [entry] = list.getEntries();
  console.log(entry.name, entry[0], entry[1]);
  own.disconnect();
}).observe({ entryTypes: ['function'] });
new (timerify(Point))(1, 'b');
const http = require('node:http');
const server = http.createServer({ optimizeEmptyRequests: true }, (request, response) => {
  console.log(request._dumped, request.readableEnded, request.destroyed);
  response.end(request.method);
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const options = { port, host: '127.0.0.1', agent: false };
  http.get(options, (first) => {
    first.on('data', (bytes) => console.log(String(bytes)));
    first.on('end', () => {
      const second = http.request({ ...options, method: 'POST' }, (response) => {
        response.resume();
        server.close();
      });
      second.end('a body');
    });
  });
});
