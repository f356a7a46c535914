'use strict';
/** Adds up the numbers on standard input, one or more per line, and tells what it could not read. */

let rest = '';
let sum = 0;
let count = 0;
let refused = 0;

function take(text) {
  for (const word of text.split(/\s+/)) {
    if (word === '') continue;
    const value = Number(word);
    if (Number.isNaN(value)) {
      refused += 1;
      console.error(`not a number: ${word}`);
    } else {
      sum += value;
      count += 1;
    }
  }
}

process.stdin.setEncoding('utf8');
process.stdin.on('data', (text) => {
  const all = rest + text;
  const cut = all.search(/\S*$/);
  rest = all.slice(cut);
  take(all.slice(0, cut));
});
process.stdin.on('end', () => {
  take(rest);
  console.log(`${count} numbers, sum ${sum}`);
  process.exitCode = refused > 0 ? 1 : 0;
});
