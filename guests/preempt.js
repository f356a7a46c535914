'use strict';
/** Computes without a pause until preemptive timers have looked in often enough: never, elsewhere. */

const { preempt } = require('hv/guest');

let rounds = 0;
const looks = [];
const progress = preempt.every(5, () => looks.push(rounds));
while (looks.length < 8) rounds += 1;
progress.cancel();
const grew = looks.every((look, index) => index === 0 || look > looks[index - 1]);
console.log(grew ? 'interrupted while it computed' : 'interrupted where nothing was computed');
setTimeout(() => console.log('and the loop goes on'), 1);
