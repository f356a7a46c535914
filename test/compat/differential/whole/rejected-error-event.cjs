process.on('unhandledRejection', (reason, promise) => {
  console.log('un', reason.message, promise instanceof Promise);
});
process.on('exit', (code) => console.log('exit', code));
(async () => {
  throw new Error('async');
})();
setTimeout(() => console.log('goes on'), 3);
