process.on('uncaughtException', (error, origin) => console.log('caught', error.message, origin));
process.nextTick(() => {
  throw new Error('tick');
});
setImmediate(() => {
  throw new Error('immediate');
});
Promise.reject(new Error('rejected'));
throw new Error('top');
