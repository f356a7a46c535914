import pLimit from 'p-limit';
import PQueue from 'p-queue';
import pRetry, { AbortError } from 'p-retry';

const order = [];
const queue = new PQueue({ concurrency: 1 });
queue.on('idle', () => order.push('idle'));
queue.add(
  async () => {
    order.push('first');
  },
  { priority: 0 },
);
queue.add(
  async () => {
    order.push('low');
  },
  { priority: 1 },
);
queue.add(
  async () => {
    order.push('high');
  },
  { priority: 10 },
);
await queue.onIdle();
console.log(order, queue.size, queue.pending);
console.log(
  (await queue.add(() => new Promise(() => {}), { timeout: 5 }).catch((error) => error)).name,
);
let most = 0;
let running = 0;
const limit = pLimit(2);
console.log(
  await Promise.all(
    [1, 2, 3, 4].map((n) =>
      limit(async () => {
        most = Math.max(most, ++running);
        await null;
        running--;
        return n * n;
      }),
    ),
  ),
  most,
);
let tries = 0;
console.log(
  await pRetry(
    async (attempt) => {
      if (attempt < 3) throw new Error(`try ${attempt}`);
      tries = attempt;
      return 'done';
    },
    { minTimeout: 1, retries: 4 },
  ),
  tries,
);
console.log(
  (
    await pRetry(
      () => {
        throw new AbortError('no more');
      },
      { retries: 3 },
    ).catch((error) => error)
  ).message,
);
