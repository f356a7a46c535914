import { describe, expect, test } from 'vitest';
import { absoluteArbiterUrl, openArbiter } from '../../../hypervisor/host/arbiters.ts';
import { EtcdArbiter } from '../../../hypervisor/host/etcd-arbiter.ts';
import { PgArbiter } from '../../../hypervisor/host/pg-arbiter.ts';
import { parseServerUrl, shownUrl } from '../../../hypervisor/host/server-urls.ts';

const RULES = { portDefault: 7, hostsMax: 3, files: ['ca'], words: { mode: ['a', 'b'], any: [] } };

describe('a URL of servers', () => {
  test('has hosts, a user, a path and options, and is the same after a round trip', () => {
    expect(
      parseServerUrl('x://u%40:p%3a:@h1,[::1]:9,h-3.example/d/?mode=b&any=%26&ca=/c', RULES),
    ).toEqual({
      scheme: 'x',
      user: 'u@',
      password: 'p::',
      hosts: [
        { host: 'h1', port: 7 },
        { host: '::1', port: 9 },
        { host: 'h-3.example', port: 7 },
      ],
      path: 'd',
      options: { mode: 'b', any: '&', ca: '/c' },
    });
    const url = 'pg://a%40:%2F%3F%23@[fe80::1]:1/d%20b?sslmode=verify-full&sslrootcert=%2Fca.pem';
    expect(absoluteArbiterUrl(url)).toBe(url);
    expect(absoluteArbiterUrl('etcd://h1,h2:1')).toBe('etcd://h1:2379,h2:1');
    expect(absoluteArbiterUrl('etcds://h?ca=ca.pem')).toBe(
      `etcds://h:2379?ca=${encodeURIComponent(`${process.cwd()}/ca.pem`)}`,
    );
  });

  test.each([
    ['x://', 'is not scheme://'],
    ['x://h#f', 'is not scheme://'],
    ['x://@', 'is not scheme://'],
    ['x://:9', 'names a port without a host'],
    ['x://a,b,c,d', 'names 4 hosts, 3 at most'],
    ['x://a,,b', 'names a port without a host'],
    ['x://a:b', 'which is not host:port'],
    ['x://a?mood=1', 'has no option "mood"'],
    ['x://a?mode=c', 'none of a, b'],
    ['x://%@a', 'a % that is no escape'],
  ])('%s is refused with what is wrong', (url, why) => {
    const refusal = expect.objectContaining({
      code: 'HV_E_USAGE',
      message: expect.stringContaining(why),
    });
    expect(() => parseServerUrl(url, RULES)).toThrow(refusal);
  });

  test('a password is shown nowhere', () => {
    expect(shownUrl('pg://u:p@h/d')).toBe('pg://u:***@h/d');
    expect(shownUrl('etcd://u:p%40@h1:1,h2')).toBe('etcd://u:***@h1:1,h2');
    expect(shownUrl('etcd://h1:1,h2:2')).toBe('etcd://h1:1,h2:2');
    for (const url of ['consul://u:secret@h', 'pg://u:secret@a,b/c', 'pg://u:secret@h?nonsense=1'])
      expect(() => openArbiter(url)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('secret') }),
      );
  });

  test('the scheme chooses the arbiter', () => {
    for (const url of ['etcd://h', 'etcds://h1,h2,h3'])
      expect(openArbiter(url)).toBeInstanceOf(EtcdArbiter);
    for (const url of ['pg://h', 'postgres://u:p@h:1/d', 'postgresql://h'])
      expect(openArbiter(url)).toBeInstanceOf(PgArbiter);
    expect(() => openArbiter('pg://h1,h2/d')).toThrow('1 at most');
  });
});
