'use strict';
console.log(
  this === module.exports,
  (function () {
    return this;
  })(),
);
try {
  undeclared = 1;
} catch (e) {
  console.log(e.name);
}
