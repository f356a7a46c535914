/**
 * The host's side of the boundary for tests of the guest library under plain Node: the intrinsics by
 * Node's own Buffer, entropy from a counter, and the kernel's hooks by Node's process.
 */

import { installTraps, type Traps } from '../../../guest-sdk/drivers/traps.ts';
import '../../../guest-sdk/node/inspect.ts';
import { Buffer } from 'node:buffer';
import { installKernelHooks } from '../../../guest-sdk/node/kernel-hooks.ts';
import { ENCODING } from '../../../log-format/abi.ts';

const names: Readonly<Record<number, BufferEncoding>> = {
  [ENCODING.utf8]: 'utf8',
  [ENCODING.latin1]: 'latin1',
  [ENCODING.ascii]: 'ascii',
  [ENCODING.base64]: 'base64',
  [ENCODING.base64url]: 'base64url',
  [ENCODING.hex]: 'hex',
  [ENCODING.utf16le]: 'utf16le',
};

function nameOf(encoding: number): BufferEncoding {
  const name = names[encoding];
  if (name === undefined) throw new Error(`unknown encoding ${encoding}`);
  return name;
}

let entropyState = 1;

function notHere(): never {
  throw new Error('the guest library must not use this trap');
}

/** What the library has asked of the host beyond the intrinsics. */
export const seen: { warnings: (string | Error)[]; errors: string[]; late: unknown[] } = {
  warnings: [],
  errors: [],
  late: [],
};

export const fakeTraps: Traps = {
  preempt: () => undefined,
  commit: notHere,
  position: notHere,
  report: notHere,
  disk: () => 0,
  now: notHere,
  alarm: notHere,
  entropy(length) {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      entropyState = (Math.imul(entropyState, 1_664_525) + 1_013_904_223) >>> 0;
      bytes[i] = entropyState >>> 24;
    }
    return bytes.buffer;
  },
  consoleWrite: notHere,
  exit: notHere,
  stdinFlow: notHere,
  signalListen: notHere,
  netListen: notHere,
  netUnlisten: notHere,
  netConnect: notHere,
  netWrite: notHere,
  netEnd: notHere,
  netDestroy: notHere,
  netFlow: notHere,
  netOption: notHere,
  encode(text, encoding) {
    return new Uint8Array(Buffer.from(text, nameOf(encoding))).buffer;
  },
  decode(buffer, offset, length, encoding) {
    return Buffer.from(buffer, offset, length).toString(nameOf(encoding));
  },
  byteLength(text) {
    return Buffer.byteLength(text);
  },
  mapStack(text) {
    return text;
  },
  sourceLine() {
    return '';
  },
};

/** Installs traps and hooks; every test file of the guest library calls it first. */
export function installFakes(): void {
  installTraps(fakeTraps);
  installKernelHooks({
    nextTick: (callback, ...args) => process.nextTick(callback as never, ...(args as never[])),
    setImmediate: (callback, ...args) => {
      setImmediate(callback as never, ...(args as never[]));
    },
    queueMicrotask,
    emitWarning: (warning) => {
      seen.warnings.push(warning);
    },
    throwLater: (error) => {
      seen.late.push(error);
    },
    startTimer: (callback, delayMs) => setTimeout(callback, delayMs),
    stopTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
    monotonicMs: () => performance.now(),
    cwd: () => process.cwd(),
    env: (name) => process.env[name],
    pid: process.pid,
    printError: (text) => {
      seen.errors.push(text);
    },
    standardStreams: () => [process.stdout, process.stderr],
  });
}

export type Outcome =
  | { readonly value: unknown }
  | { readonly name: string; readonly code: unknown; readonly message: string };

/** Runs `act` and reduces what comes out of it to what must be equal between Node and the guest. */
export function outcomeOf(act: () => unknown): Outcome {
  try {
    return { value: plain(act()) };
  } catch (error) {
    const { name, code, message } = error as Error & { code?: unknown };
    return { name, code, message };
  }
}

/** Buffers of both worlds become comparable; other values stay. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') };
  if (Array.isArray(value)) return value.map(plain);
  return value;
}
