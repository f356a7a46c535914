/** Key pairs of the guest against Node's own: either signs what the other verifies, and both refuse alike. */

import nodeCrypto from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { groupPrime } from '../../../guest-sdk/asymmetric/dh-groups.ts';
import * as library from '../../../guest-sdk/asymmetric/index.ts';
import { isPrime, power } from '../../../guest-sdk/asymmetric/modular.ts';
import { installFakes, outcomeOf, plain } from './fake-traps.ts';

installFakes();

type Crypto = typeof nodeCrypto;
const guest = { ...library, ...library.classes } as unknown as Crypto;

function same(act: (crypto: Crypto) => unknown): void {
  expect(outcomeOf(() => act(guest))).toEqual(outcomeOf(() => act(nodeCrypto)));
}

const message = Buffer.from('sample');
const pairs = {
  rsa: nodeCrypto.generateKeyPairSync('rsa', { modulusLength: 1024 }),
  pss: nodeCrypto.generateKeyPairSync('rsa-pss', {
    modulusLength: 1024,
    hashAlgorithm: 'sha256',
    mgf1HashAlgorithm: 'sha256',
    saltLength: 32 as never,
  }),
  p256: nodeCrypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p521: nodeCrypto.generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  k1: nodeCrypto.generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
  brain: nodeCrypto.generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' }),
  ed25519: nodeCrypto.generateKeyPairSync('ed25519'),
  ed448: nodeCrypto.generateKeyPairSync('ed448'),
  x25519: nodeCrypto.generateKeyPairSync('x25519'),
  x448: nodeCrypto.generateKeyPairSync('x448'),
};
const pem = { type: 'pkcs8', format: 'pem' } as const;
const privatePem = (name: keyof typeof pairs): string =>
  pairs[name].privateKey.export(pem) as string;
const publicPem = (name: keyof typeof pairs): string =>
  pairs[name].publicKey.export({ type: 'spki', format: 'pem' }) as string;

describe('signatures', () => {
  const { RSA_PKCS1_PSS_PADDING: PSS } = nodeCrypto.constants;
  const cases: readonly (readonly [keyof typeof pairs, string | undefined, object])[] = [
    ['rsa', 'sha256', {}],
    ['rsa', 'RSA-SHA512', {}],
    ['rsa', 'sha1', { padding: PSS }],
    ['rsa', 'sha256', { padding: PSS, saltLength: -1 }],
    ['pss', 'sha256', {}],
    ['p256', 'sha256', {}],
    ['p256', 'sha512', { dsaEncoding: 'ieee-p1363' }],
    ['p521', 'sha384', {}],
    ['k1', 'sha256', {}],
    ['brain', 'sha256', {}],
    ['ed25519', undefined, {}],
    ['ed448', undefined, {}],
  ];
  test.each(cases)('of %s by %s: each verifies what the other signs', (name, hash, options) => {
    const mine = { key: privatePem(name), ...options };
    const theirs = { key: publicPem(name), ...options };
    for (const [signer, verifier] of [
      [guest, nodeCrypto],
      [nodeCrypto, guest],
    ] as const) {
      const signature = signer.sign(hash, message, mine);
      expect(verifier.verify(hash, message, theirs, signature)).toBe(true);
      expect(verifier.verify(hash, Buffer.from('simple'), theirs, signature)).toBe(false);
      signature[5] = (signature[5] as number) ^ 1;
      expect(verifier.verify(hash, message, theirs, signature)).toBe(false);
    }
  });

  test('in pieces are those of the whole', () => {
    const made = guest
      .createSign('SHA256')
      .update('sam')
      .update('ple')
      .sign(privatePem('rsa'), 'hex');
    expect(made).toBe(nodeCrypto.sign('sha256', message, privatePem('rsa')).toString('hex'));
    expect(guest.createVerify('SHA256').update(message).verify(publicPem('rsa'), made, 'hex')).toBe(
      true,
    );
  });

  test('by ECDSA have the nonce of RFC 6979, and by Ed25519 are those of RFC 8032', () => {
    const secret = 'c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721';
    const point = nodeCrypto.createECDH('prime256v1');
    point.setPrivateKey(secret, 'hex');
    const [x, y] = [point.getPublicKey().subarray(1, 33), point.getPublicKey().subarray(33)];
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
    const d = text(Buffer.from(secret, 'hex'));
    const jwk = { kty: 'EC', crv: 'P-256', x: text(x), y: text(y), d };
    const key = { key: jwk, format: 'jwk', dsaEncoding: 'ieee-p1363' } as const;
    expect(guest.sign('sha256', message, key as never).toString('hex')).toBe(
      'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
    );
    const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
    const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex');
    const edwards = guest.createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    expect(guest.sign(null, Buffer.alloc(0), edwards).toString('hex')).toBe(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    );
  });
});

