/** What the samples of the overhead benchmark say: medians, ratios with intervals, and the caveats. Pure. */

import type { Chance } from '../hypervisor/cli/demo/chance.ts';
import { ARM_NAMES, ARMS, type ArmName } from './arms.ts';
import type { Provenance } from './provenance.ts';
import type { Sample } from './slices.ts';
import { compareArms, type Interval, judgeNullPair, median } from './statistics.ts';

export interface Ratio extends Interval {
  readonly arm: ArmName;
  readonly base: ArmName;
}

export interface Comparison {
  readonly ratios: readonly Ratio[];
  /** Absent unless A and A2 were both measured. */
  readonly nullPair?: { readonly fair: boolean; readonly text: string };
}

export interface OverheadReport {
  readonly bench: 'overhead';
  readonly guest: 'kv' | 'cpu';
  /** Of the key-value guest. */
  readonly connections?: number;
  readonly blocks: number;
  /** Median of each number. */
  readonly arms: Readonly<Partial<Record<ArmName, Sample>>>;
  /** Units per second: above 1 is faster. */
  readonly rate: Comparison;
  /** CPU time of the guest's process (D: of the primary) per unit: below 1 is cheaper. */
  readonly cpu: Comparison;
  /** CPU time of primary and backup together, over A. */
  readonly pairCpu?: Interval;
  readonly provenance: Provenance;
}

export type Samples = Readonly<Partial<Record<ArmName, readonly Sample[]>>>;

/** Ratios worth a row, if both arms were measured. */
const PAIRS: readonly (readonly [ArmName, ArmName])[] = [
  ['A2', 'A'],
  ['B', 'A'],
  ['C', 'A'],
  ['D', 'A'],
  ['D', 'C'],
  ['A', 'N'],
  ['D', 'N'],
];

export interface ReportOptions {
  readonly guest: 'kv' | 'cpu';
  readonly connections: number;
  readonly chance: Chance;
  readonly provenance: Provenance;
}

/** Needs the same number of samples in each arm, at least 3. */
export function report(samples: Samples, options: ReportOptions): OverheadReport {
  const { guest, connections, chance, provenance } = options;
  const arms: Partial<Record<ArmName, Sample>> = {};
  let blocks = 0;
  for (const name of ARM_NAMES) {
    const own = samples[name] ?? [];
    const middle = medianSample(own);
    if (middle !== undefined) arms[name] = middle;
    blocks = Math.max(blocks, own.length);
  }
  const pair = samples.D?.map((one) => one.cpuMicros + (one.backupCpuMicros ?? 0));
  const alone = samples.A?.map((one) => one.cpuMicros);
  return {
    bench: 'overhead',
    guest,
    ...(guest === 'kv' ? { connections } : {}),
    blocks,
    arms,
    rate: compare(samples, (one) => one.unitsPerSecond, chance),
    cpu: compare(samples, (one) => one.cpuMicros, chance),
    ...(pair === undefined || alone === undefined
      ? {}
      : { pairCpu: compareArms(pair, alone, chance) }),
    provenance,
  };
}

function compare(samples: Samples, value: (one: Sample) => number, chance: Chance): Comparison {
  const ratios = PAIRS.flatMap(([arm, base]) => {
    const [of, over] = [samples[arm]?.map(value), samples[base]?.map(value)];
    if (of === undefined || over === undefined) return [];
    return [{ arm, base, ...compareArms(of, over, chance) }];
  });
  const pair = ratios.find((row) => row.arm === 'A2');
  return { ratios, ...(pair === undefined ? {} : { nullPair: judgeNullPair(pair) }) };
}

function medianSample(samples: readonly Sample[]): Sample | undefined {
  const unitsPerSecond = median(samples.map((one) => one.unitsPerSecond));
  const cpuMicros = median(samples.map((one) => one.cpuMicros));
  if (unitsPerSecond === undefined || cpuMicros === undefined) return undefined;
  const latencyMs = median(samples.flatMap((one) => one.latencyMs ?? []));
  const backupCpuMicros = median(samples.flatMap((one) => one.backupCpuMicros ?? []));
  const backupLagMs = median(samples.flatMap((one) => one.backupLagMs ?? []));
  return {
    unitsPerSecond,
    cpuMicros,
    ...(latencyMs === undefined ? {} : { latencyMs }),
    ...(backupCpuMicros === undefined ? {} : { backupCpuMicros }),
    ...(backupLagMs === undefined ? {} : { backupLagMs }),
  };
}

/** What a reader must know before believing a ratio. */
export function caveats(result: OverheadReport): readonly string[] {
  const { guest, rate, cpu, provenance } = result;
  const sharers = guest === 'kv' ? 'The clients, the primary and the backup' : 'Primary and backup';
  return [
    ...(result.arms.D === undefined
      ? []
      : [
          `${sharers} share ${provenance.cores} cores, so D/A of the rate holds the work of all of them; ` +
            "what protection costs the primary's own machine is D/A of the CPU time.",
        ]),
    `rate: ${rate.nullPair?.text ?? NO_NULL_PAIR}`,
    `CPU: ${cpu.nullPair?.text ?? NO_NULL_PAIR}`,
  ];
}

const NO_NULL_PAIR = 'no null pair was measured: believe no ratio';

export function unitOf(guest: OverheadReport['guest']): string {
  return guest === 'kv' ? 'request' : 'round';
}

export function reportLines(result: OverheadReport): string[] {
  const unit = unitOf(result.guest);
  const load = result.connections === undefined ? '' : `, ${result.connections} connections`;
  const lines = [
    `guest ${result.guest}${load}, ${result.blocks} blocks, medians`,
    `      ${`${unit}s/s`.padStart(11)} ${`CPU µs/${unit}`.padStart(15)}  p50 ms`,
  ];
  for (const name of ARM_NAMES) {
    const arm = result.arms[name];
    if (arm === undefined) continue;
    const rate = arm.unitsPerSecond.toFixed(1).padStart(11);
    const latency = (arm.latencyMs?.toFixed(3) ?? '-').padStart(7);
    const cpu = arm.cpuMicros.toFixed(1).padStart(15);
    lines.push(`  ${name.padEnd(3)} ${rate} ${cpu} ${latency}  ${ARMS[name]}`);
    if (arm.backupCpuMicros === undefined) continue;
    const lag = `caught up ${(arm.backupLagMs ?? 0).toFixed(0)} ms after the load`;
    lines.push(
      `${' '.repeat(18)}${arm.backupCpuMicros.toFixed(1).padStart(15)}          its backup, ${lag}`,
    );
  }
  lines.push(`${' '.repeat(11)}rate (95 %)              CPU (95 %)`);
  for (const [index, row] of result.rate.ratios.entries()) {
    const name = `${row.arm}/${row.base}`.padEnd(7);
    lines.push(`  ${name}  ${intervalText(row)}   ${intervalText(result.cpu.ratios[index])}`);
  }
  if (result.pairCpu !== undefined) {
    lines.push(`  CPU of primary and backup together over A: ${intervalText(result.pairCpu)}`);
  }
  return [...lines, ...caveats(result).map((text) => `  ${text}`)];
}

/** `1.012 (0.998 to 1.020)`; a dash for what was not measured. */
export function intervalText(interval: Interval | undefined): string {
  if (interval === undefined) return '-';
  const { ratio, low, high } = interval;
  return `${ratio.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
}
