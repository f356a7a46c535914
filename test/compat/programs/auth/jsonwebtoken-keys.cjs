const { generateKeyPairSync } = require('node:crypto');
const jwt = require('jsonwebtoken');

const pem = {
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
};
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048, ...pem });
const kinds = {
  RS256: rsa,
  RS512: rsa,
  PS256: rsa,
  PS384: rsa,
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256', ...pem }),
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384', ...pem }),
  ES512: generateKeyPairSync('ec', { namedCurve: 'P-521', ...pem }),
};
const attempt = (act) => {
  try {
    return act();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
for (const [algorithm, { publicKey, privateKey }] of Object.entries(kinds)) {
  const token = jwt.sign({ sub: 'ada', iat: 1_700_000_000 }, privateKey, { algorithm });
  console.log(algorithm, jwt.verify(token, publicKey), token.split('.')[2].length);
  console.log(attempt(() => jwt.verify(`${token.slice(0, -8)}AAAAAAAA`, publicKey)));
  console.log(attempt(() => jwt.verify(token, publicKey, { algorithms: ['HS256'] })));
}
// RS256 has one signature for one text and one key.
const once = jwt.sign({ iat: 1 }, rsa.privateKey, { algorithm: 'RS256' });
console.log(once === jwt.sign({ iat: 1 }, rsa.privateKey, { algorithm: 'RS256' }));
console.log(attempt(() => jwt.sign({}, rsa.privateKey, { algorithm: 'ES256' })));
const small = generateKeyPairSync('rsa', { modulusLength: 1024, ...pem }).privateKey;
console.log(attempt(() => jwt.sign({}, small, { algorithm: 'RS256' })));
const ed = generateKeyPairSync('ed25519', pem).privateKey;
console.log(attempt(() => jwt.sign({}, ed, { algorithm: 'EdDSA' })));
jwt.verify(
  once,
  (header, done) => done(null, header.alg === 'RS256' ? rsa.publicKey : undefined),
  (error, payload) => console.log(error, payload),
);
