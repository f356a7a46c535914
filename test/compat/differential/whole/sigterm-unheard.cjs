setTimeout(() => console.log('never'), 10000);
console.log('before');
process.kill(process.pid, 'SIGTERM');
