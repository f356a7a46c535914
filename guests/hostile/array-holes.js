'use strict';
/** An array of one element and two thousand million holes, looked at one by one. */

const holes = [];
holes[2_000_000_000] = 1;
let seen = 0;
for (let i = 0; i < holes.length; i += 1) if (i in holes) seen += 1;
console.log(seen);
