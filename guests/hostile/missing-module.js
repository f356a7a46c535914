'use strict';
/** Asks for a module that is not there, once where it is caught and once where it is not. */

try {
  require('an-optional-module-that-is-not-installed');
} catch (error) {
  console.log(`optional: ${error.code}`);
}
require('./not-here.js');
console.log('never printed');