describe('keys', () => {
  const names = Object.keys(pairs) as (keyof typeof pairs)[];
  test.each(names)('of %s are written as Node writes them, and read back', (name) => {
    const [own, their] = [guest, nodeCrypto].map((crypto) =>
      crypto.createPrivateKey(privatePem(name)),
    );
    const [ownPublic, theirPublic] = [guest, nodeCrypto].map((c) =>
      c.createPublicKey(publicPem(name)),
    );
    if (!own || !their || !ownPublic || !theirPublic) throw new Error('no key');
    expect(own.asymmetricKeyType).toBe(their.asymmetricKeyType);
    expect(own.asymmetricKeyDetails).toEqual(their.asymmetricKeyDetails);
    const all = (key: nodeCrypto.KeyObject, types: readonly string[]): unknown[] =>
      types.flatMap((type) =>
        ['pem', 'der', 'jwk'].map((format) =>
          outcomeOf(() => {
            const made = key.export({ type, format } as never) as unknown;
            return made instanceof Uint8Array ? Buffer.from(made).toString('hex') : made;
          }),
        ),
      );
    expect(all(own, ['pkcs8', 'pkcs1', 'sec1'])).toEqual(all(their, ['pkcs8', 'pkcs1', 'sec1']));
    expect(all(ownPublic, ['spki', 'pkcs1'])).toEqual(all(theirPublic, ['spki', 'pkcs1']));
    expect(guest.createPublicKey(own as never).equals(ownPublic)).toBe(true);
  });

  test('under a passphrase are opened by the other side, with the right one alone', () => {
    for (const [name, type] of [
      ['rsa', 'pkcs8'],
      ['rsa', 'pkcs1'],
      ['p256', 'sec1'],
      ['ed25519', 'pkcs8'],
    ] as const) {
      for (const [writer, reader] of [
        [guest, nodeCrypto],
        [nodeCrypto, guest],
      ] as const) {
        const how = { type, format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' };
        const sealed = writer.createPrivateKey(privatePem(name)).export(how as never) as string;
        const opened = reader.createPrivateKey({ key: sealed, passphrase: 'secret' });
        expect(opened.export(pem)).toBe(privatePem(name));
        expect(
          outcomeOf(() => reader.createPrivateKey({ key: sealed, passphrase: 'other' })),
        ).toMatchObject({
          code: 'ERR_OSSL_BAD_DECRYPT',
        });
      }
    }
  });

  test('that are made anew are taken by Node', () => {
    for (const [type, options] of [
      ['rsa', { modulusLength: 512 }],
      ['ec', { namedCurve: 'P-384' }],
      ['ed25519', {}],
      ['x448', {}],
    ] as const) {
      const made = guest.generateKeyPairSync(type as 'rsa', {
        ...(options as { modulusLength: number }),
        publicKeyEncoding: { type: 'spki', format: 'pem' },
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      });
      const derived = nodeCrypto.createPublicKey(made.privateKey);
      expect(derived.export({ type: 'spki', format: 'pem' })).toBe(made.publicKey);
      expect(derived.asymmetricKeyType).toBe(type);
    }
  });

  test('and options that Node refuses are refused in its words', () => {
    const { key } = { key: privatePem('p256') };
    const wrong: readonly ((crypto: Crypto) => unknown)[] = [
      (c) => c.createPrivateKey('nothing'),
      (c) => c.createPublicKey(undefined as never),
      (c) => c.createPrivateKey({ key: Buffer.alloc(3), format: 'der' } as never),
      (c) =>
        c.createPrivateKey({
          key: { kty: 'EC', crv: 'P-256', x: 'a', y: 'b' },
          format: 'jwk',
        } as never),
      (c) => c.createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: 'a', y: 'b' }, format: 'jwk' }),
      (c) => c.sign('nope', message, key),
      (c) => c.sign('sha256', message, undefined as never),
      (c) => c.sign('sha256', message, { key, dsaEncoding: 'x' } as never),
      (c) => c.sign('sha256', message, { key: privatePem('rsa'), padding: 4 }),
      (c) => c.sign('sha256', message, privatePem('x25519')),
      (c) => c.sign('sha256', message, privatePem('ed25519')),
      (c) => c.sign('sha1', message, privatePem('pss')),
      (c) => c.createSign('nope'),
      (c) => c.createSign('sha256').sign(undefined as never),
      (c) => c.publicEncrypt(publicPem('rsa'), Buffer.alloc(200)).length,
      (c) => c.publicEncrypt(publicPem('p256'), message).length,
      (c) => c.privateDecrypt(privatePem('rsa'), Buffer.alloc(128, 1)),
      (c) => c.generateKeyPairSync('ec', { namedCurve: 'x' }),
      (c) => c.generateKeyPairSync('rsa', { modulusLength: 16 }),
      (c) => c.generateKeyPairSync('rsa', {} as never),
      (c) => c.generateKeyPairSync('none' as never),
      (c) => c.createECDH('x'),
      (c) => c.createECDH('prime256v1').getPublicKey(),
      (c) => c.createDiffieHellmanGroup('x'),
      (c) => c.createDiffieHellman(5),
      (c) => c.generatePrimeSync(0),
      (c) => c.checkPrimeSync(-5n),
    ];
    for (const act of wrong) same(act);
  });
});

