/**
 * What hv costs: the same guest in every arm, measured in short slices that take turns in shuffled
 * order, as ratios with intervals, of the rate and of the CPU time.
 *
 *   node dist/bench/overhead.js [--guest kv|cpu] [--blocks 20] [--arms N,A,A2,B,C,D] [--seconds 0.7]
 *                               [--connections 16] [--fresh-every 5] [--warm-up 1.5] [--rounds 100]
 *                               [--seed 1] [--json]
 *
 * kv: requests of guests/kv.js. cpu: rounds of guests/bench-cpu.js. A block is one slice of each arm.
 * Servers are started anew every --fresh-every blocks, so that the luck of one process (where its
 * memory lies, what its compiler guessed) does not pass for a property of its arm.
 */

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Chance } from '../hypervisor/cli/demo/chance.ts';
import { ARM_NAMES, type ArmName } from './arms.ts';
import { report, reportLines } from './overhead-report.ts';
import { numberOption, provenanceOf } from './provenance.ts';
import { KvArm, measureCpuGuest, type Sample } from './slices.ts';
import { shuffled } from './statistics.ts';

interface Settings {
  readonly guest: 'kv' | 'cpu';
  readonly arms: readonly ArmName[];
  readonly blocks: number;
  readonly seconds: number;
  readonly connections: number;
  /** Blocks that one set of server processes serves. */
  readonly freshEvery: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
  readonly seed: number;
  readonly json: boolean;
}

type Collected = Partial<Record<ArmName, Sample[]>>;

/** Takes the samples, block by block. */
class Run {
  readonly samples: Collected = {};
  readonly #settings: Settings;
  readonly #chance: Chance;

  constructor(settings: Settings, chance: Chance) {
    this.#settings = settings;
    this.#chance = chance;
  }

  async cpu(): Promise<void> {
    const { arms, blocks, rounds } = this.#settings;
    for (let block = 1; block <= blocks; block += 1) {
      for (const arm of shuffled(arms, this.#chance)) {
        this.#took(arm, block, await measureCpuGuest(arm, rounds));
      }
    }
  }

  async kv(): Promise<void> {
    const { blocks, freshEvery } = this.#settings;
    for (let from = 1; from <= blocks; from += freshEvery) {
      await this.#kvBlocks(from, Math.min(blocks, from + freshEvery - 1));
    }
  }

  /** Blocks `from` to `to` with one set of processes. */
  async #kvBlocks(from: number, to: number): Promise<void> {
    const { arms, connections, seconds, warmUpSeconds } = this.#settings;
    const running = new Map<ArmName, KvArm>();
    try {
      for (const arm of shuffled(arms, this.#chance)) {
        running.set(arm, await KvArm.start(arm, { connections, seconds, warmUpSeconds }));
      }
      for (let block = from; block <= to; block += 1) {
        for (const [arm, server] of shuffled([...running], this.#chance)) {
          this.#took(arm, block, await server.measure({ connections, seconds }));
        }
      }
    } finally {
      await Promise.all([...running.values()].map((server) => server.stop()));
    }
  }

  #took(arm: ArmName, block: number, sample: Sample): void {
    this.samples[arm] = [...(this.samples[arm] ?? []), sample];
    const rate = sample.unitsPerSecond.toFixed(1);
    const cpu = sample.cpuMicros.toFixed(1);
    console.error(`block ${block}/${this.#settings.blocks} ${arm} ${rate}/s, ${cpu} µs CPU each`);
  }
}

/** Throws a RangeError on a value that cannot be. */
export function settingsOf(argv: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      guest: { type: 'string', default: 'kv' },
      arms: { type: 'string', default: ARM_NAMES.join(',') },
      blocks: { type: 'string', default: '20' },
      seconds: { type: 'string', default: '0.7' },
      connections: { type: 'string', default: '16' },
      'fresh-every': { type: 'string', default: '5' },
      'warm-up': { type: 'string', default: '1.5' },
      rounds: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  });
  const wanted = values.arms.split(',');
  const arms = ARM_NAMES.filter((name) => wanted.includes(name));
  if (arms.length !== wanted.length) throw new RangeError(`arms are ${ARM_NAMES.join(', ')}`);
  if (values.guest !== 'kv' && values.guest !== 'cpu') {
    throw new RangeError('guests are kv and cpu');
  }
  return {
    guest: values.guest,
    arms,
    blocks: numberOption('blocks', values.blocks, 3),
    seconds: numberOption('seconds', values.seconds, 0.1),
    connections: numberOption('connections', values.connections, 1),
    freshEvery: numberOption('fresh-every', values['fresh-every'], 1),
    warmUpSeconds: numberOption('warm-up', values['warm-up'], 0.1),
    rounds: numberOption('rounds', values.rounds, 1),
    seed: numberOption('seed', values.seed, 0),
    json: values.json,
  };
}

async function main(file: string, argv: readonly string[]): Promise<void> {
  const settings = settingsOf(argv);
  const chance = new Chance(settings.seed);
  const run = new Run(settings, chance);
  if (settings.guest === 'cpu') await run.cpu();
  else await run.kv();
  const { guest, connections } = settings;
  const provenance = provenanceOf(file, argv);
  const result = report(run.samples, { guest, connections, chance, provenance });
  if (settings.json) console.log(JSON.stringify({ ...result, samples: run.samples }));
  else for (const line of reportLines(result)) console.log(line);
}

const file = fileURLToPath(import.meta.url);
if (process.argv[1] === file) await main(file, process.argv.slice(2));
