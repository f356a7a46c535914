/** Runs files of guests/ under plain Node for tests. Every process is killed by `stop`. */

import { type ChildProcess, spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

const GUESTS = fileURLToPath(new URL('../../../guests/', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a guest to its end; `input` goes to its standard input. */
export function runGuest(
  file: string,
  options: { args?: readonly string[]; input?: string } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [GUESTS + file, ...(options.args ?? [])]);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.end(options.input ?? '');
  });
}

export interface Server {
  readonly child: ChildProcess;
  readonly port: number;
  stop(): void;
}

/** Starts a guest that prints "listening on host:port" and resolves with the port. */
export function startServer(file: string, args: readonly string[] = ['0']): Promise<Server> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [GUESTS + file, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const port = /listening on \S+:(\d+)/.exec(text)?.[1];
      if (port === undefined) return;
      resolve({ child, port: Number(port), stop: () => child.kill('SIGKILL') });
    });
    child.on('error', reject);
    child.on('exit', () => reject(new Error(`${file} ended before it listened: ${text}`)));
  });
}

/** A connection whose input is read as one growing text. */
export class TextClient {
  readonly socket: Socket;
  text = '';
  ended = false;
  private waiting: (() => void) | undefined;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('latin1');
    this.socket.setNoDelay(true);
    this.socket.on('data', (part: string) => {
      this.text += part;
      this.waiting?.();
    });
    this.socket.on('close', () => {
      this.ended = true;
      this.waiting?.();
    });
    this.socket.on('error', () => this.waiting?.());
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Resolves when `done` accepts what has arrived; fails when the connection ends before. */
  async until(done: (text: string) => boolean): Promise<string> {
    while (!done(this.text)) {
      if (this.ended) throw new Error(`connection ended with ${JSON.stringify(this.text)}`);
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    }
    return this.text;
  }

  async untilEnded(): Promise<string> {
    while (!this.ended) {
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    }
    return this.text;
  }
}