describe('secrets', () => {
  test('go to and fro under RSA, and a broken block tells nothing', () => {
    for (const [writer, reader] of [
      [guest, nodeCrypto],
      [nodeCrypto, guest],
    ] as const) {
      for (const options of [{}, { oaepHash: 'sha256', oaepLabel: Buffer.from('l') }]) {
        const sent = writer.publicEncrypt({ key: publicPem('rsa'), ...options }, message);
        expect(plain(reader.privateDecrypt({ key: privatePem('rsa'), ...options }, sent))).toEqual(
          plain(message),
        );
      }
      const signed = writer.privateEncrypt(privatePem('rsa'), message);
      expect(plain(reader.publicDecrypt(publicPem('rsa'), signed))).toEqual(plain(message));
    }
    const padding = nodeCrypto.constants.RSA_PKCS1_PADDING;
    const key = { key: privatePem('rsa'), padding };
    const sent = nodeCrypto.publicEncrypt({ key: publicPem('rsa'), padding }, message);
    expect(plain(guest.privateDecrypt(key, sent))).toEqual(plain(message));
    const broken = Buffer.alloc(128, 1);
    expect(plain(guest.privateDecrypt(key, broken))).toEqual(
      plain(guest.privateDecrypt(key, broken)),
    );
  });

  test('are shared with Node over every curve and group', () => {
    for (const curve of guest.getCurves()) {
      const [own, their] = [guest.createECDH(curve), nodeCrypto.createECDH(curve)];
      const [mine, others] = [own.generateKeys(), their.generateKeys('hex', 'compressed')];
      expect(plain(own.computeSecret(others, 'hex'))).toEqual(plain(their.computeSecret(mine)));
      for (const form of ['compressed', 'uncompressed', 'hybrid'] as const) {
        const convert = (c: Crypto): unknown =>
          c.ECDH.convertKey(mine, curve, undefined, 'hex', form);
        expect(convert(guest)).toBe(convert(nodeCrypto));
      }
    }
    const [own, their] = [guest, nodeCrypto].map((c) => c.createDiffieHellmanGroup('modp5'));
    const [mine, others] = [own?.generateKeys(), their?.generateKeys()];
    expect(plain(own?.computeSecret(others as Buffer))).toEqual(
      plain(their?.computeSecret(mine as Buffer)),
    );
    for (const name of ['x25519', 'x448'] as const) {
      const agreed = [guest, nodeCrypto].map((c) =>
        c.diffieHellman({
          privateKey: c.createPrivateKey(privatePem(name)),
          publicKey: c.createPublicKey(publicPem(name)),
        }),
      );
      expect(plain(agreed[0])).toEqual(plain(agreed[1]));
    }
  });

  test('by groups have the primes of Node', () => {
    for (const name of ['modp1', 'modp2', 'modp5', 'modp14', 'modp15']) {
      const prime = nodeCrypto.createDiffieHellmanGroup(name).getPrime('hex');
      expect(groupPrime(name)?.toString(16)).toBe(prime);
    }
  });
});

