/** What of the host could leak into a guest, taken away or changed while the guest runs. */

import { describe, expect, test } from 'vitest';
import { INTERRUPT } from '../../../log-format/index.ts';
import { type Interrupt, run } from '../../support/twins.ts';

/** Runs with members of the host's globals replaced by ones that throw, and puts them back. */
function without(...members: readonly (readonly [object, string])[]): (go: () => void) => void {
  return (go) => {
    const saved = members.map(
      ([owner, name]) => [owner, name, Object.getOwnPropertyDescriptor(owner, name)] as const,
    );
    for (const [owner, name] of saved) {
      const get = (): never => {
        throw new Error(`the machine has asked the host for ${name}`);
      };
      Object.defineProperty(owner, name, { get, configurable: true });
    }
    try {
      go();
    } finally {
      for (const [owner, name, before] of saved) {
        Reflect.deleteProperty(owner, name);
        if (before !== undefined) Object.defineProperty(owner, name, before);
      }
    }
  };
}

test('a machine that asks the host for what was taken away is found out', () => {
  // Text is decoded by the host's Buffer, which is a function by specification.
  const around = without([globalThis, 'Buffer']);
  expect(() => run('console.log(1);', { around })).toThrow(/has asked the host for Buffer/);
});

describe('a guest is the same', () => {
  test('without the clocks of the host: time comes from records and ticks', () => {
    const body = `console.log(Date.now(), new Date().toISOString(), performance.now(), performance.timeOrigin, process.hrtime(), process.uptime());
      const from = Date.now(); while (Date.now() - from < 3); setTimeout(() => console.log(Date.now(), performance.now()), 7);`;
    const around = without(
      [globalThis, 'Date'],
      [performance, 'now'],
      [process, 'hrtime'],
      [process, 'uptime'],
    );
    const plain = run(body);
    expect(run(body, { around })).toEqual(plain);
    expect(plain.stdout).toMatch(/^1700000000000 2023-11-14T22:13:20\.000Z/);
  });

  test('without the randomness of the host: chance comes from the seed of the log', () => {
    const body = `const crypto = require('crypto');
      console.log(Math.random(), crypto.randomUUID(), crypto.randomInt(1e9), crypto.getRandomValues(new Uint32Array(2)));`;
    const around = without([Math, 'random'], [globalThis, 'crypto']);
    const plain = run(body);
    expect(run(body, { around })).toEqual(plain);
    const other = run(body, { build: { header: { seed: '77'.repeat(32) } } });
    expect(other.stdout).not.toBe(plain.stdout);
  });

  test('without the figures of the host: memory, processors and load are constants', () => {
    const body = `const os = require('os');
      console.log(process.memoryUsage(), os.cpus(), os.loadavg(), os.networkInterfaces(), os.availableParallelism(), process.cpuUsage(), process.resourceUsage());`;
    const around = without(
      [process, 'memoryUsage'],
      [process, 'cpuUsage'],
      [process, 'resourceUsage'],
    );
    const plain = run(body);
    expect(run(body, { around })).toEqual(plain);
    expect(plain.stderr).toBe('');
  });

  test('under every user of the host: users, groups and umask are constants', () => {
    const around = without([process, 'getuid'], [process, 'getgid'], [process, 'umask']);
    const body =
      'console.log(process.getuid(), process.geteuid(), process.getgid(), process.getegid(), process.umask());';
    const { stdout } = run(body, { around });
    expect(stdout).toMatch(/^\d+ \d+ \d+ \d+ \d+\n$/);
    expect(stdout).toBe(run(body).stdout);
  });

  test('in every locale: text compares and shows in English', () => {
    const { stdout } =
      run(`console.log(['b', 'a', 'Z', '\\u00e4', 'A'].sort((a, b) => a.localeCompare(b)).join(),
      'I\\u0130i'.toLocaleLowerCase('tr').length, 'i'.toLocaleUpperCase('tr'), (1234567.891).toLocaleString('de'), new Date(0).toLocaleDateString('de'), new Date(0).toLocaleTimeString());`);
    expect(stdout).toBe('a,A,ä,b,Z 4 I 1,234,567.891 1/1/1970 12:00:00 AM\n');
  });

  test('whatever the host collects: guest garbage goes at a threshold of guest bytes', () => {
    const body = `let dead = 0; const refs = [];
      for (let i = 0; i < 12000; i++) { const ring = { i, pad: new Array(40).fill(i) }; ring.self = ring; refs.push(new WeakRef(ring)); }
      for (const ref of refs) if (ref.deref() === undefined) dead++;
      console.log(dead);`;
    const hoard: unknown[] = [];
    const around = (go: () => void): void => {
      for (let index = 0; index < 200; index++) hoard.push(new Array(10_000).fill(index));
      go();
      hoard.length = 0;
    };
    const plain = run(body);
    expect(Number(plain.stdout)).toBeGreaterThan(0);
    expect(run(body, { around })).toEqual(plain);
  });
});

