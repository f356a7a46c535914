/**
 * How long a failover takes: kills the primary of a protected pair under load, again and again, and
 * gives the quantiles of each phase and of what clients saw. The trials are those of `hv demo`, whose
 * verdict has to be good: a fast failover that loses a reply is worth nothing.
 *
 *   node dist/bench/failover.js [--trials 50] [--guest kv] [--clients 8] [--seed 1] [--json]
 */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Failover, PHASES } from '../hypervisor/cli/demo/failover-report.ts';
import { type Quantiles, quantilesOf } from '../hypervisor/cli/demo/quantiles.ts';
import { CLI_FILE } from '../hypervisor/cli/demo/replicas.ts';

export interface FailoverReport {
  readonly trials: number;
  /** Milliseconds since the kill, by phase, and `gap` as the worst client of each trial saw it. */
  readonly phasesMs: Readonly<Record<string, Quantiles | undefined>>;
}

/** Quantiles of each phase over the trials that had it. */
export function summarize(failovers: readonly Failover[]): FailoverReport {
  const phasesMs: Record<string, Quantiles | undefined> = {};
  for (const [phase] of PHASES) {
    phasesMs[phase] = quantilesOf(failovers.flatMap(({ phasesMs: ms }) => ms[phase] ?? []));
  }
  phasesMs.gap = quantilesOf(failovers.flatMap(({ gapMs }) => gapMs ?? []));
  return { trials: failovers.length, phasesMs };
}

/** Runs the demo and collects its failovers; rejects unless its verdict is good. */
function runTrials(args: readonly string[]): Promise<Failover[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI_FILE, 'demo', ...args, '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    process.on('exit', () => child.kill('SIGTERM'));
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      const lines = text.split('\n').filter((line) => line !== '');
      const events = lines.map((line) => JSON.parse(line) as { evt: string });
      if (code !== 0)
        reject(new Error(`the demo failed (${code}): ${lines.at(-1) ?? 'no verdict'}`));
      else resolve(events.filter((event) => event.evt === 'failover') as unknown as Failover[]);
    });
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      trials: { type: 'string', default: '50' },
      guest: { type: 'string', default: 'kv' },
      clients: { type: 'string', default: '8' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  });
  const failovers = await runTrials([
    values.guest,
    ...['--kills', values.trials],
    // Time is no limit here: a trial takes two to three seconds.
    ...['--seconds', String(Number(values.trials) * 30)],
    ...['--kill-every', '1'],
    ...['--clients', values.clients],
    ...['--seed', values.seed],
  ]);
  const result = summarize(failovers);
  if (values.json) {
    console.log(JSON.stringify({ ...result, failovers }));
    return;
  }
  console.log(`${result.trials} kills, milliseconds after the kill`);
  for (const [phase, ms] of Object.entries(result.phasesMs)) {
    if (ms === undefined) continue;
    const numbers = [ms.p50, ms.p99, ms.max].map((value) => value.toFixed(1).padStart(8)).join('');
    console.log(`  ${phase.padEnd(14)} p50 p99 max ${numbers}   (${ms.count} trials)`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
