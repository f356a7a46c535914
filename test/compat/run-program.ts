/** Runs one program under Node and as a guest, and says in what they differ. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit status, or the signal that ended it. */
  readonly end: string;
}

export interface RunOptions {
  readonly folder: string;
  readonly file: string;
  /** Command line of hv up to and without the script. */
  readonly hv: readonly string[];
  /** The bundler's command: Node 20 runs no TypeScript. */
  readonly esbuild: string;
  /** Time after which a program counts as one that never ends. */
  readonly limitMs: number;
}

function run(command: readonly string[], cwd: string, limitMs: number): Promise<Outcome> {
  const [file = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString();
      resolve({ stdout: text(stdout), stderr: text(stderr), end: String(signal ?? code) });
    });
  });
}

/** What Node does with the program. */
export async function underNode(options: RunOptions): Promise<Outcome> {
  const { folder, file, esbuild, limitMs } = options;
  let script = file;
  if (file.endsWith('.ts')) {
    script = `${file}.mjs`;
    const built = await run(
      [esbuild, file, `--outfile=${script}`, '--log-level=error'],
      folder,
      limitMs,
    );
    if (built.end !== '0') return built;
  }
  return run([process.execPath, script], folder, limitMs);
}

/** What the program does as a guest. */
export function underHv(options: RunOptions): Promise<Outcome> {
  const { folder, file, hv, limitMs } = options;
  return run([...hv, file], folder, limitMs);
}

/** The first line in which a guest differs from Node; undefined when there is none. */
export function differenceOf(node: Outcome, guest: Outcome): string | undefined {
  if (node.stdout === guest.stdout && node.end === guest.end) return undefined;
  const expected = node.stdout.split('\n');
  const found = guest.stdout.split('\n');
  const at = expected.findIndex((line, index) => line !== found[index]);
  if (at >= 0 && found[at] !== undefined && found[at] !== '')
    return `line ${at + 1}: ${found[at]} instead of ${expected[at]}`;
  const fault = guest.stderr.split('\n').find((line) => /^\w*(?:Error|hv:)/.test(line));
  return `ends with ${guest.end} instead of ${node.end}${fault === undefined ? '' : `: ${fault}`}`;
}

/** Command of hv in a checkout that is built. */
export function hvOf(root: string): string[] {
  const command = [process.execPath, join(root, 'dist/bin/main.js'), 'run', '--no-record'];
  // A machine that is busy with something else is no guest that hangs.
  return [...command, '--admin', 'off', '--hang-limit', 'off'];
}
