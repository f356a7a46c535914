/** `hv demo`: a protected pair on this machine that is killed again and again under load. */

import type { Command } from 'commander';
import { HvError } from '../../base/errors.ts';

interface DemoFlags {
  readonly seconds: number;
  readonly killEvery: number;
  readonly kills?: number;
  readonly clients: number;
  readonly seed: number;
  readonly json?: boolean;
}

/** Clients share two or more replicas and one load generator on this machine. */
const CLIENTS_MAX = 200;

export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description(
      'start a protected pair under load, kill -9 the primary again and again, check all',
    )
    .argument(
      '[guest]',
      'kv, chat, counter, http, express, fastify, hono, todo-files, todos-ts, ws-chat, sse, mqtt, jobs or poller',
      'kv',
    )
    .option('--seconds <n>', 'how long the load runs', positive, 30)
    .option('--kill-every <seconds>', 'mean time between kills', positive, 4)
    .option('--kills <n>', 'end after this many kills', wholeNumber)
    .option('--clients <n>', `clients, at most ${CLIENTS_MAX}`, clientCount, 8)
    .option('--seed <n>', 'seed of the times of the kills', wholeNumber, 1)
    .option('--json', 'one JSON object per line: failovers, then the verdict')
    .action(async (guest: string, flags: DemoFlags) => {
      const { runDemo } = await import('../demo/run-demo.ts');
      process.exitCode = await runDemo({
        kind: guest,
        seconds: flags.seconds,
        killEverySeconds: flags.killEvery,
        killsMax: flags.kills ?? Number.POSITIVE_INFINITY,
        clients: flags.clients,
        seed: flags.seed,
        json: flags.json === true,
      });
    });
}

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new HvError('HV_E_USAGE', `expected a number above 0, got ${JSON.stringify(text)}`);
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && text !== '') return value;
  throw new HvError('HV_E_USAGE', `expected a whole number, got ${JSON.stringify(text)}`);
}

function clientCount(text: string): number {
  const value = wholeNumber(text);
  if (value >= 1 && value <= CLIENTS_MAX) return value;
  throw new HvError('HV_E_USAGE', `expected 1 to ${CLIENTS_MAX} clients, got ${value}`);
}
