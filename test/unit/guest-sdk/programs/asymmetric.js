const crypto = require('node:crypto');
const util = require('node:util');

const RSA = `-----BEGIN PRIVATE KEY-----
MIICdQIBADANBgkqhkiG9w0BAQEFAASCAl8wggJbAgEAAoGBAN7wHorpXA1Wiks1
AO0IgP1vNNg9TCL8GsckInKOkQqgihAV+HytCYdJGMQeiIKb7hPjnMbzwQiWkLYd
pttpVSH+kKe+NirHE36FlYG3GypBkAJkHoEY5kDGmdvf0/0aOB51qdUpsTysLZ4q
ChqV4MatXtWs3cNFmMAK5Pcn+tTfAgMBAAECgYBpbCUVTVrhV84X2F2yuTW+Iqtb
okjxtkO3bgf4IiDGZLpE9w7FblI2LkPO4h1tne0MbLMDhdr/g6u04vq3gOznP0m0
7JBbw4gO/z4L3litXepxeweygMZSX1p4DkZmax0DlacRpj8bTwFNC3/mZ8lEQMnR
wdNqWu0312JNaifcYQJBAPightO3YqDLOxyV7lUDDs4egE8ZfxDZ0k9zommhAgwY
ec4kSOWTx9nuEpDvaIfpj8DzfReIrU0iHvfFrKlQZI8CQQDljJJc6rXYYziaXM1o
4TgE3LWKdyFNOR6QjTItmBuY3vuXGkzBzM4Kp2U62DdSvJsyYoT0BUet3/wsozqQ
mNKxAkAphKT/NeCCeW2lmGP0Tk5qnS1QCDHv3nAAVI8KlJiC7JNqmSSTMdptyhPP
oCsUhyw6TG7XPzuxZcFGHvx2SbaBAkAvSdc5Fw0hJ8eYXTffvE3rCoDHpqUQoIzA
YKYOqIA+7OjNhxh68DMeFMAQ8EvtWndqWMtk7dWHZ1Yu5+1/rkvxAkB61uAl3hLC
VZP1BTLnGZFdI+AdDKZpi3DtZ2PO+61FS6woCXpbidOfWw6eZIg3Hfpk6AyOU4k9
63VPtNgBi0zT
-----END PRIVATE KEY-----
`;
const EC = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgV22JYChiTzRAhyqp
4PLBrQpnr6Av5lhlpRbJ2Ubdn02hRANCAARswWxlBtKLdh09k9ClEjBIdYSIrz/C
77+uhHXeCjsfFmlr11mnpUYgv1N+aO+1BW8XZF4/bQddMhBNXK+kHsyN
-----END PRIVATE KEY-----
`;
const ED = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIFMRi49BrQ6k7cqRpL3sNaS8A4tlrfxCjIaqW/Jo41ax
-----END PRIVATE KEY-----
`;
const { subtle } = crypto.webcrypto;
const show = (...values) => console.log(...values);
const attempt = (name, act) => {
  try {
    show(name, act());
  } catch (error) {
    show(name, error.name, error.code, error.message);
  }
};
const base = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function tokens() {
  const body = `${base({ alg: 'RS256' })}.${base({ sub: 'x' })}`;
  const signature = crypto.createSign('RSA-SHA256').update(body).sign(RSA, 'base64url');
  show(`${body}.${signature}`);
  show(
    crypto
      .createVerify('RSA-SHA256')
      .update(body)
      .verify(crypto.createPublicKey(RSA), signature, 'base64url'),
  );
  show(crypto.sign(null, Buffer.from(body), ED).toString('hex'));
  const options = { key: EC, dsaEncoding: 'ieee-p1363' };
  const short = crypto.sign('sha256', body, options);
  show(
    short.length,
    crypto.verify('sha256', body, options, short),
    crypto.verify('sha256', 'y', options, short),
  );
}

function objects() {
  const key = crypto.createPrivateKey(EC);
  const copy = structuredClone(key);
  show(
    copy.type,
    copy.asymmetricKeyType,
    copy.equals(key),
    copy !== key,
    util.types.isKeyObject(copy),
  );
  show(
    key instanceof crypto.KeyObject,
    key.constructor.name,
    key.asymmetricKeyDetails,
    key.export({ format: 'jwk' }),
  );
  show(
    util.isDeepStrictEqual(
      crypto.createPublicKey(key).export({ format: 'jwk' }),
      crypto.createPublicKey(EC).export({ format: 'jwk' }),
    ),
  );
  for (const name of ['Sign', 'Verify', 'ECDH', 'DiffieHellman', 'X509Certificate'])
    show(name, typeof crypto[name], crypto[name].name);
  attempt('hmac', () => crypto.createHmac('sha256', key));
  attempt('sign', () => crypto.sign('sha256', Buffer.from(''), crypto.createPublicKey(key)));
  attempt('pem', () =>
    crypto.createPublicKey('-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'),
  );
  attempt('pair', () => crypto.generateKeyPairSync('ec', { namedCurve: 'none' }));
}

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const refusal = (promise) =>
  promise.then(
    () => 'none',
    (error) => `${error.name}: ${error.message}`,
  );

