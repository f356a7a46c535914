import * as jose from 'jose';

const secret = new TextEncoder().encode('0123456789abcdef0123456789abcdef');
const token = await new jose.SignJWT({ a: 1 })
  .setProtectedHeader({ alg: 'HS256' })
  .setIssuedAt(1_700_000_000)
  .setSubject('ada')
  .sign(secret);
console.log(token, (await jose.jwtVerify(token, secret)).payload);
console.log((await jose.jwtVerify(token, new Uint8Array(32)).catch((error) => error)).code);
const sealed = await new jose.EncryptJWT({ b: 2 })
  .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
  .encrypt(secret);
console.log(
  sealed.split('.').length,
  (await jose.jwtDecrypt(sealed, secret)).payload,
  jose.decodeProtectedHeader(sealed),
);
console.log(
  await jose.calculateJwkThumbprint({ kty: 'oct', k: 'AAAA' }),
  jose.base64url.encode('äx'),
);
