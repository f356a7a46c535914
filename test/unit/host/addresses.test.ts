import { describe, expect, test } from 'vitest';
import {
  formatAddress,
  isLoopback,
  netAddress,
  parseAddress,
} from '../../../hypervisor/host/addresses.ts';

describe('an address', () => {
  test.each<[string, string, number]>([
    ['db-1.example.com:7001', 'db-1.example.com', 7001],
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['[::1]:65535', '::1', 65_535],
    [':80', '', 80],
  ])('%s is read and written back', (text, host, port) => {
    expect(parseAddress(text, { what: '--listen' })).toEqual({ host, port });
    expect(formatAddress({ host, port })).toBe(text);
  });

  test('without a port takes the default, where there is one', () => {
    expect(parseAddress('b', { what: '--backup', portDefault: 7 })).toEqual({ host: 'b', port: 7 });
    expect(parseAddress('[::1]', { what: '--backup', portDefault: 7 }).host).toBe('::1');
    expect(() => parseAddress('b', { what: '--backup' })).toThrow('--backup is "b"');
  });

  test.each(['a:65536', 'a:-1', 'a:b', '::1:80', '[::1', '[nope]:80', 'a b:80', 'http://a:80', ''])(
    '%s is refused',
    (text) => {
      expect(() => parseAddress(text, { what: '--listen' })).toThrow(
        expect.objectContaining({ code: 'HV_E_USAGE' }),
      );
    },
  );

  test.each<[string, boolean]>([
    ['127.9.8.7', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['localhost', true],
    ['127.0.0.1.example.com', false],
    ['10.0.0.1', false],
    ['', false],
    ['::', false],
  ])('%s is loopback: %s', (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });

  test('of a socket names its family, or is nothing once the socket is gone', () => {
    expect(netAddress('::1', 5)).toEqual({ address: '::1', family: 'IPv6', port: 5 });
    expect(netAddress('10.0.0.1', 5)?.family).toBe('IPv4');
    expect(netAddress(undefined, 5)).toBeUndefined();
  });
});
