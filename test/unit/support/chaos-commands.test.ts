import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { COMMANDS, obey } from '../../support/chaos-commands.ts';
import { ChaosProxy } from '../../support/chaos-proxy.ts';

test('every command that is documented is taken, and anything else is refused', async () => {
  const proxy = await ChaosProxy.start({ host: '127.0.0.1', port: 1 });
  try {
    const names = [...COMMANDS.matchAll(/^([a-z-]+)(?:, ([a-z]+))?( JSON| WAY)?/gm)];
    expect(names.length).toBe(8);
    for (const [, name = '', other, argument] of names) {
      const value = argument === ' JSON' ? '{"back": {"delayMs": 3}}' : argument && 'back';
      await obey(proxy, `${name} ${value ?? ''}`);
      if (other !== undefined) await obey(proxy, other);
    }
    await expect(obey(proxy, 'cut sideways')).rejects.toThrow('a way is there or back');
    await expect(obey(proxy, 'explode')).rejects.toThrow('no such command: explode');
  } finally {
    await proxy.close();
  }
});

test('refuse and accept reach the listening socket', async () => {
  const proxy = await ChaosProxy.start({ host: '127.0.0.1', port: 1 });
  const dial = (): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(proxy.port, '127.0.0.1');
      socket.once('connect', () => resolve('connected'));
      socket.once('error', ({ message }) => resolve(message));
      socket.once('connect', () => socket.destroy());
    });
  await obey(proxy, 'refuse');
  expect(await dial()).toContain('ECONNREFUSED');
  await obey(proxy, 'accept');
  expect(await dial()).toBe('connected');
  await proxy.close();
});
