/**
 * The Console port: the guest's standard streams and signals on those of this process. Output goes
 * straight to the file descriptors, because in a worker process.stdout is a message to the main
 * thread, which an exit may overtake.
 */

import { createReadStream, fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { isatty, ReadStream } from 'node:tty';
import { INTERRUPT } from '../../log-format/index.ts';
import { unreachable } from '../base/assert.ts';
import { NET_DATA_BYTES_MAX } from '../base/limits.ts';
import type { Console, HostInterrupt } from '../ports.ts';
import { FdWriter } from './fd-writer.ts';
import { MissingFiles } from './missing-files.ts';

export interface HostConsoleOptions {
  /** Payloads belong to the receiver. Never called from within a call of the console. */
  onInterrupt(interrupt: HostInterrupt): void;
  /**
   * The guest starts or stops to listen for a signal. Without this the console listens itself, which
   * works on the main thread only: workers get no signals.
   */
  onSignal?(number: number, on: boolean): void;
  /** Output is lost for another reason than a reader that has gone. */
  onLost?(error: Error): void;
  /** Opens standard input when the guest first asks for it. */
  openStdin?(): Readable;
}

export class HostConsole implements Console {
  readonly #options: HostConsoleOptions;
  readonly #writers: Readonly<Record<1 | 2, FdWriter>>;
  readonly #signals = new Map<number, () => void>();
  #stdin: Readable | undefined;
  #stdinOn = false;
  #stdinEnded = false;
  #throttled = false;
  #closed = false;
  readonly #missing = new MissingFiles();

  constructor(options: HostConsoleOptions) {
    this.#options = options;
    const onBroken = (error: Error): void => options.onLost?.(error);
    this.#writers = { 1: new FdWriter(1, onBroken), 2: new FdWriter(2, onBroken) };
  }

  release(output: Parameters<Console['release']>[0]): void {
    switch (output.device) {
      case 'console':
        this.#writers[output.fd].write(output.bytes);
        this.#tellMissing(output.bytes);
        return;
      case 'exit':
        // Whoever runs the guest ends the process; here it only means that nothing may be missing.
        this.flush();
        return;
      case 'stdin':
        this.#stdinOn = output.on;
        this.#flowStdin();
        return;
      case 'signal':
        this.#listenSignal(output.number, output.on);
        return;
      default:
        unreachable(output);
    }
  }

  /** Stops reading standard input while the window to the backup is full. */
  throttle(on: boolean): void {
    this.#throttled = on;
    this.#flowStdin();
  }

  /** Returns when all output is with the kernel, however slow its reader is. */
  flush(): void {
    this.#writers[1].drain();
    this.#writers[2].drain();
  }

  /** Flushes, and reports nothing from now on. */
  close(): void {
    this.#closed = true;
    this.flush();
    for (const number of [...this.#signals.keys()]) this.#listenSignal(number, false);
    // Not destroyed: the next file this process opens would become its standard input.
    this.#stdin?.pause();
    if (this.#stdin instanceof Socket) this.#stdin.unref();
  }

  /** A file that the guest says it misses, and that is here: the one thing it cannot know itself. */
  #tellMissing(bytes: Uint8Array): void {
    for (const path of this.#missing.namedIn(bytes)) {
      const text = `hv: ${path} is on this host, and not in the guest's image. To give it to the guest: hv run --include '${path}'\n`;
      this.#writers[2].write(Buffer.from(text));
    }
  }

  #emit(kind: HostInterrupt['kind'], id: number, payload: Uint8Array | undefined): void {
    if (!this.#closed) this.#options.onInterrupt({ kind, id, num: 0, payload });
  }

  #flowStdin(): void {
    const wanted = this.#stdinOn && !this.#throttled && !this.#closed;
    if (!wanted) this.#stdin?.pause();
    else {
      this.#stdin ??= this.#openStdin();
      this.#stdin.resume();
    }
  }

  #openStdin(): Readable {
    const stdin = this.#options.openStdin?.() ?? openStdin();
    stdin.on('data', (chunk: Buffer) => {
      for (let at = 0; at < chunk.length; at += NET_DATA_BYTES_MAX) {
        // A copy: file streams cut their chunks from a pool.
        const payload = new Uint8Array(chunk.subarray(at, at + NET_DATA_BYTES_MAX));
        this.#emit(INTERRUPT.stdinData, 0, payload);
      }
    });
    const ended = (): void => {
      if (this.#stdinEnded) return;
      this.#stdinEnded = true;
      this.#emit(INTERRUPT.stdinEnd, 0, undefined);
    };
    stdin.on('end', ended);
    // A terminal that was hung up, a directory as input: nothing more will come from it.
    stdin.on('error', ended);
    return stdin;
  }

  #listenSignal(number: number, on: boolean): void {
    if (this.#options.onSignal !== undefined) {
      if (!this.#closed) this.#options.onSignal(number, on);
      return;
    }
    const name = signalName(number);
    const listener = this.#signals.get(number);
    if (name === undefined || on === (listener !== undefined)) return;
    if (listener !== undefined) {
      this.#signals.delete(number);
      process.off(name, listener);
      return;
    }
    const listen = (): void => this.#emit(INTERRUPT.signal, number, undefined);
    this.#signals.set(number, listen);
    process.on(name, listen);
  }
}

/** The signal's name, if a process can listen for it. */
function signalName(number: number): NodeJS.Signals | undefined {
  const names = Object.keys(constants.signals) as NodeJS.Signals[];
  const name = names.find((one) => constants.signals[one] === number);
  return name === 'SIGKILL' || name === 'SIGSTOP' ? undefined : name;
}

/** File descriptor 0 as what it is; process.stdin is none of it in a worker. */
function openStdin(): Readable {
  if (isatty(0)) return new ReadStream(0);
  const stat = fstatSync(0);
  if (stat.isFIFO() || stat.isSocket()) {
    return new Socket({ fd: 0, readable: true, writable: false });
  }
  return createReadStream('', { fd: 0, autoClose: false });
}
