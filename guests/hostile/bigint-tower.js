'use strict';
/** Powers of powers, until the engine says that it is enough. */

let n = 3n;
for (;;) {
  n **= 3n;
  console.log(n.toString(16).length);
}
