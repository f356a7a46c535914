import shared from './cases.cjs';

const { cases, failure } = shared;
const { subtle } = crypto;
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const bytes = new TextEncoder().encode('some bytes');
const raw = new Uint8Array(32).map((_, i) => i);

cases({
  digests: async () => {
    for (const name of ['SHA-1', 'SHA-256', 'sha-384', 'SHA-512'])
      console.log(hex(await subtle.digest(name, bytes)));
  },
  HMAC: async () => {
    const key = await subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, true, [
      'sign',
      'verify',
    ]);
    const s = await subtle.sign('HMAC', key, bytes);
    console.log(
      hex(s),
      await subtle.verify('HMAC', key, s, bytes),
      key,
      await subtle.exportKey('jwk', key),
    );
  },
  AES: async () => {
    for (const [name, extra] of [
      ['AES-CBC', { iv: raw.slice(0, 16) }],
      ['AES-GCM', { iv: raw.slice(0, 12), additionalData: bytes }],
      ['AES-CTR', { counter: raw.slice(0, 16), length: 32 }],
    ]) {
      const key = await subtle.importKey('raw', raw, name, false, ['encrypt', 'decrypt']);
      const sealed = await subtle.encrypt({ name, ...extra }, key, bytes);
      console.log(
        name,
        hex(sealed),
        new TextDecoder().decode(await subtle.decrypt({ name, ...extra }, key, sealed)),
        await failure(() => subtle.exportKey('raw', key)),
      );
    }
  },
  derivation: async () => {
    const key = await subtle.importKey('raw', bytes, 'PBKDF2', false, ['deriveBits', 'deriveKey']);
    console.log(
      hex(
        await subtle.deriveBits(
          { name: 'PBKDF2', hash: 'SHA-256', salt: raw, iterations: 5 },
          key,
          128,
        ),
      ),
      hex(
        await subtle.exportKey(
          'raw',
          await subtle.deriveKey(
            { name: 'PBKDF2', hash: 'SHA-1', salt: raw, iterations: 2 },
            key,
            { name: 'AES-GCM', length: 128 },
            true,
            ['encrypt'],
          ),
        ),
      ),
    );
    const hkdf = await subtle.importKey('raw', bytes, 'HKDF', false, ['deriveBits']);
    console.log(
      hex(
        await subtle.deriveBits(
          { name: 'HKDF', hash: 'SHA-512', salt: raw, info: bytes },
          hkdf,
          256,
        ),
      ),
    );
  },
  signatures: async () => {
    for (const [algorithm, use] of [
      [
        { name: 'ECDSA', namedCurve: 'P-256' },
        { name: 'ECDSA', hash: 'SHA-256' },
      ],
      [
        {
          name: 'RSASSA-PKCS1-v1_5',
          hash: 'SHA-256',
          modulusLength: 1024,
          publicExponent: new Uint8Array([1, 0, 1]),
        },
        'RSASSA-PKCS1-v1_5',
      ],
      [
        {
          name: 'RSA-PSS',
          hash: 'SHA-256',
          modulusLength: 1024,
          publicExponent: new Uint8Array([1, 0, 1]),
        },
        { name: 'RSA-PSS', saltLength: 32 },
      ],
      ['Ed25519', 'Ed25519'],
    ]) {
      const { publicKey, privateKey } = await subtle.generateKey(algorithm, true, [
        'sign',
        'verify',
      ]);
      const s = await subtle.sign(use, privateKey, bytes);
      console.log(
        s.byteLength,
        await subtle.verify(use, publicKey, s, bytes),
        await subtle.verify(use, publicKey, s, raw),
        publicKey.usages,
        privateKey.usages,
        Object.keys(await subtle.exportKey('jwk', privateKey))
          .sort()
          .join(),
      );
    }
  },
  agreement: async () => {
    for (const algorithm of [{ name: 'ECDH', namedCurve: 'P-384' }, { name: 'X25519' }]) {
      const [a, b] = await Promise.all(
        [1, 2].map(() => subtle.generateKey(algorithm, true, ['deriveBits'])),
      );
      const [x, y] = await Promise.all([
        subtle.deriveBits({ name: algorithm.name, public: b.publicKey }, a.privateKey, 128),
        subtle.deriveBits({ name: algorithm.name, public: a.publicKey }, b.privateKey, 128),
      ]);
      console.log(hex(x) === hex(y), x.byteLength);
    }
  },
  'RSA-OAEP': async () => {
    const { publicKey, privateKey } = await subtle.generateKey(
      {
        name: 'RSA-OAEP',
        hash: 'SHA-256',
        modulusLength: 2048,
        publicExponent: new Uint8Array([1, 0, 1]),
      },
      true,
      ['encrypt', 'decrypt'],
    );
    const sealed = await subtle.encrypt('RSA-OAEP', publicKey, bytes);
    console.log(
      sealed.byteLength,
      new TextDecoder().decode(await subtle.decrypt('RSA-OAEP', privateKey, sealed)),
    );
  },
  'keys in and out': async () => {
    const { publicKey, privateKey } = await subtle.generateKey(
      { name: 'ECDSA', namedCurve: 'P-256' },
      true,
      ['sign', 'verify'],
    );
    for (const [format, key, usages] of [
      ['spki', publicKey, ['verify']],
      ['raw', publicKey, ['verify']],
      ['jwk', publicKey, ['verify']],
      ['pkcs8', privateKey, ['sign']],
      ['jwk', privateKey, ['sign']],
    ]) {
      const out = await subtle.exportKey(format, key);
      const back = await subtle.importKey(
        format,
        out,
        { name: 'ECDSA', namedCurve: 'P-256' },
        true,
        usages,
      );
      console.log(
        format,
        back.type,
        back.algorithm,
        hex(JSON.stringify(await subtle.exportKey(format, back))) === hex(JSON.stringify(out)),
      );
    }
  },
  wrapping: async () => {
    const kek = await subtle.importKey('raw', raw, 'AES-KW', false, ['wrapKey', 'unwrapKey']);
    const key = await subtle.importKey('raw', raw.slice(0, 16), 'AES-GCM', true, ['encrypt']);
    const wrapped = await subtle.wrapKey('raw', key, kek, 'AES-KW');
    console.log(
      hex(wrapped),
      hex(
        await subtle.exportKey(
          'raw',
          await subtle.unwrapKey('raw', wrapped, kek, 'AES-KW', 'AES-GCM', true, ['encrypt']),
        ),
      ),
    );
  },
  refusals: async () => {
    for (const act of [
      () => subtle.digest('MD5', bytes),
      () => subtle.digest('SHA-1', 'text'),
      () => subtle.importKey('raw', raw.slice(0, 3), 'AES-GCM', true, ['encrypt']),
      () => subtle.generateKey('AES-GCM', true, []),
      () => subtle.generateKey({ name: 'AES-GCM', length: 128 }, true, ['sign']),
      () => subtle.importKey('x', raw, 'AES-GCM', true, []),
    ])
      console.log(await failure(act));
  },
  'random values': async () => {
    console.log(
      crypto.getRandomValues(new Uint8Array(4)).length,
      crypto
        .randomUUID()
        .replace(/[0-9a-f]/g, 'x')
        .replace('-4', '-x'),
      await failure(() => crypto.getRandomValues(new Float32Array(1))),
      await failure(() => crypto.getRandomValues(new Uint8Array(70000))),
    );
  },
});