async function web() {
  const data = Buffer.from('data');
  const rsa = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const der = crypto.createPrivateKey(RSA).export({ type: 'pkcs8', format: 'der' });
  const key = await subtle.importKey('pkcs8', der, rsa, true, ['sign']);
  show(key, hex(await subtle.sign(rsa, key, data)));
  show(crypto.KeyObject.from(key).asymmetricKeyType, structuredClone(key).type);
  const { kty, alg, n, ext, key_ops } = await subtle.exportKey('jwk', key);
  show(kty, alg, n, ext, key_ops);
  for (const name of ['RSA-PSS', 'ECDSA']) {
    const wish = {
      name,
      hash: 'SHA-256',
      namedCurve: 'P-256',
      modulusLength: 512,
      publicExponent: new Uint8Array([1, 0, 1]),
    };
    const pair = await subtle.generateKey(wish, false, ['sign', 'verify']);
    const how = { name, hash: 'SHA-256', saltLength: 10 };
    const signature = await subtle.sign(how, pair.privateKey, data);
    show(
      name,
      signature.byteLength,
      await subtle.verify(how, pair.publicKey, signature, data),
      pair.publicKey.usages,
    );
    show(
      await refusal(subtle.exportKey('pkcs8', pair.privateKey)),
      await refusal(subtle.verify(how, pair.privateKey, signature, data)),
    );
  }
  const edwards = await subtle.importKey(
    'jwk',
    crypto.createPrivateKey(ED).export({ format: 'jwk' }),
    'Ed25519',
    true,
    ['sign'],
  );
  show(hex(await subtle.sign('Ed25519', edwards, data)));
  for (const name of ['ECDH', 'X25519']) {
    const wish = { name, namedCurve: 'P-256' };
    const [a, b] = [
      await subtle.generateKey(wish, true, ['deriveBits']),
      await subtle.generateKey(wish, true, ['deriveBits', 'deriveKey']),
    ];
    const raw = await subtle.exportKey('raw', a.publicKey);
    const again = await subtle.importKey('raw', raw, wish, true, []);
    const one = await subtle.deriveBits({ name, public: b.publicKey }, a.privateKey, 128);
    const two = await subtle.deriveBits({ name, public: again }, b.privateKey, 128);
    show(name, hex(one) === hex(two), raw.byteLength);
    const aes = await subtle.deriveKey(
      { name, public: again },
      b.privateKey,
      { name: 'AES-GCM', length: 256 },
      true,
      ['encrypt'],
    );
    show(
      aes.algorithm,
      await refusal(subtle.deriveBits({ name, public: b.publicKey }, a.privateKey, 4096)),
    );
  }
  const oaep = { name: 'RSA-OAEP', hash: 'SHA-1' };
  const sealing = await subtle.importKey(
    'spki',
    crypto.createPublicKey(RSA).export({ type: 'spki', format: 'der' }),
    oaep,
    true,
    ['encrypt', 'wrapKey'],
  );
  const opening = await subtle.importKey('pkcs8', der, oaep, true, ['decrypt', 'unwrapKey']);
  show(
    Buffer.from(
      await subtle.decrypt(oaep, opening, await subtle.encrypt(oaep, sealing, data)),
    ).toString(),
  );
  const secret = await subtle.importKey('raw', Buffer.alloc(16, 7), 'AES-GCM', true, ['encrypt']);
  const wrapped = await subtle.wrapKey('raw', secret, sealing, oaep);
  const unwrapped = await subtle.unwrapKey('raw', wrapped, opening, oaep, 'AES-GCM', true, [
    'encrypt',
  ]);
  show(hex(await subtle.exportKey('raw', unwrapped)));
  for (const [name, usages] of [
    ['ECDSA', ['encrypt']],
    ['ECDH', ['sign']],
    ['Ed25519', ['deriveBits']],
    ['RSA-OAEP', ['sign']],
  ]) {
    const wish = {
      name,
      namedCurve: 'P-256',
      hash: 'SHA-256',
      modulusLength: 512,
      publicExponent: new Uint8Array([1, 0, 1]),
    };
    show(
      name,
      await refusal(subtle.generateKey(wish, true, usages)),
      await refusal(subtle.importKey('raw', Buffer.alloc(3), wish, true, [])),
    );
  }
}

tokens();
objects();
web()
  .then(() => util.promisify(crypto.generateKeyPair)('ed25519', {}))
  .then(({ publicKey, privateKey }) => show(publicKey.type, privateKey.type));
{
  const { privateKey: sealed } = crypto.generateKeyPairSync('rsa', {
    modulusLength: 512,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase: 'x' },
  });
  const failures = [
    () => crypto.createPrivateKey({ key: sealed, format: 'der', type: 'pkcs8' }),
    () => crypto.createECDH('secp256k1').getPublicKey(),
  ];
  for (const fail of failures) {
    try {
      fail();
    } catch (error) {
      console.log(String(error), error.code);
    }
  }
}
