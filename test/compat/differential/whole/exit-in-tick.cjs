process.nextTick(() => {
  console.log('tick');
  process.exit();
});
Promise.resolve().then(() => console.log('never'));
process.exitCode = 2;
process.on('exit', (c) => console.log('exit', c));
