/** Real hv processes for end-to-end tests: started from dist/, heard on their events descriptor. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** This file is also run as built, where it lies a folder deeper. */
const ROOT = rootAbove(dirname(fileURLToPath(import.meta.url)));
export const HV: string = join(ROOT, 'dist/bin/main.js');
export const GUESTS: string = join(ROOT, 'guests');

function rootAbove(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : rootAbove(dirname(folder));
}

export interface HvEvent {
  readonly evt: string;
  readonly at: number;
  readonly epoch?: number;
  readonly address?: string;
  readonly [field: string]: unknown;
}

export interface HvExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class HvProcess {
  readonly child: ChildProcess;
  readonly events: HvEvent[] = [];
  readonly exited: Promise<HvExit>;
  stdout = '';
  stderr = '';
  #over = false;
  #listeners: (() => void)[] = [];

  constructor(
    args: readonly string[],
    options: {
      cwd: string;
      env?: NodeJS.ProcessEnv;
      stdin?: 'ignore' | 'pipe';
      node?: string;
      nodeFlags?: readonly string[];
      /** Program and arguments that start ours, such as `ip netns exec NAME`. */
      within?: readonly string[];
    },
  ) {
    const [program = '', ...rest] = [
      ...(options.within ?? []),
      options.node ?? process.execPath,
      ...(options.nodeFlags ?? []),
    ];
    this.child = spawn(program, [...rest, HV, ...args], {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (bytes: Buffer) => {
      this.stdout += bytes.toString();
      this.#changed();
    });
    this.child.stderr?.on('data', (bytes: Buffer) => {
      this.stderr += bytes.toString();
      this.#changed();
    });
    createInterface({ input: this.child.stdio[3] as Readable }).on('line', (line) => {
      this.events.push(JSON.parse(line) as HvEvent);
      this.#changed();
    });
    this.exited = new Promise((resolve) =>
      this.child.once('close', (code, signal) => {
        this.#over = true;
        this.#changed();
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      }),
    );
  }

  /** It has ended. */
  get over(): boolean {
    return this.#over;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** The first event named `evt` from number `from` on; rejects when the process ends before it. */
  event(evt: string, from = 0): Promise<HvEvent> {
    return this.#until(() => this.events.slice(from).find((event) => event.evt === evt), evt);
  }

  output(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#until(
      () => pattern.exec(this.stdout) ?? pattern.exec(this.stderr) ?? undefined,
      String(pattern),
    );
  }

  /** Resolves when the kernel has really stopped every thread (state T), not only queued the signal. */
  async untilStopped(): Promise<void> {
    const tasks = `/proc/${this.pid}/task`;
    const running = (): boolean =>
      readdirSync(tasks).some(
        (task) => !/^State:\s+T/m.test(readFileSync(`${tasks}/${task}/status`, 'utf8')),
      );
    while (running()) await new Promise((resolve) => setImmediate(resolve));
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.child.kill(signal);
  }

  #until<T>(look: () => T | undefined, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = look();
        if (found === undefined && !this.#over) return;
        this.#listeners = this.#listeners.filter((one) => one !== check);
        if (found !== undefined) resolve(found);
        else reject(new Error(`ended before ${what}:\n${this.stdout}\n${this.stderr}`));
      };
      this.#listeners.push(check);
      check();
    });
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Ids of the processes that run in `dir` or below, where the system shows them. */
function processesIn(dir: string): readonly number[] {
  if (!existsSync('/proc/self/cwd')) return [];
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const at = readlinkSync(`/proc/${name}/cwd`);
      return at === dir || at.startsWith(`${dir}/`) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A directory and the processes of one test; both are gone after `close`. */
export class Stage {
  readonly dir: string = mkdtempSync(join(tmpdir(), 'hv-e2e-'));
  readonly #processes: HvProcess[] = [];
  readonly #killAll = (): void => {
    for (const one of this.#processes) one.kill();
    for (const pid of processesIn(this.dir)) kill(pid);
  };

  constructor() {
    // The last line of defence: whatever ends this process, no child outlives it.
    process.on('exit', this.#killAll);
  }

  hv(
    args: readonly string[],
    options: {
      cwd?: string;
      env?: NodeJS.ProcessEnv;
      stdin?: 'ignore' | 'pipe';
      node?: string;
      nodeFlags?: readonly string[];
      within?: readonly string[];
    } = {},
  ): HvProcess {
    const one = new HvProcess(args, { cwd: this.dir, ...options });
    this.#processes.push(one);
    return one;
  }

  /** A backup that listens, and its address. */
  async backup(...args: readonly string[]): Promise<{ process: HvProcess; address: string }> {
    const process = this.hv(['backup', '--listen', '127.0.0.1:0', '--events-fd', '3', ...args]);
    const { address } = await process.event('listening');
    if (address === undefined) throw new Error('a listening event carries an address');
    return { process, address };
  }

  /** With `keep` the directory stays, for whoever looks into a failure. */
  async close(options: { readonly keep?: boolean } = {}): Promise<void> {
    for (const one of this.#processes) {
      one.kill('SIGCONT');
      one.kill();
    }
    await Promise.all(this.#processes.map((one) => one.exited));
    // A local backup is nobody's child and outlives its primary, also that of a test that failed.
    for (const pid of processesIn(this.dir)) kill(pid);
    process.off('exit', this.#killAll);
    if (options.keep !== true) rmSync(this.dir, { recursive: true, force: true });
  }
}
