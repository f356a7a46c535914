/** `node:os`: constants and what the boot interrupt says. Nothing of the host shows through. */

import { bootConfig } from '../boot-config.ts';
import { sinceBootMicros } from '../timer-wheel.ts';
import { Buffer } from './buffer.ts';
import { nodeError } from './node-errors.ts';
import { osConstants } from './platform-constants.ts';
import { validateInteger } from './validators.ts';

const TYPES: Readonly<Record<string, string>> = {
  linux: 'Linux',
  darwin: 'Darwin',
  win32: 'Windows_NT',
};

let priority = 0;

function validateInt32(value: unknown, name: string): asserts value is number {
  validateInteger(value, name, -(2 ** 31), 2 ** 31 - 1);
}

function isSelf(pid: number): boolean {
  return pid === 0 || pid === bootConfig().pid;
}

function noSuchProcess(syscall: string): Error {
  const message = 'no such process';
  const text = `A system error occurred: ${syscall} returned ESRCH (${message})`;
  const info = { errno: -3, code: 'ESRCH', message, syscall };
  return Object.assign(nodeError(Error, 'ERR_SYSTEM_ERROR', text), {
    name: 'SystemError',
    info,
    errno: -3,
    syscall,
  });
}

export const exported = {
  EOL: '\n',
  devNull: '/dev/null',
  hostname: (): string => bootConfig().hostname,
  platform: (): string => bootConfig().platform,
  arch: (): string => bootConfig().arch,
  machine: (): string => (bootConfig().arch === 'x64' ? 'x86_64' : bootConfig().arch),
  type: (): string => TYPES[bootConfig().platform] ?? bootConfig().platform,
  endianness: (): 'LE' => 'LE',
  uptime: (): number => sinceBootMicros() / 1e6,
  homedir: (): string => bootConfig().env.HOME ?? '/',
  tmpdir: (): string => bootConfig().env.TMPDIR ?? '/tmp',
  /** A guest has one virtual CPU and no interfaces it could name. */
  availableParallelism: (): number => 1,
  cpus: (): object[] => [
    { model: 'hv', speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } },
  ],
  loadavg: (): [number, number, number] => [0, 0, 0],
  networkInterfaces: (): object => ({}),
  release: (): string => '6.1.0',
  version: (): string => '#1 SMP',
  /** All the memory there is: how much of it is in use is not visible from inside. */
  totalmem: (): number => bootConfig().heapBytesMax,
  freemem: (): number => bootConfig().heapBytesMax,
  userInfo(options?: { readonly encoding?: unknown }): object {
    const asked = (text: string): unknown =>
      options?.encoding === 'buffer' ? Buffer.from(text) : text;
    return Object.assign(Object.create(null) as object, {
      uid: 1000,
      gid: 1000,
      username: asked('guest'),
      homedir: asked(bootConfig().env.HOME ?? '/'),
      shell: asked('/bin/sh'),
    });
  },
  getPriority(pid: unknown = 0): number {
    validateInt32(pid, 'pid');
    if (!isSelf(pid)) throw noSuchProcess('uv_os_getpriority');
    return priority;
  },
  setPriority(...args: readonly unknown[]): void {
    const [pid, wanted] = args.length < 2 || args[1] === undefined ? [0, args[0]] : args;
    validateInt32(pid, 'pid');
    validateInteger(wanted, 'priority', -20, 19);
    if (!isSelf(pid)) throw noSuchProcess('uv_os_setpriority');
    priority = wanted;
  },
  constants: osConstants,
};
