const validator = require('validator');

console.log(
  validator.isEmail('a@example.com'),
  validator.isEmail('a@b'),
  validator.isURL('http://example.com/x?y'),
  validator.isUUID('9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d'),
);
console.log(
  validator.isCreditCard('4111 1111 1111 1111'),
  validator.isIP('::1', 6),
  validator.isISO8601('2024-02-30', { strict: true }),
  validator.isStrongPassword('abc'),
);
console.log(
  validator.escape('<a href="x">'),
  validator.normalizeEmail('A.B+c@GMail.com'),
  validator.trim('  x '),
  validator.toDate('2024-01-01'),
);
console.log(
  validator.isCurrency('$1,234.50'),
  validator.isMobilePhone('+4915112345678', 'de-DE'),
  validator.isIBAN('DE89370400440532013000'),
);
