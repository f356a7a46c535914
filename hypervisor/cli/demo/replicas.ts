/**
 * The processes of a demo or benchmark: real children of the command line, with the events they
 * write and their last words. Every child is killed when this process ends, however it ends.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { builtPath } from '../../host/engine-parts.ts';
import { parseEvent, type ReplicaEvent } from './failover-report.ts';

/** The command line as built. */
export const CLI_FILE: string = builtPath('bin/main.js');

/** Descriptor of the event stream in the child. */
const EVENTS_FD = 3;
const LAST_LINES = 12;
const EVENTS_MAX = 10_000;

interface Waiter {
  readonly matches: (event: ReplicaEvent) => boolean;
  readonly resolve: (event: ReplicaEvent) => void;
  readonly reject: (error: Error) => void;
}

export interface Launch {
  /** For people. */
  readonly name: string;
  readonly address: string;
  readonly args: readonly string[];
  /** Program run by Node; the command line of hv if absent. */
  readonly file?: string;
}

/** One child process. */
export class Replica {
  readonly name: string;
  /** Address of its link listener. */
  readonly address: string;
  readonly events: ReplicaEvent[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  /** Its stderr and its events, for whoever looks into a demo that failed. */
  readonly #diary: string;
  #lastLines: string[] = [];
  #waiters: Waiter[] = [];
  #expectedToDie = false;
  #dead = false;

  constructor(
    launch: Launch & { cwd: string },
    onUnexpectedExit: (replica: Replica, how: string) => void,
  ) {
    this.name = launch.name;
    this.address = launch.address;
    this.#diary = join(launch.cwd, `${launch.name.replaceAll(' ', '-')}.txt`);
    this.#child = spawn(process.execPath, [launch.file ?? CLI_FILE, ...launch.args], {
      cwd: launch.cwd,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C in the terminal is ours to handle, not a handover of the child.
      detached: true,
    });
    this.#exited = new Promise((resolve) => this.#child.on('close', () => resolve()));
    eachLine(this.#child.stderr, (line) => {
      appendFileSync(this.#diary, `${line}\n`);
      this.#lastLines.push(line);
      if (this.#lastLines.length > LAST_LINES) this.#lastLines.shift();
    });
    eachLine(this.#child.stdio[EVENTS_FD] as Readable | null, (line) => this.#onEvent(line));
    this.#child.on('exit', (code, signal) => {
      this.#dead = true;
      const how = signal === null ? `exit status ${code}` : `signal ${signal}`;
      for (const waiter of this.#waiters) waiter.reject(new Error(`${this.name} ended: ${how}`));
      this.#waiters = [];
      if (!this.#expectedToDie) onUnexpectedExit(this, how);
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** The end of its stderr, for the report of an unexpected death. */
  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  /** The first event of this name, from number `from` of those so far on. Rejects when it dies. */
  waitFor(evt: string, options: { timeoutMs: number; from?: number }): Promise<ReplicaEvent> {
    const known = this.events.slice(options.from ?? 0).find((event) => event.evt === evt);
    if (known !== undefined) return Promise.resolve(known);
    if (this.#dead) return Promise.reject(new Error(`${this.name} has ended`));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => waiter.reject(new Error(`${this.name}: no "${evt}" within ${options.timeoutMs} ms`)),
        options.timeoutMs,
      ).unref();
      const waiter: Waiter = {
        matches: (event) => event.evt === evt,
        resolve: (event) => {
          clearTimeout(timer);
          resolve(event);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#waiters.push(waiter);
    });
  }

  /** kill -9. Not reported as unexpected. */
  kill(): void {
    this.#expectedToDie = true;
    this.#child.kill('SIGKILL');
  }

  /** Resolves when the process is gone and its streams have been read to the end. */
  gone(): Promise<void> {
    return this.#exited;
  }

  #onEvent(line: string): void {
    appendFileSync(this.#diary, `${line}\n`);
    const event = parseEvent(line);
    if (event === undefined) {
      this.#lastLines.push(`(not an event: ${line.slice(0, 200)})`);
      return;
    }
    if (this.events.length < EVENTS_MAX) this.events.push(event);
    this.#waiters = this.#waiters.filter((waiter) => {
      if (!waiter.matches(event)) return true;
      waiter.resolve(event);
      return false;
    });
  }
}

/** Starts replicas and ends them all. */
export class ReplicaSet {
  readonly #cwd: string;
  readonly #onUnexpectedExit: (replica: Replica, how: string) => void;
  readonly #all: Replica[] = [];
  readonly #killAll = (): void => this.killAll();

  constructor(cwd: string, onUnexpectedExit: (replica: Replica, how: string) => void) {
    this.#cwd = cwd;
    this.#onUnexpectedExit = onUnexpectedExit;
    // The last line of defence: whatever ends this process, no child outlives it.
    process.on('exit', this.#killAll);
  }

  start(launch: Launch): Replica {
    const replica = new Replica({ ...launch, cwd: this.#cwd }, this.#onUnexpectedExit);
    this.#all.push(replica);
    return replica;
  }

  killAll(): void {
    for (const replica of this.#all) if (!replica.dead) replica.kill();
  }

  async close(): Promise<void> {
    this.killAll();
    await Promise.all(this.#all.map((replica) => replica.gone()));
    process.off('exit', this.#killAll);
  }
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port);
        else reject(new Error('no port'));
      });
    });
  });
}

const ACCEPT_RETRY_MS = 5;

/** Resolves once something accepts connections there; `gaveUp` ends the wait with its error. */
export async function untilAccepting(
  port: number,
  options: { timeoutMs: number; gaveUp: () => Error | undefined },
): Promise<void> {
  const deadline = performance.now() + options.timeoutMs;
  while (!(await accepts(port))) {
    const error = options.gaveUp();
    if (error !== undefined) throw error;
    if (performance.now() > deadline) {
      throw new Error(`nothing accepts connections on port ${port} after ${options.timeoutMs} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Refused: not yet.
    socket.on('error', () => resolve(false));
  });
}

function eachLine(stream: Readable | null, onLine: (line: string) => void): void {
  let rest = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream?.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}
