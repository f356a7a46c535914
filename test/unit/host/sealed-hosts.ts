/** Two hosts with keys of their own, one after the other in this process, and what each finds in files. */

import { existsSync } from 'node:fs';
import { expect } from 'vitest';
import { auditLog, type LogAudit, parseHead } from '../../../hypervisor/host/log-audit.ts';
import { openLogInput } from '../../../hypervisor/host/log-input.ts';
import { type LogKey, logKey, useLogKeys } from '../../../hypervisor/host/log-keys.ts';
import { newSignKey, type SignKey, useSignKey } from '../../../hypervisor/host/sign-keys.ts';
import { sharedDir } from '../../support/shared-dir.ts';

export interface Host {
  readonly key: LogKey;
  readonly sign: SignKey;
}

export const PRIMARY: Host = { key: logKey(new Uint8Array(32).fill(1)), sign: newSignKey('one') };
export const BACKUP: Host = { key: logKey(new Uint8Array(32).fill(2)), sign: newSignKey('two') };

/** From here on this process is one of that host. */
export function on({ key, sign }: Host): void {
  useLogKeys({ keys: [key], file: 'a test', plain: 'refused' });
  useSignKey(sign);
}

export function plainly(): void {
  useLogKeys(undefined);
  useSignKey(undefined);
}

export function memoryDir(): string {
  const memory = '/dev/shm';
  return sharedDir('hv-copies-', existsSync(memory) ? memory : undefined);
}

export function plainBytes(path: string): Buffer {
  const input = openLogInput(path);
  const bytes = Buffer.alloc(input.size);
  input.read(bytes, 0);
  input.close();
  return bytes;
}

export const audit = (path: string, host: Host, expected?: string): LogAudit =>
  auditLog(path, {
    publicKey: host.sign.publicKey,
    ...(expected === undefined ? {} : { expectHead: parseHead(expected) }),
  });
export const keyError = (why: string): unknown =>
  expect.objectContaining({ code: 'HV_E_LOG_KEY', details: expect.objectContaining({ why }) });
export const refusal = (text: string): unknown =>
  expect.objectContaining({
    code: 'HV_E_LOG_SIGNATURE',
    message: expect.stringContaining(text),
  });
