process.on('exit', (code) => console.log('exit', code));
setTimeout(() => {
  throw new Error('later');
}, 1);
setTimeout(() => console.log('never'), 20);
