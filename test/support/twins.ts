/** The same guest on two machines, for tests that say what cannot differ between them. */

import { LocalMachine } from '../../hypervisor/machine/local-machine.ts';
import type { TurnsResult } from '../../hypervisor/ports.ts';
import {
  asLsn,
  asMicros,
  type BootConfig,
  INTERRUPT,
  type InterruptRecord,
  sha256Hex,
} from '../../log-format/index.ts';
import { type BuildOptions, heapEnd, MachineWorks } from '../fuzz/machines.ts';
import { TEST_CONFIG, TEST_HEADER } from './guest-runner.ts';

/** Small enough for the stack of a test's own thread. */
const STACK_BYTES = 131_072;

let works: MachineWorks | undefined;

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly end: TurnsResult['end'];
  readonly memoryHash: string;
  readonly memoryBytes: number;
}

/** An interrupt before it has a time. */
export type Interrupt = Omit<InterruptRecord, 'type' | 'time'>;

export interface TwinOptions {
  readonly config?: Partial<BootConfig>;
  /** Interrupts after the boot. Without any, alarms and immediates are answered as they come. */
  readonly interrupts?: readonly Interrupt[];
  readonly build?: Partial<BuildOptions>;
  /** Runs around the machine's life, for tests that take something away from the host. */
  readonly around?: (run: () => void) => void;
}

const ROUNDS_MAX = 200;

/** Runs `body` as a guest's script, to its end or until it waits for something. */
export function run(body: string, options: TwinOptions = {}): Ran {
  works ??= new MachineWorks({ stackBytes: STACK_BYTES });
  const image = new TextEncoder().encode(
    `(function hvMain(require, module, exports, __filename, __dirname) {${body}\n})`,
  );
  const built = works.build({ image, ...options.build });
  const port = new LocalMachine(built.machine, {
    wall: () => asMicros(0),
    stopRequested: () => undefined,
  });
  const text = { 1: '', 2: '' };
  let time: number = TEST_HEADER.startedAt;
  let lsn = 0;
  let last: TurnsResult | undefined;
  const turn = (one: Interrupt, atLeast = 0): void => {
    time = Math.max(time + 100, Math.ceil(built.machine.now), atLeast);
    const record: InterruptRecord = { type: 'interrupt', time: asMicros(time), ...one };
    port.settle({ firstLsn: asLsn(++lsn), records: [record] }, (result) => {
      last = result;
    });
    for (const { output } of last?.outputs ?? [])
      if (output.device === 'console') text[output.fd] += new TextDecoder().decode(output.bytes);
  };
  const payload = new TextEncoder().encode(JSON.stringify({ ...TEST_CONFIG, ...options.config }));
  const life = (): void => {
    turn({ kind: INTERRUPT.boot, id: 0, num: 0, payload });
    for (const one of options.interrupts ?? []) turn(one);
    for (let round = 0; round < ROUNDS_MAX && last?.halted === undefined; round++) {
      if (last?.immediatesLeft) turn({ kind: INTERRUPT.check, id: 0, num: 0, payload: undefined });
      else if (last?.alarmAt !== undefined)
        turn({ kind: INTERRUPT.alarm, id: 0, num: 0, payload: undefined }, Math.ceil(last.alarmAt));
      else break;
    }
  };
  (options.around ?? ((go) => go()))(life);
  if (last === undefined) throw new Error('a guest has a first turn');
  const ran = {
    stdout: text[1],
    stderr: text[2],
    end: last.end,
    memoryHash: sha256Hex(built.memory.subarray(0, heapEnd(built.memory))),
    memoryBytes: built.memory.length,
  };
  works.release(built);
  return ran;
}
