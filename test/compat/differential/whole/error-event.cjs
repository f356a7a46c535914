process.on('exit', (code) => console.log('exit', code));
const E = require('events');
setTimeout(() => new E().emit('error', new Error('unheard')), 1);
