'use strict';
/** Recursion to the end of the stack, under preemptive timers whose handlers recurse to it as well. */

const { preempt } = require('hv/guest');

let runs = 0;
let overflows = 0;
const dive = () => {
  try {
    return dive() + 1;
  } catch {
    overflows += 1;
    return 0;
  }
};
const timer = preempt.every(1, () => {
  runs += 1;
  dive();
});
while (runs < 20) dive();
timer.cancel();
console.log(runs, overflows > 20);
