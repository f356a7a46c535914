const p = Promise.reject(new Error('x'));
process.nextTick(() => p.catch((e) => console.log('caught', e.message)));
const q = Promise.reject(new Error('y'));
queueMicrotask(() => q.catch((e) => console.log('caught', e.message)));
