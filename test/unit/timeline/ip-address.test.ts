import { describe, expect, test } from 'vitest';
import { addressBytes, mapped } from '../../../hypervisor/timeline/export/ip-address.ts';

const hex = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && Buffer.from(bytes).toString('hex');

describe('an address', () => {
  test.each([
    ['127.0.0.1', '7f000001'],
    ['255.0.10.200', 'ff000ac8'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001'],
    ['2001:db8:0:1:2:3:4:ABCD', '20010db80000000100020003 0004abcd'.replace(' ', '')],
    ['1::', '00010000000000000000000000000000'],
    ['::ffff:10.0.0.1', '00000000000000000000ffff0a000001'],
  ])('%s is %s', (text, bytes) => {
    expect(hex(addressBytes(text))).toBe(bytes);
  });

  test.each([
    '',
    'localhost',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.5',
    '1.2.3.x',
    '1::2::3',
    ':::',
    'g::1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '12345::',
    '1.2.3.4::',
  ])('%j is none', (text) => {
    expect(addressBytes(text)).toBeUndefined();
  });

  test('of IPv4 has a form among IPv6 ones', () => {
    expect(hex(mapped(new Uint8Array([10, 0, 0, 1])))).toBe('00000000000000000000ffff0a000001');
  });
});
