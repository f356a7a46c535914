const crypto = require('node:crypto');
const { cases, failure, thrown } = require('./cases.cjs');

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex');
const IV = KEY.subarray(0, 16);
const pem = (type) => ({
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  ...type,
});

let made;
/** One pair for all: a large prime takes long. */
const pair = () => (made ??= crypto.generateKeyPairSync('rsa', { modulusLength: 1024 }));

cases({
  hashes: () => {
    for (const name of [
      'md5',
      'sha1',
      'SHA224',
      'sha256',
      'sha384',
      'sha512',
      'sha512-256',
      'sha3-256',
      'shake128',
      'ripemd160',
      'blake2b512',
      'RSA-SHA256',
    ])
      console.log(name, crypto.createHash(name).update('a').update(Buffer.from('b')).digest('hex'));
  },
  'hash options and copies': () => {
    const h = crypto.createHash('sha256').update('a');
    console.log(
      h.copy().digest('base64'),
      h.update('b').digest('base64url'),
      crypto.createHash('shake256', { outputLength: 5 }).digest('hex'),
      crypto.createHash('md5').update('61', 'hex').digest('latin1').length,
    );
  },
  'hash errors': () =>
    console.log(
      thrown(() => crypto.createHash('nope')),
      thrown(() => crypto.createHash('md5').update(5)),
      thrown(() => {
        const h = crypto.createHash('md5');
        h.digest();
        h.digest();
      }),
      thrown(() => {
        const h = crypto.createHash('md5');
        h.digest();
        h.update('x');
      }),
    ),
  'hash as a stream': async () => {
    const h = crypto.createHash('sha1');
    h.end('abc');
    const parts = [];
    for await (const part of h) parts.push(part);
    console.log(Buffer.concat(parts).toString('hex'), h.read?.());
  },
  hmac: () =>
    console.log(
      crypto.createHmac('sha256', 'k').update('x').digest('hex'),
      crypto.createHmac('md5', Buffer.alloc(100)).update('x').digest('hex'),
      crypto.createHmac('sha1', crypto.createSecretKey(KEY)).digest('hex'),
      thrown(() => crypto.createHmac('sha1')),
      thrown(() => crypto.createHmac('nope', 'k')),
    ),
  ciphers: () => {
    for (const name of [
      'aes-128-cbc',
      'aes-192-cbc',
      'aes-256-ctr',
      'aes-128-ecb',
      'aes-256-gcm',
      'chacha20-poly1305',
    ]) {
      const info = crypto.getCipherInfo(name);
      const [key, iv] = [
        KEY.subarray(0, info.keyLength),
        info.ivLength ? IV.subarray(0, info.ivLength) : null,
      ];
      const options = { authTagLength: 16 };
      const c = crypto.createCipheriv(name, key, iv, options);
      const parts = [
        c.update('some text that is longer than a block', 'utf8', 'hex'),
        c.final('hex'),
      ];
      const tag = /gcm|poly/.test(name) ? c.getAuthTag() : undefined;
      const d = crypto.createDecipheriv(name, key, iv, options);
      if (tag) d.setAuthTag(tag);
      console.log(name, parts, tag, d.update(parts.join(''), 'hex', 'utf8') + d.final('utf8'));
    }
  },
  'ciphers with additional data': () => {
    const c = crypto.createCipheriv('aes-128-gcm', IV, IV.subarray(0, 12));
    c.setAAD(Buffer.from('aad'));
    console.log(c.update('x', 'utf8', 'hex'), c.final('hex'), c.getAuthTag());
    const d = crypto.createDecipheriv('aes-128-gcm', IV, IV.subarray(0, 12));
    d.setAuthTag(Buffer.alloc(16));
    d.update('aa', 'hex');
    console.log(thrown(() => d.final()));
  },
  'cipher errors': () =>
    console.log(
      thrown(() => crypto.createCipheriv('nope', KEY, IV)),
      thrown(() => crypto.createCipheriv('aes-128-cbc', KEY, IV)),
      thrown(() => crypto.createCipheriv('aes-128-cbc', IV, 'x')),
      thrown(() => crypto.createDecipheriv('aes-128-cbc', IV, IV).final()),
      thrown(() => {
        const d = crypto.createDecipheriv('aes-128-cbc', IV, IV);
        d.update(Buffer.alloc(16));
        d.final();
      }),
    ),
  'padding off': () => {
    const c = crypto.createCipheriv('aes-128-cbc', IV, IV).setAutoPadding(false);
    console.log(c.update(Buffer.alloc(16)), c.final());
    const e = crypto.createCipheriv('aes-128-cbc', IV, IV).setAutoPadding(false);
    e.update('abc');
    console.log(thrown(() => e.final()));
  },
  'derived keys': async () => {
    console.log(
      crypto.pbkdf2Sync('p', 's', 10, 20, 'sha512').toString('hex'),
      crypto.scryptSync('p', 's', 16, { N: 16 }).toString('hex'),
      Buffer.from(crypto.hkdfSync('sha256', 'k', 's', 'i', 20)).toString('hex'),
    );
    console.log(
      await new Promise((resolve) =>
        crypto.pbkdf2('p', 's', 1, 5, 'md5', (_e, key) => resolve(key)),
      ),
      await new Promise((resolve) =>
        crypto.scrypt('p', 's', 5, { N: 16 }, (_e, key) => resolve(key)),
      ),
    );
  },
  'derived keys refused': () =>
    console.log(
      thrown(() => crypto.pbkdf2Sync('p', 's', 0, 1, 'md5')),
      thrown(() => crypto.pbkdf2Sync('p', 's', 1, 1, 'x')),
      thrown(() => crypto.scryptSync('p', 's', 1, { N: 3 })),
      thrown(() => crypto.hkdfSync('md5', 'a', 'b', 'c', 99999)),
      thrown(() => crypto.scryptSync('p', 's', 1, { N: 2 ** 20 })),
    ),
  random: async () => {
    console.log(
      crypto.randomBytes(5).length,
      crypto.randomInt(5) < 5,
      crypto.randomInt(5, 6),
      crypto.randomUUID().length,
      crypto.randomFillSync(Buffer.alloc(3), 1)[0],
      thrown(() => crypto.randomBytes(-1)),
      thrown(() => crypto.randomInt(2, 1)),
      await new Promise((resolve) => crypto.randomBytes(3, (_e, b) => resolve(b.length))),
    );
  },
  timingSafeEqual: () =>
    console.log(
      crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('a')),
      crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('b')),
      thrown(() => crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('ab'))),
      thrown(() => crypto.timingSafeEqual('a', 'a')),
    ),
  'secret keys': () => {
    const k = crypto.createSecretKey(KEY);
    console.log(
      k.type,
      k.symmetricKeySize,
      k.export().equals(KEY),
      k.export({ format: 'jwk' }),
      k.equals(crypto.createSecretKey(KEY)),
      k,
    );
  },
  RSA: () => {
    const { publicKey, privateKey } = pair();
    const s = crypto.sign('sha256', Buffer.from('m'), privateKey);
    console.log(
      s.length,
      crypto.verify('sha256', Buffer.from('m'), publicKey, s),
      crypto.verify('sha256', Buffer.from('n'), publicKey, s),
      publicKey.asymmetricKeyType,
      publicKey.asymmetricKeyDetails,
    );
    const e = crypto.publicEncrypt(publicKey, Buffer.from('x'));
    console.log(
      e.length,
      crypto.privateDecrypt(privateKey, e).toString(),
      crypto
        .publicDecrypt(publicKey, crypto.privateEncrypt(privateKey, Buffer.from('y')))
        .toString(),
    );
  },
  'RSA-PSS and OAEP': () => {
    const { publicKey, privateKey } = pair();
    const p = { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 20 };
    const s = crypto.sign('sha256', Buffer.from('m'), { key: privateKey, ...p });
    console.log(
      crypto.verify('sha256', Buffer.from('m'), { key: publicKey, ...p }, s),
      crypto
        .privateDecrypt(
          { key: privateKey, oaepHash: 'sha256' },
          crypto.publicEncrypt({ key: publicKey, oaepHash: 'sha256' }, Buffer.from('z')),
        )
        .toString(),
    );
  },
  'elliptic curves': () => {
    for (const namedCurve of ['P-256', 'secp256k1', 'P-384']) {
      const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve });
      const s = crypto.sign('sha256', Buffer.from('m'), {
        key: privateKey,
        dsaEncoding: 'ieee-p1363',
      });
      console.log(
        s.length,
        crypto.verify('sha256', Buffer.from('m'), { key: publicKey, dsaEncoding: 'ieee-p1363' }, s),
        publicKey.asymmetricKeyDetails,
        Object.keys(publicKey.export({ format: 'jwk' })),
      );
    }
  },
  'Ed25519 and X25519': () => {
    const { publicKey, privateKey } = crypto.generateKeyPairSync('ed25519');
    console.log(
      crypto.verify(
        null,
        Buffer.from('m'),
        publicKey,
        crypto.sign(null, Buffer.from('m'), privateKey),
      ),
    );
    const [a, b] = [crypto.generateKeyPairSync('x25519'), crypto.generateKeyPairSync('x25519')];
    console.log(
      crypto
        .diffieHellman({ privateKey: a.privateKey, publicKey: b.publicKey })
        .equals(crypto.diffieHellman({ privateKey: b.privateKey, publicKey: a.publicKey })),
    );
  },
  'PEM there and back': () => {
    const { publicKey, privateKey } = crypto.generateKeyPairSync(
      'ec',
      pem({ namedCurve: 'P-256' }),
    );
    console.log(
      publicKey.split('\n')[0],
      privateKey.split('\n')[0],
      crypto.createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) === publicKey,
      crypto.createPrivateKey(privateKey).export({ type: 'sec1', format: 'pem' }).split('\n')[0],
    );
  },
  'PEM with a passphrase': () => {
    const { privateKey } = crypto.generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'p' },
      publicKeyEncoding: { type: 'spki', format: 'der' },
    });
    console.log(
      privateKey.split('\n')[0],
      crypto.createPrivateKey({ key: privateKey, passphrase: 'p' }).type,
      thrown(() => crypto.createPrivateKey(privateKey)).split('|')[1],
    );
  },
  'Sign and Verify as objects': () => {
    const { publicKey, privateKey } = crypto.generateKeyPairSync(
      'rsa',
      pem({ modulusLength: 1024 }),
    );
    const s = crypto.createSign('RSA-SHA1').update('a').update('b').sign(privateKey, 'base64');
    console.log(
      crypto.createVerify('sha1').update('ab').verify(publicKey, s, 'base64'),
      thrown(() => crypto.createSign('nope')),
      thrown(() => crypto.createSign('sha1').sign()).slice(0, 40),
    );
  },
  'ECDH and Diffie-Hellman': () => {
    const [a, b] = [crypto.createECDH('secp256k1'), crypto.createECDH('secp256k1')];
    a.generateKeys();
    b.setPrivateKey(Buffer.alloc(32, 1));
    console.log(
      b.getPublicKey('hex', 'compressed'),
      a.computeSecret(b.getPublicKey()).equals(b.computeSecret(a.getPublicKey())),
    );
    const g = crypto.getDiffieHellman('modp1');
    g.generateKeys();
    const h = crypto.getDiffieHellman('modp1');
    h.generateKeys();
    console.log(
      g.computeSecret(h.getPublicKey()).equals(h.computeSecret(g.getPublicKey())),
      g.getGenerator('hex'),
      g.verifyError,
    );
  },
  lists: () =>
    console.log(
      crypto.getHashes().includes('sha256'),
      crypto.getCiphers().includes('aes-256-gcm'),
      crypto.getCurves().includes('prime256v1'),
      crypto.constants.RSA_PKCS1_PADDING,
      crypto.getFips(),
    ),
  'one-shot hash': () =>
    console.log(
      typeof crypto.hash === 'function' ? crypto.hash('sha1', 'x') : 'none',
      crypto.webcrypto === globalThis.crypto,
    ),
  primes: async () =>
    console.log(
      crypto.checkPrimeSync(7n),
      crypto.checkPrimeSync(Buffer.from([9])),
      crypto.generatePrimeSync(32, { bigint: true }) > 2n ** 31n,
      await new Promise((resolve) => crypto.checkPrime(11n, (_e, is) => resolve(is))),
    ),
  X509Certificate: () =>
    console.log(thrown(() => new crypto.X509Certificate('nope')).split('|')[0]),
});
