'use strict';
/** A string twice as long, and again. */

let text = 'x';
for (;;) {
  text += text;
  console.log(text.length);
}