test('powers and primes are what arithmetic says', () => {
  const modulus = 2n ** 127n - 1n;
  expect(power(3n, modulus - 1n, modulus)).toBe(1n);
  expect(power(7n, 65_537n, 1_000_003n)).toBe(7n ** 65_537n % 1_000_003n);
  const random = (length: number): Uint8Array => new Uint8Array(length).fill(0x5a);
  expect(isPrime(modulus, 4, random)).toBe(true);
  expect(isPrime(modulus * (2n ** 89n - 1n), 4, random)).toBe(false);
  for (const options of [{ safe: true }, { add: 12n, rem: 11n }, {}]) {
    const prime = guest.generatePrimeSync(64, { ...options, bigint: true });
    expect(nodeCrypto.checkPrimeSync(prime)).toBe(true);
    expect(prime.toString(2)).toHaveLength(64);
    if ('add' in options) expect(prime % 12n).toBe(11n);
    if ('safe' in options) expect(nodeCrypto.checkPrimeSync(prime >> 1n)).toBe(true);
  }
});

const AUTHORITY = `-----BEGIN CERTIFICATE-----
MIIDVjCCAj6gAwIBAgIUUa8acTFj6DgK1Hmn2uIcmgkQ36kwDQYJKoZIhvcNAQEL
BQAwMzELMAkGA1UEBhMCQVQxEjAQBgNVBAoMCVRlc3QsIEluYzEQMA4GA1UEAwwH
VGVzdCBDQTAgFw0yNjExMjcyMjIzNTdaGA8yMTI2MTEwMzIyMjM1N1owMzELMAkG
A1UEBhMCQVQxEjAQBgNVBAoMCVRlc3QsIEluYzEQMA4GA1UEAwwHVGVzdCBDQTCC
ASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAMZ8T9EAHX92Lr0MnXgc530I
E3ZEOWeIZklHVY4RjDe9gNzR9235KNrorCM/m9kkJVVzICMHApBgmiwjvt40X+Ug
qbPaolqbEB4kyki0BGioSQ6v+BA5GgqDf4SGYmG/SHPTkA5Md74mXwGiT3pmCJKe
zW4D4BJbOoFmV0oh4H/LRVQwCF7yJyszkpK2v3J11SVsS44tzvOtoy93v7zvAq0O
/0GAzpIbdWXbVYfhG7wxkDDqxHKVRoCGmfuww+QU8BbP/MqJHUhnLm5v0DvdBhOE
NYsiNSS+UTEvieIIK7xyGNYEIWaKVUYUFoCc5tBtmufOK9iggoqfKEQjNogG6mMC
AwEAAaNgMF4wHQYDVR0OBBYEFL/vlfZzd7etIad8nxH7IwRc/MSEMB8GA1UdIwQY
MBaAFL/vlfZzd7etIad8nxH7IwRc/MSEMA8GA1UdEwEB/wQFMAMBAf8wCwYDVR0P
BAQDAgEGMA0GCSqGSIb3DQEBCwUAA4IBAQAsky5/VBZ7Lk8QqGJxBgp3JlOIMFTe
5a0Pw68f2C+uHoU+BeIkoMRLqSre9MONzqFWKlVwOZja7JDCRs/VOPXAQ5ZuGCBK
4M3lMNeovwhy56qsjx/k1B9o5F7RMgee1+4lUpgjtcJcFkzGAFvWmz3qoYKMDYlf
MJTI2MUlfFDr57G6vjF7Eh0R1w46SFcRyBBXDU6UmTo/wQAYWb7fUlxNFDdod6M1
Jt+hIHR1XBLVXthc29lEh6rvAsJ3SKxoVIq+Lc7X2Cz0Vh/TIs1uo3sRjoq+DWbz
8FA4UW3JjdjWjpNtFwj5tCqxZPZTdajkbPZu1++P12ZXBjUJzKIJLT5F
-----END CERTIFICATE-----
`;
const LEAF = `-----BEGIN CERTIFICATE-----
MIIDYDCCAkigAwIBAgIGAKvN7wEjMA0GCSqGSIb3DQEBCwUAMDMxCzAJBgNVBAYT
AkFUMRIwEAYDVQQKDAlUZXN0LCBJbmMxEDAOBgNVBAMMB1Rlc3QgQ0EwIBcNMjYx
MTI3MjIyNDA5WhgPMjEyNjA3MjYyMjI0MDlaMGUxCzAJBgNVBAYTAkFUMQ0wCwYD
VQQIDARXaWVuMQ0wCwYDVQQHDARXaWVuMRAwDgYDVQQKDAdHcsO2w59lMQowCAYD
VQQLDAFhMRowGAYJKoZIhvcNAQkBFgt4QHkuZXhhbXBsZTBZMBMGByqGSM49AgEG
CCqGSM49AwEHA0IABHRpy7ZzfYZX1ZDva+kHLq4PyCGN6WXOYmo2rLJCUkLO/5o5
X9YJwRa65mBBkTGPtI1Aa7euyc8Pzm/u/+JuoQOjggEPMIIBCzBPBgNVHREESDBG
ggtleGFtcGxlLmNvbYISKi53aWxkLmV4YW1wbGUuY29thwR/AAABhxAAAAAAAAAA
AAAAAAAAAAABgQthQGIuZXhhbXBsZTAdBgNVHSUEFjAUBggrBgEFBQcDAQYIKwYB
BQUHAwIwTgYIKwYBBQUHAQEEQjBAMB8GCCsGAQUFBzABhhNodHRwOi8vb2NzcC5l
eGFtcGxlMB0GCCsGAQUFBzAChhFodHRwOi8vY2EuZXhhbXBsZTAJBgNVHRMEAjAA
MB0GA1UdDgQWBBQfpnDTYtvqXIhRsEVzg6G62V7JsjAfBgNVHSMEGDAWgBS/75X2
c3e3rSGnfJ8R+yMEXPzEhDANBgkqhkiG9w0BAQsFAAOCAQEAorPpaOXUxG/OjR6y
6hxt295XelqKwYYgvYQtrTZMXipxJJj4DyrWkBn5o+QhFW0MHeaseorFI953mhpa
okKXTBMSaOtynIt339SBWKr2frBDCkxY5ScI8Ws5kBhpbhtWIx2HJ5+jA+gMNlPY
PvZsBrDAl5DvT3/Wt3HS2h+iR/K/wn0ZKJieB89G9/i5sHtD4EiVzUQ/n8tmk74Q
L+FlL1ler8ky2Gz3MFFdDJxMakTroD3wqQ5TrJquok7ZJoDJRV01C1iqCJzVktHT
j5xKcxyHJwaF3zi+1kUTfP2ivM9KqB5jwMG2fqYaUBdxduo7FabdxLPPwz9C+3eP
1LOrNA==
-----END CERTIFICATE-----
`;

