process.on('uncaughtException', (error, origin) => console.log('caught', error.message, origin));
setTimeout(() => console.log('goes on'), 5);
process.nextTick(() => {
  throw new Error('tick');
});
setImmediate(() => {
  throw new Error('immediate');
});
Promise.reject(new Error('rejected'));
throw new Error('top');
