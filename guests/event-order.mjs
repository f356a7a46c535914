/** ES module with top-level await: prints the order in which Node runs what waits. */

import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

const order = [];
const emitter = new EventEmitter();

setTimeout(() => order.push('timer'), 0);
setImmediate(() => {
  order.push('immediate');
  process.nextTick(() => order.push('tick of the immediate'));
  Promise.resolve().then(() => order.push('job of the immediate'));
});
process.nextTick(() => order.push('tick'));
Promise.resolve().then(() => order.push('job'));
order.push('module');

const started = Date.now();
await sleep(20);
order.push(Date.now() - started >= 19 ? 'slept' : 'woke early');

setImmediate(() => emitter.emit('ready', { answer: 42 }));
const [value] = await once(emitter, 'ready');
order.push(inspect(value));

console.log(order.filter((word) => word !== 'timer' && word !== 'immediate').join('\n'));
process.on('exit', (code) => console.log(`exit ${code}`));
