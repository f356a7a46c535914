/** The arms of the overhead benchmark: the same guest under plain Node and under hv, and how to start each. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import {
  isProtected,
  parseEvent,
  type ReplicaEvent,
} from '../hypervisor/cli/demo/failover-report.ts';
import { guestFile } from '../hypervisor/cli/demo/guests.ts';
import { CLI_FILE, freePort, untilAccepting } from '../hypervisor/cli/demo/replicas.ts';

export type ArmName = 'N' | 'A' | 'A2' | 'B' | 'C' | 'D';

export const ARM_NAMES: readonly ArmName[] = ['N', 'A', 'A2', 'B', 'C', 'D'];
export const ARMS: Readonly<Record<ArmName, string>> = {
  N: 'plain Node',
  A: 'hv without recording',
  A2: 'hv without recording, again (null pair)',
  B: 'hv recording to nowhere (encoded, then dropped)',
  C: 'hv recording to disk',
  D: 'hv protected by a backup on this machine',
};

const START_TIMEOUT_MS = 30_000;
const LOG_NAME = 'bench';

export interface GuestProgram {
  /** Name of the script without `.js`: part of where the log lies. */
  readonly name: string;
  /** One of guests/ if absent. */
  readonly source?: string;
  readonly args: readonly string[];
}

/** A running guest with whatever its arm needs; `stop` ends all of it. */
export class Guest {
  readonly child: ChildProcess;
  readonly #arm: ArmName;
  readonly #dir: string;
  readonly #backup: ChildProcess | undefined;
  readonly #events: ReplicaEvent[] = [];
  #stderr = '';

  private constructor(
    parts: { arm: ArmName; dir: string; backup: ChildProcess | undefined },
    args: readonly string[],
  ) {
    this.#arm = parts.arm;
    this.#dir = parts.dir;
    this.#backup = parts.backup;
    this.child = spawn(process.execPath, args, {
      cwd: this.#dir,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-2000);
    });
    this.#readEvents(this.child.stdio[3] as Readable);
    process.on('exit', this.#kill);
  }

  static async start(arm: ArmName, program: GuestProgram): Promise<Guest> {
    const dir = mkdtempSync(join(tmpdir(), 'hv-bench-'));
    const script = [scriptOf(program, dir), ...program.args];
    const run = [CLI_FILE, 'run', '--events-fd', '3'];
    if (arm === 'N') return new Guest({ arm, dir, backup: undefined }, script);
    if (arm === 'A' || arm === 'A2') {
      return new Guest({ arm, dir, backup: undefined }, [...run, '--no-record', ...script]);
    }
    if (arm === 'B') {
      return new Guest({ arm, dir, backup: undefined }, [...run, '--record-nowhere', ...script]);
    }
    const log = ['--dir', join(dir, 'primary'), '--name', LOG_NAME];
    if (arm === 'C') return new Guest({ arm, dir, backup: undefined }, [...run, ...log, ...script]);
    const arbiter = join(dir, 'arbiter');
    mkdirSync(arbiter);
    const port = await freePort();
    const address = `127.0.0.1:${port}`;
    const backup = spawn(
      process.execPath,
      [CLI_FILE, 'backup', '--listen', address, '--dir', join(dir, 'backup')],
      { cwd: dir, stdio: 'ignore' },
    );
    const gaveUp = (): Error | undefined =>
      backup.exitCode === null ? undefined : new Error('the backup ended');
    await untilAccepting(port, { timeoutMs: START_TIMEOUT_MS, gaveUp });
    // How soon silence is suspected costs nothing, and a busy machine must not end the protection
    // that is being measured.
    const protection = ['--backup', address, '--arbiter', `file:${arbiter}`, '--detect', 'wan'];
    return new Guest({ arm, dir, backup }, [...run, ...log, ...protection, ...script]);
  }

  /** Why a measurement of this guest would be worth nothing; undefined when it is sound. */
  get fault(): Error | undefined {
    const { exitCode, signalCode } = this.child;
    if (exitCode !== null || signalCode !== null) {
      return new Error(`the guest ended (${signalCode ?? exitCode}): ${this.#stderr}`);
    }
    if (this.#arm === 'D' && this.#events.length > 0 && !this.#isOrBecomesProtected()) {
      return new Error(`the guest lost its backup: ${this.#stderr}`);
    }
    return undefined;
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** Of the backup, in the arm that has one. */
  get backupPid(): number | undefined {
    return this.#backup?.pid;
  }

  /** Directory of the primary's log, in the arms that keep one. */
  get logDir(): string {
    return join(this.#dir, 'primary', LOG_NAME);
  }

  get lastWords(): string {
    return this.#stderr;
  }

  async stop(): Promise<void> {
    const children = this.#backup === undefined ? [this.child] : [this.#backup, this.child];
    const gone = children.map(
      (child) =>
        new Promise<void>((resolve) => {
          if (child.exitCode !== null || child.signalCode !== null) resolve();
          else child.on('exit', () => resolve());
        }),
    );
    this.#kill();
    await Promise.all(gone);
    process.off('exit', this.#kill);
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** The backup first: it would take over. */
  readonly #kill = (): void => {
    this.#backup?.kill('SIGKILL');
    this.child.kill('SIGKILL');
  };

  #isOrBecomesProtected(): boolean {
    return isProtected(this.#events) || !this.#events.some(({ evt }) => evt === 'unprotected');
  }

  #readEvents(stream: Readable): void {
    let rest = '';
    stream.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const event = parseEvent(line);
        if (event !== undefined) this.#events.push(event);
      }
    });
  }
}

function scriptOf({ name, source }: GuestProgram, dir: string): string {
  if (source === undefined) return guestFile(`${name}.js`);
  const file = join(dir, `${name}.cjs`);
  writeFileSync(file, source);
  return file;
}

/** Starts a server guest, its port as its only argument, and resolves once it accepts connections. */
export async function startServerGuest(
  arm: ArmName,
  server: Omit<GuestProgram, 'args'>,
): Promise<{ guest: Guest; port: number }> {
  const port = await freePort();
  const guest = await Guest.start(arm, { ...server, args: [String(port)] });
  try {
    const gaveUp = (): Error | undefined => guest.fault;
    await untilAccepting(port, { timeoutMs: START_TIMEOUT_MS, gaveUp });
  } catch (error) {
    await guest.stop();
    throw error;
  }
  return { guest, port };
}
