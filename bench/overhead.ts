/**
 * What hv costs: the same guest in every arm, in interleaved blocks, as ratios with intervals.
 *
 *   node dist/bench/overhead.js [--guest kv|cpu] [--blocks 20] [--arms N,A,A2,C,D] [--seconds 2]
 *                               [--connections 16] [--rounds 30] [--seed 1] [--json]
 *
 * kv: requests per second of guests/kv.js. cpu: rounds per second of guests/bench-cpu.js. D is
 * measured with the backup on the same machine, so its CPU counts against the primary.
 */

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Chance } from '../hypervisor/cli/demo/chance.ts';
import { ARM_NAMES, ARMS, type ArmName, startServerGuest, timeCpuGuest } from './arms.ts';
import { runLoad } from './resp-load.ts';
import { compareArms, type Interval, judgeNullPair, median, shuffled } from './statistics.ts';

interface Settings {
  readonly guest: 'kv' | 'cpu';
  readonly arms: readonly ArmName[];
  readonly blocks: number;
  readonly seconds: number;
  readonly connections: number;
  readonly rounds: number;
  readonly seed: number;
  readonly json: boolean;
}

/** Ratios worth a row, if both arms were measured. */
const PAIRS: readonly (readonly [ArmName, ArmName])[] = [
  ['A2', 'A'],
  ['C', 'A'],
  ['D', 'A'],
  ['D', 'C'],
  ['A', 'N'],
  ['D', 'N'],
];

/** One measurement: work per second in a fresh process. */
async function measure(arm: ArmName, settings: Settings): Promise<number> {
  if (settings.guest === 'cpu') {
    const ms = await timeCpuGuest(arm, settings.rounds);
    return (settings.rounds / ms) * 1000;
  }
  const { guest, port } = await startServerGuest(arm, 'kv');
  try {
    const { connections, seconds } = settings;
    const load = { port, connections, pipeline: 1, valueBytes: 64 };
    // The first requests pay for compilation in Node and for cold caches everywhere.
    await runLoad({ ...load, seconds: seconds / 4 });
    const { requestsPerSecond } = await runLoad({ ...load, seconds });
    if (guest.fault !== undefined) throw guest.fault;
    return requestsPerSecond;
  } finally {
    await guest.stop();
  }
}

export interface Report {
  readonly guest: string;
  readonly blocks: number;
  readonly medians: Readonly<Partial<Record<ArmName, number>>>;
  readonly ratios: readonly ({ readonly arm: ArmName; readonly base: ArmName } & Interval)[];
  /** Absent unless A and A2 were both measured. */
  readonly nullPair?: { readonly fair: boolean; readonly text: string };
}

/** Ratios of everything that was measured. Needs the same number of samples in each arm. */
export function report(
  samples: Readonly<Partial<Record<ArmName, readonly number[]>>>,
  options: { readonly guest: string; readonly chance: Chance },
): Report {
  const medians: Partial<Record<ArmName, number>> = {};
  let blocks = 0;
  for (const name of ARM_NAMES) {
    const middle = median(samples[name] ?? []);
    if (middle !== undefined) medians[name] = middle;
    blocks = Math.max(blocks, samples[name]?.length ?? 0);
  }
  const ratios = PAIRS.flatMap(([arm, base]) => {
    const [of, over] = [samples[arm], samples[base]];
    if (of === undefined || over === undefined) return [];
    return [{ arm, base, ...compareArms(of, over, options.chance) }];
  });
  const pair = ratios.find((row) => row.arm === 'A2');
  return {
    guest: options.guest,
    blocks,
    medians,
    ratios,
    ...(pair === undefined ? {} : { nullPair: judgeNullPair(pair) }),
  };
}

function print(result: Report): void {
  const unit = result.guest === 'cpu' ? 'rounds/s' : 'requests/s';
  console.log(`guest ${result.guest}, ${result.blocks} blocks, medians in ${unit}`);
  for (const name of ARM_NAMES) {
    const value = result.medians[name];
    if (value !== undefined) {
      console.log(`  ${name.padEnd(3)} ${value.toFixed(1).padStart(10)}  ${ARMS[name]}`);
    }
  }
  for (const { arm, base, ratio, low, high } of result.ratios) {
    const interval = `${low.toFixed(3)} to ${high.toFixed(3)}`;
    console.log(`  ${`${arm}/${base}`.padEnd(5)} ${ratio.toFixed(3)}  95 % ${interval}`);
  }
  console.log(`  ${result.nullPair?.text ?? 'no null pair was measured: believe no ratio'}`);
}

function settingsOf(argv: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      guest: { type: 'string', default: 'kv' },
      arms: { type: 'string', default: ARM_NAMES.join(',') },
      blocks: { type: 'string', default: '20' },
      seconds: { type: 'string', default: '2' },
      connections: { type: 'string', default: '16' },
      rounds: { type: 'string', default: '30' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  });
  const wanted = values.arms.split(',');
  const arms = ARM_NAMES.filter((name) => wanted.includes(name));
  if (arms.length !== wanted.length) throw new Error(`arms are ${ARM_NAMES.join(', ')}`);
  if (values.guest !== 'kv' && values.guest !== 'cpu') throw new Error('guests are kv and cpu');
  return {
    guest: values.guest,
    arms,
    blocks: Number(values.blocks),
    seconds: Number(values.seconds),
    connections: Number(values.connections),
    rounds: Number(values.rounds),
    seed: Number(values.seed),
    json: values.json,
  };
}

async function main(): Promise<void> {
  const settings = settingsOf(process.argv.slice(2));
  const chance = new Chance(settings.seed);
  const samples: Partial<Record<ArmName, number[]>> = {};
  for (let block = 1; block <= settings.blocks; block += 1) {
    for (const arm of shuffled(settings.arms, chance)) {
      const value = await measure(arm, settings);
      samples[arm] = [...(samples[arm] ?? []), value];
      console.error(`block ${block}/${settings.blocks} ${arm} ${value.toFixed(1)}`);
    }
  }
  const result = report(samples, { guest: settings.guest, chance });
  if (settings.json) console.log(JSON.stringify({ ...result, samples }));
  else print(result);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
