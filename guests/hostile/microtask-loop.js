'use strict';
/** Queues microtasks from microtasks and ticks from ticks; timers never get a turn. */

setTimeout(() => console.log('never'), 1);
const again = () => queueMicrotask(() => process.nextTick(again));
again();
