process.on('SIGTERM', (name, number) => {
  console.log(name, number);
  process.exit(7);
});
setTimeout(() => {}, 10000);
process.kill(process.pid, 'SIGTERM');
