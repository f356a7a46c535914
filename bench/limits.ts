/**
 * What limits, a watchdog's signs of life and an armed preemptive timer cost a guest that computes,
 * beside the same guest without: CPU time of one long turn, arms interleaved in shuffled blocks. No log, no network: only the machine.
 *
 *   node dist/bench/limits.js [--blocks 12] [--rounds 4] [--seed 1] [--json]
 */

import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import {
  GUEST_STACK_BYTES,
  MEMORY_PAGES_DEFAULT,
  TICKS_PER_MICRO,
  WORKER_STACK_MIB,
} from '../hypervisor/base/limits.ts';
import { Chance } from '../hypervisor/cli/demo/chance.ts';
import { bundleGuest } from '../hypervisor/host/bundle.ts';
import { loadFirmware } from '../hypervisor/host/engine-parts.ts';
import { buildMachine } from '../hypervisor/host/machine-factory.ts';
import { LocalMachine } from '../hypervisor/machine/local-machine.ts';
import { asLsn, asMicros, INTERRUPT, type LogHeader, sha256Hex } from '../log-format/index.ts';
import { numberOption, provenanceOf } from './provenance.ts';
import { bootOf, headerOf } from './recorder.ts';
import { compareArms, type Interval, judgeNullPair, median, shuffled } from './statistics.ts';

const ARMS = ['none', 'noneAgain', 'limits', 'preempt'] as const;
type Arm = (typeof ARMS)[number];

const TITLES: Readonly<Record<Arm, string>> = {
  none: 'no limit',
  noneAgain: 'no limit, again (null pair)',
  limits: '--cpu 100G --cpu 100G/s, signs of life',
  preempt: 'a preemptive timer every 5 ms',
};
/** The guest's script, inside a preemptive timer or not. */
const PREEMPTED = `const { preempt } = require('hv/guest'); preempt.every(5, () => {}).unref();`;
const STARTED_AT = asMicros(1_700_000_000_000_000);
const GUEST = fileURLToPath(new URL('../../guests/bench-cpu.js', import.meta.url));

interface Task {
  readonly image: Uint8Array;
  readonly preempted: Uint8Array;
  readonly blocks: number;
  readonly rounds: number;
  readonly seed: number;
}

function headerFor(arm: Arm, image: Uint8Array): LogHeader {
  const hashes = { firmware: sha256Hex(loadFirmware()), image: sha256Hex(image), sourcemap: '' };
  const limits =
    arm === 'limits'
      ? { turnTicksMax: 1e11, secondTicksMax: 1e11 }
      : { turnTicksMax: 0, secondTicksMax: 0 };
  return {
    ...headerOf({ ...hashes, sourcemap: sha256Hex(new Uint8Array()) }),
    memoryPages: MEMORY_PAGES_DEFAULT,
    stackBytes: GUEST_STACK_BYTES,
    ticksPerMicro: TICKS_PER_MICRO,
    startedAt: STARTED_AT,
    ...limits,
  };
}

/** CPU milliseconds of the guest's whole run in a fresh machine. */
function runOnce(arm: Arm, { image, preempted, rounds }: Task): number {
  const code = arm === 'preempt' ? preempted : image;
  let polls = 0;
  const machine = buildMachine(
    headerFor(arm, code),
    { firmware: loadFirmware(), image: code, sourcemap: new Uint8Array() },
    {
      onAlive: () => {
        polls += 1;
      },
    },
  );
  const began = process.cpuUsage();
  const startedAt = performance.now();
  const wall = (): number => STARTED_AT + Math.floor((performance.now() - startedAt) * 1000);
  const port = new LocalMachine(machine, {
    wall: () => asMicros(wall()),
    stopRequested: () => undefined,
  });
  const config = bootOf({ args: [String(rounds)] }, '/guest/bench.js');
  const boot = new TextEncoder().encode(JSON.stringify(config));
  let lsn = 0;
  let kind: number = INTERRUPT.boot;
  while (machine.halted === undefined) {
    lsn += 1;
    const time = asMicros(Math.max(wall(), Math.ceil(machine.now)));
    const payload = kind === INTERRUPT.boot ? boot : undefined;
    const record = { type: 'interrupt', kind, time, id: 0, num: 0, payload } as const;
    port.run(
      [{ lsn: asLsn(lsn), record: record as never }],
      () => {
        lsn += 1;
        return asLsn(lsn);
      },
      (result) => {
        kind = result.immediatesLeft ? INTERRUPT.check : INTERRUPT.alarm;
      },
    );
  }
  const { user, system } = process.cpuUsage(began);
  if (polls === 0) throw new Error('the guest did not run');
  return (user + system) / 1000;
}

function measure(task: Task): Record<Arm, number[]> {
  const chance = new Chance(task.seed);
  const samples: Record<Arm, number[]> = { none: [], noneAgain: [], limits: [], preempt: [] };
  for (const arm of ARMS) runOnce(arm, task);
  for (let block = 0; block < task.blocks; block++)
    for (const arm of shuffled(ARMS, chance)) samples[arm].push(runOnce(arm, task));
  return samples;
}

/** In a worker, for its stack. */
async function inWorker(task: Task): Promise<Record<Arm, number[]>> {
  const worker = new Worker(fileURLToPath(import.meta.url), {
    workerData: task,
    resourceLimits: { stackSizeMb: WORKER_STACK_MIB },
  });
  const [samples] = (await once(worker, 'message')) as [Record<Arm, number[]>];
  await worker.terminate();
  return samples;
}

function text(interval: Interval): string {
  return `${interval.ratio.toFixed(3)} (${interval.low.toFixed(3)} to ${interval.high.toFixed(3)})`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      blocks: { type: 'string', default: '12' },
      rounds: { type: 'string', default: '4' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  });
  const { code } = await bundleGuest(GUEST, { cwd: join(GUEST, '..') });
  const source = new TextDecoder().decode(code);
  const at = source.indexOf('{') + 1;
  const task: Task = {
    image: code,
    preempted: new TextEncoder().encode(source.slice(0, at) + PREEMPTED + source.slice(at)),
    blocks: numberOption('blocks', values.blocks, 3),
    rounds: numberOption('rounds', values.rounds, 1),
    seed: numberOption('seed', values.seed, 0),
  };
  const samples = await inWorker(task);
  const chance = new Chance(task.seed);
  const rows = ARMS.map((arm) => ({
    arm,
    cpuMs: median(samples[arm]) ?? Number.NaN,
    ratio: arm === 'none' ? undefined : compareArms(samples[arm], samples.none, chance),
  }));
  const pair = judgeNullPair(compareArms(samples.noneAgain, samples.none, chance));
  if (values.json) {
    const provenance = provenanceOf(process.argv[1] ?? '', process.argv.slice(2));
    console.log(JSON.stringify({ ...provenance, rows, nullPair: pair }));
    return;
  }
  for (const { arm, cpuMs, ratio } of rows)
    console.log(
      `${TITLES[arm].padEnd(42)} ${cpuMs.toFixed(1)} ms CPU${ratio === undefined ? '' : `, ${text(ratio)} of none`}`,
    );
  console.log(pair.text);
}

if (isMainThread) await main();
else parentPort?.postMessage(measure(workerData as Task));
