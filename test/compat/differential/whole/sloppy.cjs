undeclared = 1;
console.log(
  undeclared,
  (function () {
    return this === globalThis;
  })(),
  typeof arguments,
  arguments.length,
);
with ({ a: 5 }) console.log(a);
var delete_ = delete globalThis.undeclared;
console.log(delete_, 010, '\251');
