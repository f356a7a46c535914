const Big = require('big.js');
const BigNumber = require('bignumber.js');
const Decimal = require('decimal.js');
const { evaluate, matrix, unit, derivative } = require('mathjs');

console.log(
  String(new Big('0.1').plus('0.2')),
  new BigNumber('1e30').plus(1).toFixed(),
  new BigNumber(1234567.891).toFormat(2),
  Decimal.sqrt(2).toPrecision(30),
  String(new Decimal('0.1').div(3)),
);
console.log(
  evaluate('sqrt(3^2 + 4^2) + 2 i'),
  String(evaluate('5.08 cm to inch')),
  String(
    matrix([
      [1, 2],
      [3, 4],
    ]),
  ),
  unit('5 km').toNumber('m'),
  derivative('x^2 + x', 'x').toString(),
);
