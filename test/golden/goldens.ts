/** The committed logs, what their replay must say, and a process that replays them. */

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ReplayAnswer } from '../../hypervisor/host/replay-worker.ts';

export const GOLDEN_DIR: string = fileURLToPath(new URL('./v1', import.meta.url));
export const REPLAY_EACH: string = fileURLToPath(new URL('./replay-each.mjs', import.meta.url));

export interface Expected {
  /** Of the log file. */
  readonly sha256: string;
  readonly report: {
    readonly memoryHash: string;
    readonly exit?: { readonly code: number };
    readonly log: { readonly sealed: boolean; readonly epoch: number };
    readonly [field: string]: unknown;
  };
  /** Of the guest, as its replay prints it. */
  readonly stdout: string;
  readonly stderr: string;
}

export interface Golden {
  readonly name: string;
  readonly path: string;
  readonly expected: Expected;
}

export function goldens(): readonly Golden[] {
  return readdirSync(GOLDEN_DIR)
    .filter((file) => file.endsWith('.hvlog'))
    .map((file) => {
      const name = file.slice(0, -'.hvlog'.length);
      const text = readFileSync(join(GOLDEN_DIR, `${name}.json`), 'utf8');
      return { name, path: join(GOLDEN_DIR, file), expected: JSON.parse(text) as Expected };
    });
}

export interface Surroundings {
  readonly node?: string;
  readonly nodeFlags?: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Another path of replay-each.mjs: what that process has as its `argv[1]`. */
  readonly script?: string;
}

/** Replays logs one after the other in one process of another Node, zone or directory. */
export async function replayEach(
  paths: readonly string[],
  {
    node = process.execPath,
    nodeFlags = [],
    cwd = '/',
    env = {},
    script = REPLAY_EACH,
  }: Surroundings = {},
): Promise<readonly ReplayAnswer[]> {
  const child = spawn(node, [...nodeFlags, script, ...paths], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (bytes: Buffer) => {
    stdout += bytes.toString();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes.toString();
  });
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const answers = stdout.split('\n').filter((line) => line !== '');
  if (code !== 0 || answers.length !== paths.length)
    throw new Error(`${node} ${nodeFlags.join(' ')} ended with ${code}: ${stderr}`);
  return answers.map((line) => JSON.parse(line) as ReplayAnswer);
}

/** An answer in the form of `Expected.report`: without how long it took and where the log lies. */
export function reportOf(answer: ReplayAnswer): unknown {
  if (answer.type !== 'done') return answer;
  const { sealed, tornBytes, lastLsn, epoch, chain, segments, records, batches, bytes } =
    answer.verdict;
  return {
    verdict: 'verified',
    ...answer.report,
    memoryHash: answer.memoryHash,
    log: { sealed, tornBytes, lastLsn, epoch, chain, segments, records, batches, bytes },
  };
}
