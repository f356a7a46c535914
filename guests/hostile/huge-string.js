'use strict';
/** Doubles a string until the engine refuses; the error can be caught and the guest goes on. */

let text = 'x'.repeat(1024);
try {
  for (;;) text += text;
} catch (error) {
  console.log(`refused: ${error instanceof Error ? 'with an Error' : typeof error}`);
}
const length = text.length;
text = '';
console.log(length >= 1024 * 1024 ? 'got beyond a million' : `stopped at ${length}`);
