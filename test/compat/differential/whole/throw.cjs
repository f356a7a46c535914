process.on('exit', (code) => console.log('exit', code));
setTimeout(() => console.log('never'), 1);
throw new TypeError('at the top');
