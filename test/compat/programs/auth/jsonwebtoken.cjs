const jwt = require('jsonwebtoken');

const token = jwt.sign({ sub: 'ada', iat: 1_700_000_000, admin: true }, 'secret', {
  algorithm: 'HS256',
  noTimestamp: false,
});
console.log(token);
console.log(jwt.verify(token, 'secret'), jwt.decode(token, { complete: true }).header);
for (const algorithm of ['HS384', 'HS512'])
  console.log(jwt.sign({ a: 1, iat: 1 }, 'secret', { algorithm }));
const attempt = (act) => {
  try {
    return act();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
console.log(attempt(() => jwt.verify(token, 'wrong')));
console.log(attempt(() => jwt.verify(jwt.sign({ exp: 1 }, 's'), 's')));
console.log(attempt(() => jwt.verify('a.b.c', 's')));
console.log(attempt(() => jwt.verify(token, 'secret', { audience: 'x' })));
console.log(attempt(() => jwt.verify(token, 'secret', { algorithms: ['HS512'] })));
jwt.sign({ later: 1, iat: 1 }, 'secret', (error, signed) => console.log(error, signed));