describe('what a guest knows of its process', () => {
  const known = (body: string, config: Parameters<typeof run>[1]): string =>
    run(body, config).stdout;

  test('process.env holds what the boot record says, and nothing of the host', () => {
    const body = 'console.log(JSON.stringify(process.env));';
    expect(known(body, { config: { env: { A: '1', b: '' } } })).toBe('{"A":"1","b":""}\n');
    expect(known(body, { around: without([process, 'env']) })).toBe('{}\n');
  });

  test('process.argv is that of the boot record', () => {
    const argv = ['hv', '/x/y.js', 'an argument'];
    expect(
      known('console.log(process.argv.slice(1).join("|"), __filename);', { config: { argv } }),
    ).toBe('/x/y.js|an argument /x/y.js\n');
  });

  test('process.cwd() is that of the boot record', () => {
    const body = 'console.log(process.cwd(), require("path").resolve("a"));';
    expect(known(body, { config: { cwd: '/far/away' } })).toBe('/far/away /far/away/a\n');
  });

  test('process.pid and ppid are those of the boot record', () => {
    expect(
      known('console.log(process.pid + " " + process.ppid);', { config: { pid: 7, ppid: 3 } }),
    ).toBe('7 3\n');
  });

  test('host name, platform and versions are those of the boot record', () => {
    const config = {
      hostname: 'elsewhere',
      platform: 'linux',
      arch: 'arm64',
      nodeVersion: '20.1.2',
    };
    expect(
      known(
        'console.log(require("os").hostname(), process.platform, process.arch, process.version);',
        {
          config,
        },
      ),
    ).toBe('elsewhere linux arm64 v20.1.2\n');
  });

  test('whether it writes to a terminal is in the boot record', () => {
    const body = 'console.log(process.stdout.isTTY + " " + process.stdout.columns);';
    expect(known(body, { config: { stdoutIsTTY: true, columns: 123 } })).toBe('true 123\n');
  });
});

describe('what comes from a network', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const from = { address: '10.1.2.3', family: 'IPv4', port: 999 };
  const peers = bytes(JSON.stringify({ peer: from, local: { ...from, port: 80 } }));
  const body = `require('net').createServer((c) => { console.log(c.remoteAddress, c.remotePort); c.on('data', (d) => console.log(d.length)); }).listen(80);`;
  const open: Interrupt[] = [
    { kind: INTERRUPT.netBound, id: 1, num: 0, payload: bytes(JSON.stringify(from)) },
    { kind: INTERRUPT.netAccept, id: 2, num: 1, payload: peers },
  ];
  const data = (text: string): Interrupt => ({
    kind: INTERRUPT.netData,
    id: 2,
    num: 0,
    payload: bytes(text),
  });

  test('is cut where the record says: one chunk is one event, and never joined or split', () => {
    const whole = { interrupts: [...open, data('abcdef')] };
    const cut = { interrupts: [...open, data('abc'), data('d'), data('ef')] };
    expect(run(body, whole).stdout).toBe('10.1.2.3 999\n6\n');
    expect(run(body, cut).stdout).toBe('10.1.2.3 999\n3\n1\n2\n');
    expect(run(body, cut)).toEqual(run(body, cut));
  });

  test('has the addresses of the record, not of any socket', () => {
    expect(run(body, { interrupts: open }).stdout).toBe('10.1.2.3 999\n');
  });
});
