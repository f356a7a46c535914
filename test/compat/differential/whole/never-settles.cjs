process.on('exit', (code) => console.log('exit', code));
(async () => {
  await new Promise(() => {});
  console.log('never');
})();
