const async = require('async');

(async () => {
  console.log(
    await async.mapLimit([3, 1, 2], 2, async (n) => n * 2),
    await async.reduce([1, 2, 3], 0, async (sum, n) => sum + n),
  );
  console.log(
    await async.auto({
      a: async () => 1,
      b: ['a', async ({ a }) => a + 1],
      c: ['a', 'b', async ({ a, b }) => a + b],
    }),
  );
  const seen = [];
  const queue = async.queue(
    (task, done) =>
      setTimeout(() => {
        seen.push(task);
        done();
      }, 1),
    1,
  );
  queue.push(['x', 'y']);
  queue.unshift('first');
  await queue.drain();
  console.log(seen);
  async.waterfall([(next) => next(null, 1), (n, next) => next(null, n + 1)], (error, n) =>
    console.log(error, n),
  );
  console.log(
    (
      await async
        .timeout((done) => setTimeout(done, 1000), 5)()
        .catch((error) => error)
    ).code,
    await async.retry({ times: 3, interval: 1 }, async () => 'ok'),
  );
  process.exit();
})();
