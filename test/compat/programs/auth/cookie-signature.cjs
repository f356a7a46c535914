const signature = require('cookie-signature');
const cookie = require('cookie');

console.log(
  signature.sign('value', 'key'),
  signature.unsign(signature.sign('value', 'key'), 'key'),
  signature.unsign('value.x', 'key'),
);
console.log({ ...(cookie.parseCookie ?? cookie.parse)('a=1; b=%20x; c="q"') });
console.log(
  (cookie.stringifySetCookie ?? cookie.serialize)('n', 'v w', {
    httpOnly: true,
    secure: true,
    sameSite: 'lax',
    maxAge: 10,
    path: '/',
    expires: new Date(0),
  }),
);
