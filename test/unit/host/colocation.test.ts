import { describe, expect, test } from 'vitest';
import {
  arbiterRefusal,
  type HostFacts,
  hostFacts,
  refuseColocated,
  SOME_OTHER_HOST,
} from '../../../hypervisor/host/colocation.ts';

const NAMES: Readonly<Record<string, readonly string[]>> = {
  here: ['10.0.0.1'],
  there: ['10.0.0.2', 'fd00::2'],
  third: ['10.0.0.3'],
};

function factsWith(localFileSystem: string | undefined = 'ext4'): HostFacts {
  return {
    addresses: new Set(['127.0.0.1', '10.0.0.1', 'fd00::1']),
    hostname: 'alpha',
    localFileSystem: () => localFileSystem,
    resolve: (name) => Promise.resolve(NAMES[name] ?? []),
  };
}

function check(url: string, others: readonly string[], system?: string): Promise<void> {
  return refuseColocated(url, others, system === undefined ? factsWith() : factsWith(system));
}

describe('an arbiter across hosts is refused', () => {
  test.each([
    ['pg://127.0.0.1/d', 'is on this host'],
    ['pg://localhost/d', 'is on this host'],
    ['pg://[::1]/d', 'is on this host'],
    ['pg://10.0.0.1/d', 'is on this host'],
    ['pg://here/d', 'is on this host'],
    ['pg://ALPHA/d', 'is on this host'],
    ['pg://10.0.0.2/d', 'is on there'],
    ['pg://[fd00::2]/d', 'is on there'],
    ['pg://[::ffff:10.0.0.2]/d', 'is on there'],
    ['pg://u:secret@there/d', 'is on there'],
    ['etcd://there', 'is on there'],
    ['etcd://third,here', 'has no majority without here:2379, which is on this host'],
    ['etcd://third,there:1,10.0.0.2:2', 'without there:1 and 10.0.0.2:2, which are on there'],
    ['file:/views', 'is on a disk of this host alone (ext4), which there cannot see'],
  ])('%s', async (url, why) => {
    const refusal = check(url, ['there']);
    await expect(refusal).rejects.toMatchObject({
      code: 'HV_E_ARBITER_COLOCATED',
      exitStatus: 123,
    });
    await expect(refusal).rejects.toThrow(why);
    await expect(refusal).rejects.not.toThrow('secret');
  });

  test('also when only the word of another host is known', async () => {
    await expect(check('pg://here/d', [SOME_OTHER_HOST])).rejects.toThrow('is on this host');
    await check('pg://third/d', [SOME_OTHER_HOST]);
  });
});

describe('an arbiter is taken', () => {
  test.each([
    ['on a third host', 'pg://third/d', ['there']],
    ['with a majority elsewhere', 'etcd://here,there,third', ['there']],
    ['of five with two here', 'etcd://here:1,here:2,there,third,fourth', ['there']],
    ['whose name nobody knows: its first answer will tell', 'pg://unknown/d', ['there']],
    [
      'here, with a backup here',
      'pg://localhost/d',
      ['127.0.0.1', 'localhost', '10.0.0.1', 'here'],
    ],
    ['here, without backups', 'file:/views', []],
  ])('%s', (_what, url, others) => check(url, others));

  test('on a shared directory', () =>
    refuseColocated('file:/views', ['there'], {
      ...factsWith(),
      localFileSystem: () => undefined,
    }));
});

describe('a backup', () => {
  const ask = (url: string, primary = '10.0.0.2', mayBeColocated = false): string | undefined =>
    arbiterRefusal(url, primary, { mayBeColocated, facts: factsWith() });

  test('refuses an arbiter on its own host or on that of the primary, unless told otherwise', () => {
    expect(ask('pg://10.0.0.1/d')).toContain("is on the backup's host");
    expect(ask('pg://10.0.0.2/d')).toContain('is on 10.0.0.2');
    expect(ask('pg://10.0.0.2/d', '::ffff:10.0.0.2')).toContain('is on ::ffff:10.0.0.2');
    expect(ask('file:/views')).toContain('hv backup --arbiter-colocated would allow that');
    expect(ask('pg://10.0.0.3/d')).toBeUndefined();
    expect(ask('pg://10.0.0.1/d', '127.0.0.1')).toBeUndefined();
    expect(ask('pg://10.0.0.1/d', '10.0.0.2', true)).toBeUndefined();
  });

  test('refuses an arbiter it does not know, rather than fall over it', () => {
    expect(ask('consul://x', '127.0.0.1')).toContain('there is no arbiter "consul://x"');
    expect(ask('', '127.0.0.1', true)).toContain('there is no arbiter');
  });
});

test('this host knows its own addresses, and a disk of its own from one that is missing', () => {
  const facts = hostFacts();
  expect(facts.addresses).toContain('127.0.0.1');
  expect(facts.localFileSystem('/no/such/directory')).toBeUndefined();
  if (process.platform === 'linux') expect(facts.localFileSystem('/dev/shm')).toBe('tmpfs');
});
