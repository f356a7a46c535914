'use strict';
/** Text nested a million deep, for the parser and for everything that prints. */

const deep = '['.repeat(1_000_000);
for (const text of [deep, deep.replaceAll('[', '{"a":')]) {
  try {
    JSON.parse(text);
    console.log('parsed');
  } catch (error) {
    console.log(error.name);
  }
}