test('certificates say what Node reads in them', () => {
  const read = (c: Crypto): unknown => {
    const [authority, leaf] = [new c.X509Certificate(AUTHORITY), new c.X509Certificate(LEAF)];
    const both = [authority, leaf].map((one) => {
      const { subject, subjectAltName, issuer, infoAccess, validFrom, validTo, ca } = one;
      const { fingerprint, fingerprint512, keyUsage, serialNumber } = one;
      const { raw, pubkey, ...legacy } = one.toLegacyObject() as unknown as Record<string, Buffer>;
      const bytes = [raw, pubkey].map((part) => part?.toString('hex'));
      const names = [subject, subjectAltName, issuer, infoAccess, serialNumber, one.toString()];
      const rest = [validFrom, validTo, ca, fingerprint, fingerprint512, keyUsage];
      return [...names, ...rest, bytes, JSON.stringify(legacy), JSON.stringify(one)];
    });
    const hosts = ['example.com', 'EXAMPLE.com', 'a.wild.example.com', 'a.b.wild.example.com', ''];
    return [
      both,
      hosts.map((host) => leaf.checkHost(host)),
      [leaf.checkIP('127.0.0.1'), leaf.checkIP('::1'), leaf.checkIP('1.2.3.4')],
      [leaf.checkEmail('a@b.example'), leaf.checkEmail('x@y.example')],
      [leaf.verify(authority.publicKey), leaf.verify(leaf.publicKey)],
      [leaf.checkIssued(authority), authority.checkIssued(leaf)],
      leaf.publicKey.asymmetricKeyDetails,
    ];
  };
  expect(read(guest)).toEqual(read(nodeCrypto));
  const changed = Buffer.from(new nodeCrypto.X509Certificate(LEAF).raw);
  changed[60] = (changed[60] as number) ^ 1;
  const { publicKey } = new guest.X509Certificate(AUTHORITY);
  expect(new guest.X509Certificate(changed).verify(publicKey)).toBe(false);
  same((c) => new c.X509Certificate('nothing'));
});
