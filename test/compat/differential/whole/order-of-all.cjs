const log = (x) => () => console.log(x);
setImmediate(() => {
  console.log('immediate');
  process.nextTick(log('tick in immediate'));
  Promise.resolve().then(log('micro in immediate'));
});
process.nextTick(log('tick'));
Promise.resolve()
  .then(() => {
    console.log('micro');
    process.nextTick(log('tick in micro'));
  })
  .then(log('micro 2'));
queueMicrotask(log('queued'));
(async () => {
  console.log('sync');
  await null;
  console.log('await');
})();
console.log('end');
setTimeout(log('timeout 2'), 30);
