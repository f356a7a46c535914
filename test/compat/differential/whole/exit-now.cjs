process.on('exit', (code) => {
  console.log('exit', code);
  process.exit(9);
});
setTimeout(() => console.log('never'), 5);
console.log('before');
process.exit(4);
