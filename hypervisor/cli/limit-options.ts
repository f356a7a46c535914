/** `--memory`, `--stack` and `--cpu` of `hv run`: sizes and ticks as people write them. */

import { DISK_BYTES_MIN } from '../base/disk-limits.ts';
import {
  GUEST_STACK_BYTES,
  GUEST_STACK_BYTES_MIN,
  HEAP_BYTES_MAX,
  HEAP_BYTES_MIN,
  MEMORY_PAGE_BYTES,
  MEMORY_PAGES_DEFAULT,
  MEMORY_RESERVED_BYTES,
} from '../base/limits.ts';
import type { GuestLimits, HypervisorOptions } from '../host/hypervisor.ts';
import type { MountOption } from '../host/mount-option.ts';
import { usage } from './options.ts';

/** One `--cpu`: ticks of a turn, or of a second. */
export interface CpuLimit {
  readonly per: 'turn' | 'second';
  readonly ticks: number;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };
const MULTIPLES: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

/** `64MiB`, `64M` or `67108864`: multiples of 1024, as memory has them. */
function bytesOf(text: string): number | undefined {
  const match = /^(\d+)(?:([kmg])(?:i?b)?|b)?$/i.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * (UNITS[(match[2] ?? '').toLowerCase()] ?? Number.NaN);
}

/** Bytes of the guest's heap. Throws HV_E_USAGE. */
export function heapBytes(text: string): number {
  const bytes = bytesOf(text);
  if (bytes === undefined || bytes < HEAP_BYTES_MIN || bytes > HEAP_BYTES_MAX)
    throw usage('--memory', text, 'a size from 16MiB to 1984MiB, such as 64MiB');
  return bytes;
}

/** Bytes that the guest's files may hold; they lie in its heap. Throws HV_E_USAGE. */
export function diskBytes(text: string): number {
  const bytes = bytesOf(text);
  if (bytes === undefined || bytes < DISK_BYTES_MIN || bytes > HEAP_BYTES_MAX)
    throw usage('--disk-quota', text, 'a size from 64KiB to 1984MiB, such as 100MiB');
  return bytes;
}

/** Bytes of the guest's stack. Throws HV_E_USAGE. */
export function stackBytes(text: string): number {
  const bytes = bytesOf(text);
  if (bytes === undefined || bytes < GUEST_STACK_BYTES_MIN || bytes > GUEST_STACK_BYTES)
    throw usage(
      '--stack',
      text,
      'a size from 64KiB to 1MiB (the native stack is 64 MiB and must be 32 times as large)',
    );
  return bytes;
}

/** `5G` ticks a turn or `50M/s` ticks a second, one of each. Throws HV_E_USAGE. */
export function cpuTicks(text: string, before: readonly CpuLimit[]): readonly CpuLimit[] {
  const match = /^(\d+)([kmg]?)(\/s)?$/i.exec(text);
  const ticks = Number(match?.[1]) * (MULTIPLES[(match?.[2] ?? '').toLowerCase()] ?? Number.NaN);
  if (match === null || !Number.isSafeInteger(ticks) || ticks < 1)
    throw usage('--cpu', text, 'ticks such as 5G for one turn, or 50M/s for one second');
  const per = match[3] === undefined ? 'turn' : 'second';
  if (before.some((limit) => limit.per === per))
    throw usage('--cpu', text, `one limit per ${per}, and has one already`);
  return [...before, { per, ticks }];
}

/** What goes into the log's header. Memory comes in whole pages: the heap is rounded up to them. */
interface LimitOptions {
  readonly memory?: number;
  readonly stack?: number;
  readonly cpu: readonly CpuLimit[];
  readonly diskQuota?: number;
  readonly mount?: readonly MountOption[];
}

/** All limits, those among them that were asked for, and what else the guest's files are made of. */
export function limitsOf(
  options: LimitOptions,
): Pick<HypervisorOptions, 'limits' | 'limitsAsked' | 'diskBytesMax' | 'mounts'> {
  const limits = guestLimits(options);
  const { memoryPages, stackBytes, turnTicksMax, secondTicksMax } = limits;
  const limitsAsked = {
    ...(options.memory === undefined ? {} : { memoryPages }),
    ...(options.stack === undefined ? {} : { stackBytes }),
    ...(turnTicksMax === 0 ? {} : { turnTicksMax }),
    ...(secondTicksMax === 0 ? {} : { secondTicksMax }),
  };
  return {
    ...{ limits, limitsAsked, diskBytesMax: options.diskQuota },
    ...(options.mount === undefined ? {} : { mounts: options.mount }),
  };
}

export function guestLimits(options: LimitOptions): GuestLimits {
  const { memory, stack, cpu } = options;
  const ticksOf = (per: CpuLimit['per']): number =>
    cpu.find((limit) => limit.per === per)?.ticks ?? 0;
  return {
    memoryPages:
      memory === undefined
        ? MEMORY_PAGES_DEFAULT
        : Math.ceil((memory + MEMORY_RESERVED_BYTES) / MEMORY_PAGE_BYTES),
    stackBytes: stack ?? GUEST_STACK_BYTES,
    turnTicksMax: ticksOf('turn'),
    secondTicksMax: ticksOf('second'),
  };
}

/** `--hang-limit` again, for another process that is to judge alike. */
export function hangArguments(hangLimitMs: number): string[] {
  return ['--hang-limit', Number.isFinite(hangLimitMs) ? `${hangLimitMs}ms` : 'off'];
}
