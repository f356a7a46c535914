const Bottleneck = require('bottleneck');

const limiter = new Bottleneck({ maxConcurrent: 2, minTime: 2 });
const order = [];
let running = 0;
let most = 0;
limiter.on('failed', async (_error, { retryCount }) => (retryCount === 0 ? 1 : undefined));
const job = limiter.wrap(async (name) => {
  most = Math.max(most, ++running);
  await new Promise((resolve) => setTimeout(resolve, 100));
  running--;
  order.push(name);
  return name;
});
(async () => {
  console.log(await Promise.all(['a', 'b', 'c', 'd'].map((name) => job(name))), order.length, most);
  let tries = 0;
  console.log(
    await limiter.schedule(async () => {
      if (tries++ === 0) throw new Error('once');
      return tries;
    }),
    limiter.counts(),
  );
  console.log(await limiter.schedule({ priority: 1, id: 'x' }, async () => 'prior'));
  await limiter.stop();
})();
