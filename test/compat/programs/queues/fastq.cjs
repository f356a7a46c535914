const fastq = require('fastq');

const seen = [];
const queue = fastq(
  (task, done) =>
    setImmediate(() => {
      seen.push(task);
      done(null, task * 2);
    }),
  2,
);
queue.drain = () => console.log('drained', seen, queue.idle());
for (const n of [1, 2, 3]) queue.push(n, (error, result) => console.log(error, result));
const promised = fastq.promise(async (n) => n + 1, 1);
Promise.all([promised.push(1), promised.unshift(2)]).then(console.log);
