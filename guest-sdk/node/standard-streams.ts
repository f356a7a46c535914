/** `process.stdin`, `stdout` and `stderr` over the console device. Output is synchronous. */

import { ENCODING } from '../../log-format/abi.ts';
import { bootConfig } from '../boot-config.ts';
import { traps } from '../drivers/traps.ts';
import { handleClosed, handleOpened } from '../loop.ts';
import { Buffer } from './buffer.ts';
import { exported as stream } from './stream.ts';
import type { ReadableStream, StreamModule, WritableStream } from './stream-types.ts';

const { Readable, Writable } = stream as unknown as StreamModule;

export interface StandardOutput extends WritableStream {
  readonly fd: 1 | 2;
  readonly isTTY?: boolean;
}

function writeBytes(fd: 1 | 2, chunk: unknown, encoding: string): void {
  if (typeof chunk === 'string' && (encoding === 'utf8' || encoding === 'utf-8')) {
    const bytes = traps.encode(chunk, ENCODING.utf8);
    traps.consoleWrite(fd, bytes, 0, bytes.byteLength);
    return;
  }
  const bytes =
    typeof chunk === 'string' ? Buffer.from(chunk, encoding as 'utf8') : (chunk as Uint8Array);
  traps.consoleWrite(fd, bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}

function openOutput(fd: 1 | 2): StandardOutput {
  const output = new Writable({
    decodeStrings: false,
    emitClose: false,
    autoDestroy: false,
    write(chunk: unknown, encoding: string, done: (error?: Error | null) => void): void {
      writeBytes(fd, chunk, encoding);
      done();
    },
  }) as StandardOutput;
  const config = bootConfig();
  const isTTY = fd === 1 ? config.stdoutIsTTY : config.stderrIsTTY;
  const fixed: Record<string, unknown> = { fd, _isStdio: true, _type: isTTY ? 'tty' : 'pipe' };
  if (isTTY) Object.assign(fixed, terminalProperties(output, config.columns));
  Object.assign(output, fixed);
  // Standard output outlives whoever destroys it: later messages must still come out.
  output._destroy = function destroy(error, done): void {
    done(error);
  };
  output.destroySoon = output.destroy;
  return output;
}

/** What a terminal adds to standard output. Movements are escape sequences, as in node:readline. */
function terminalProperties(output: StandardOutput, columns: number): Record<string, unknown> {
  const send = (sequence: string, done?: () => void): boolean =>
    output.write(sequence, 'utf8', done);
  const steps = (count: number, forward: string, back: string): string =>
    count === 0 ? '' : `\x1b[${Math.abs(count)}${count > 0 ? forward : back}`;
  return {
    isTTY: true,
    columns,
    rows: 24,
    getColorDepth: (): number => 8,
    hasColors: (count?: number): boolean => (typeof count === 'number' ? count : 16) <= 256,
    getWindowSize: (): [number, number] => [columns, 24],
    clearLine: (direction: number, done?: () => void): boolean =>
      send(direction < 0 ? '\x1b[1K' : direction > 0 ? '\x1b[0K' : '\x1b[2K', done),
    clearScreenDown: (done?: () => void): boolean => send('\x1b[0J', done),
    cursorTo: (x: number, y?: number, done?: () => void): boolean =>
      send(typeof y === 'number' ? `\x1b[${y + 1};${x + 1}H` : `\x1b[${x + 1}G`, done),
    moveCursor: (dx: number, dy: number, done?: () => void): boolean =>
      send(steps(dx, 'C', 'D') + steps(dy, 'B', 'A'), done),
  };
}

let stdin: ReadableStream | undefined;
let flowing = false;
let ended = false;
let referenced = true;
let counted = false;

function setFlow(on: boolean): void {
  if (flowing === on || ended) return;
  flowing = on;
  traps.stdinFlow(on ? 1 : 0);
  countHandle();
}

/** Input keeps the guest alive while it is being read and nobody has called `unref`. */
function countHandle(): void {
  const wanted = flowing && referenced;
  if (wanted === counted) return;
  counted = wanted;
  if (wanted) handleOpened();
  else handleClosed();
}

function setReferenced(on: boolean): ReadableStream {
  referenced = on;
  countHandle();
  return standardInput();
}

function openInput(): ReadableStream {
  const input = new Readable({
    highWaterMark: 65_536,
    read(): void {
      // A stream reads ahead even while it is paused; that must not keep the guest alive.
      if (!input.isPaused()) setFlow(true);
    },
    destroy(error: Error | null, done: (error: Error | null) => void): void {
      setFlow(false);
      done(error);
    },
  });
  Object.assign(input, {
    fd: 0,
    ref: () => setReferenced(true),
    unref: () => setReferenced(false),
  });
  if (bootConfig().stdinIsTTY) Object.assign(input, { isTTY: true, isRaw: false });
  input.on('pause', () => setFlow(false));
  input.on('resume', () => setFlow(true));
  return input;
}

export function standardInput(): ReadableStream {
  stdin ??= openInput();
  return stdin;
}

const outputs: { 1: StandardOutput | undefined; 2: StandardOutput | undefined } = {
  1: undefined,
  2: undefined,
};

export function standardOutput(fd: 1 | 2): StandardOutput {
  const output = outputs[fd] ?? openOutput(fd);
  outputs[fd] = output;
  return output;
}

/** Interrupt stdinData: the bytes are the guest's. */
export function stdinData(payload: ArrayBuffer): void {
  const input = standardInput();
  if (ended || input.destroyed) return;
  if (!input.push(Buffer.from(payload))) setFlow(false);
}

/** Interrupt stdinEnd. */
export function stdinEnd(): void {
  const input = standardInput();
  if (ended) return;
  setFlow(false);
  ended = true;
  if (input.destroyed) return;
  input.push(null);
  // Somebody may listen for 'end' alone, as after `resume()`.
  input.read(0);
}
