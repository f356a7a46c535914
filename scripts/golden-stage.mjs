/** Where goldens are recorded: a directory of neutral name, and real `hv` processes in it. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const HOST = 'golden';
export const STAGE = '/tmp/hv-golden';
export const NODE = join(STAGE, 'bin/node');
const cli = join(root, 'dist/bin/main.js');
/** A step that takes longer has failed. */
const STEP_MS = 60_000;

const processes = [];

/** Ends what still runs. */
export function endAll() {
  for (const child of processes) child.kill('SIGKILL');
}

/** Looks again and again until there is something; `over` says that nothing will come any more. */
export async function waitFor(what, look, over = () => false) {
  const deadline = AbortSignal.timeout(STEP_MS);
  for (;;) {
    const found = look();
    if (found) return found;
    if (deadline.aborted || over()) throw new Error(`no ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** One `hv` process on the stage, its output, and its events. */
export class Hv {
  stdout = '';
  stderr = '';
  events = [];

  constructor(args, { input } = {}) {
    this.child = spawn(NODE, [cli, ...args], {
      cwd: STAGE,
      env: { LANG: 'C.UTF-8', PATH: process.env.PATH },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', 'pipe'],
    });
    processes.push(this.child);
    if (input !== undefined) this.child.stdin.end(input);
    this.child.stdout.on('data', (bytes) => {
      this.stdout += bytes;
    });
    this.child.stderr.on('data', (bytes) => {
      this.stderr += bytes;
    });
    createInterface({ input: this.child.stdio[3] }).on('line', (line) => {
      this.events.push(JSON.parse(line));
    });
    this.exited = new Promise((resolve) => this.child.once('close', (code) => resolve(code)));
  }

  async until(what, look) {
    try {
      return await waitFor(what, look, () => this.child.exitCode !== null);
    } catch (error) {
      throw new Error(`${error.message}:\n${this.stdout}\n${this.stderr}`);
    }
  }

  event(name, from = 0) {
    return this.until(name, () => this.events.slice(from).find(({ evt }) => evt === name));
  }

  async stop(signal) {
    this.child.kill(signal);
    await this.exited;
  }
}
