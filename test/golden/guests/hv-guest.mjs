/** Says how it is and where it stands, at each of three turns. */

import { hv } from 'hv/guest';

const states = ['degraded', 'failing', 'ok'];

function turn(number) {
  console.log(number, hv.position(), hv.runId.length);
  hv.health(states[number], `turn ${number}`);
  if (number === 1) hv.checkpoint();
  if (number < states.length - 1) setTimeout(turn, 3, number + 1);
}

turn(0);
