/** What a guest can read about its surroundings, from how it was started. */

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { BootConfig } from '../../log-format/index.ts';
import { heapBytesMax } from '../machine/engine.ts';
import type { HypervisorOptions } from './hypervisor.ts';
import { HV_VERSION } from './version.ts';

/** Version of Node whose behaviour a guest is promised. */
const GUEST_NODE_VERSION = '20.20.2';

/** So many that no two runs in the world share one: keys of payments are made of it. */
const RUN_ID_BYTES = 16;

export function bootConfig(options: HypervisorOptions, script: string): BootConfig {
  return {
    argv: [process.execPath, script, ...options.args],
    env: options.env,
    cwd: options.cwd,
    pid: process.pid,
    ppid: process.ppid,
    platform: process.platform,
    arch: process.arch,
    hostname: hostname(),
    nodeVersion: GUEST_NODE_VERSION,
    hvVersion: HV_VERSION,
    ...options.terminal,
    runId: randomBytes(RUN_ID_BYTES).toString('hex'),
    heapBytesMax: heapBytesMax(options.limits.memoryPages),
    ...(options.diskBytesMax === undefined ? {} : { diskBytesMax: options.diskBytesMax }),
    ...(options.mounts === undefined || options.mounts.length === 0
      ? {}
      : { mounts: options.mounts.map(({ guest: path, readOnly }) => ({ path, readOnly })) }),
  };
}
