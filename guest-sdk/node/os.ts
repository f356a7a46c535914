/** `node:os`: constants and what the boot interrupt says. Nothing of the host shows through. */

import { bootConfig } from '../boot-config.ts';
import { sinceBootMicros } from '../timer-wheel.ts';
import { osConstants } from './platform-constants.ts';

const TYPES: Readonly<Record<string, string>> = {
  linux: 'Linux',
  darwin: 'Darwin',
  win32: 'Windows_NT',
};

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
  constants: osConstants,
};
