import { createPrivateKey, createPublicKey } from 'node:crypto';
import * as jose from 'jose';

const CURVES = { ES256: 'P-256', ES384: 'P-384', EdDSA: 'Ed25519' };
const claims = { sub: 'ada', iat: 1_700_000_000 };
for (const alg of ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA']) {
  const { publicKey, privateKey } = await jose.generateKeyPair(alg, {
    extractable: true,
    crv: CURVES[alg],
  });
  const token = await new jose.SignJWT(claims).setProtectedHeader({ alg }).sign(privateKey);
  const { payload, protectedHeader } = await jose.jwtVerify(token, publicKey);
  console.log(alg, payload, protectedHeader);
  const [head, body, signature] = token.split('.');
  const wrong = Buffer.from(signature, 'base64url');
  wrong[20] ^= 1;
  const forged = `${head}.${body}.${wrong.toString('base64url')}`;
  console.log((await jose.jwtVerify(forged, publicKey).catch((error) => error)).code);
  const jwk = await jose.exportJWK(publicKey);
  console.log(Object.keys(jwk).sort(), (await jose.calculateJwkThumbprint(jwk)).length);
  const pem = [await jose.exportPKCS8(privateKey), await jose.exportSPKI(publicKey)];
  const again = await new jose.SignJWT(claims)
    .setProtectedHeader({ alg })
    .sign(await jose.importPKCS8(pem[0], alg));
  console.log((await jose.jwtVerify(again, await jose.importSPKI(pem[1], alg))).payload.sub);
  console.log(
    createPrivateKey(pem[0]).asymmetricKeyType,
    createPublicKey(pem[0]).export({ type: 'spki', format: 'pem' }) === `${pem[1].trim()}\n`,
  );
}

// Deterministic signatures of a key that is given.
const ed = await jose.importJWK(
  {
    kty: 'OKP',
    crv: 'Ed25519',
    d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
    x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  },
  'EdDSA',
);
console.log(
  await new jose.CompactSign(Buffer.from('Example of Ed25519 signing'))
    .setProtectedHeader({ alg: 'EdDSA' })
    .sign(ed),
);

for (const alg of ['RSA-OAEP', 'RSA-OAEP-256', 'ECDH-ES', 'ECDH-ES+A128KW']) {
  const { publicKey, privateKey } = await jose.generateKeyPair(alg);
  const sealed = await new jose.EncryptJWT(claims)
    .setProtectedHeader({ alg, enc: 'A128GCM' })
    .encrypt(publicKey);
  console.log(alg, (await jose.jwtDecrypt(sealed, privateKey)).payload);
}

const keys = await jose.generateKeyPair('ES256');
const set = jose.createLocalJWKSet({
  keys: [{ ...(await jose.exportJWK(keys.publicKey)), kid: 'one', alg: 'ES256' }],
});
const signed = await new jose.SignJWT(claims)
  .setProtectedHeader({ alg: 'ES256', kid: 'one' })
  .sign(keys.privateKey);
console.log((await jose.jwtVerify(signed, set)).payload);
