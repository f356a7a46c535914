import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareGroup } from '../../../hypervisor/machine/group-checks.ts';
import { LocalMachine } from '../../../hypervisor/machine/local-machine.ts';
import type { MachineDivergence, ReplayGroup, TurnsResult } from '../../../hypervisor/ports.ts';
import { Replayer } from '../../../hypervisor/timeline/replayer.ts';
import {
  asEpoch,
  asLsn,
  asMicros,
  asTicks,
  type CheckpointRecord,
  type EndRecord,
  INTERRUPT,
  type InterruptRecord,
  type LogRecord,
} from '../../../log-format/index.ts';
import { type Built, heapEnd, MachineWorks } from '../../fuzz/machines.ts';
import { TEST_CONFIG, TEST_HEADER } from '../../support/guest-runner.ts';

const GUEST = `
  let n = 0;
  process.on('SIGUSR2', () => { n += 1; console.log('signal ' + n); });
`;
const STOPPED = {
  wall: () => asMicros(0),
  stopRequested: () => undefined,
  turnTicksMax: Number.POSITIVE_INFINITY,
};

let works: MachineWorks;
let image: Uint8Array;
let records: readonly LogRecord[];

function build(): Built {
  return works.build({ image });
}

function at(n: number): InterruptRecord['time'] {
  return asMicros(TEST_HEADER.startedAt + 1000 * n);
}

const boot: InterruptRecord = {
  type: 'interrupt',
  kind: INTERRUPT.boot,
  time: at(1),
  id: 0,
  num: 0,
  payload: new TextEncoder().encode(JSON.stringify(TEST_CONFIG)),
};

/** SIGUSR2. */
function signal(n: number): InterruptRecord {
  return {
    type: 'interrupt',
    kind: INTERRUPT.signal,
    time: at(n),
    id: 12,
    num: 0,
    payload: undefined,
  };
}

/** A group of the boot, then groups of three signals, each with a checkpoint: as a primary logs them. */
function record(): readonly LogRecord[] {
  const { machine } = build();
  const port = new LocalMachine(machine, STOPPED);
  const log: LogRecord[] = [];
  for (const group of [[boot], [signal(2), signal(3), signal(4)], [signal(5), signal(6)]]) {
    const firstLsn = log.length + 1;
    const turns = group.map((one, index) => ({ lsn: asLsn(firstLsn + index), record: one }));
    log.push(...group);
    port.run(
      turns,
      () => asLsn(1),
      (result) => {
        log.push({ type: 'checkpoint', time: at(7), ...machine.figures() });
        log.push({ type: 'end', ...result.end });
      },
    );
  }
  return log;
}

/** Replays all of it, with `plant` run before the record at that lsn is pushed. */
function replay(
  log: readonly LogRecord[],
  plant: { readonly lsn: number; readonly act: (memory: Uint8Array) => void } | undefined,
): ReturnType<Replayer['finish']> {
  const { machine, memory } = build();
  const replayer = new Replayer(
    new LocalMachine(machine, STOPPED),
    TEST_HEADER.startedAt,
    () => undefined,
  );
  for (const [index, one] of log.entries()) {
    if (plant?.lsn === index + 1) plant.act(memory);
    if (!replayer.push({ epoch: asEpoch(1), firstLsn: asLsn(index + 1), records: [one] })) break;
  }
  return replayer.finish();
}

beforeAll(() => {
  works = new MachineWorks({ stackBytes: 131_072 });
  image = new TextEncoder().encode(
    `(function hvMain(require, module, exports, __filename, __dirname) {${GUEST}\n})`,
  );
  records = record();
});
afterAll(() => {
  records = [];
});

describe('a replay of checkpoint records', () => {
  it('agrees with what was recorded', () => {
    expect(records.filter(({ type }) => type === 'checkpoint')).toHaveLength(3);
    const { divergence, verified } = replay(records, undefined);
    expect(divergence).toBeUndefined();
    expect(verified).toBe(3);
  });

  it('finds memory that was changed between two turns at the next checkpoint, though all outputs agree', () => {
    // Above the heap: nothing the guest does depends on it.
    const plant = (memory: Uint8Array): void => {
      memory[heapEnd(memory) - 1] = (memory[heapEnd(memory) - 1] ?? 0) ^ 1;
    };
    const second = records.findIndex((one, index) => index > 2 && one.type === 'checkpoint') + 1;
    const { divergence, verified } = replay(records, { lsn: 4, act: plant });
    expect(verified).toBe(1);
    expect(divergence).toMatchObject({ lsn: second, output: undefined });
    expect(divergence?.checkpoint?.expected.memory).not.toEqual(divergence?.checkpoint?.got.memory);
    expect(divergence?.expected.digest).toBe(divergence?.got.digest);
    expect(divergence?.expected.outputsCrc).toBe(divergence?.got.outputsCrc);
  });

  it('finds none of it in a log without them', () => {
    const plain = records.filter(({ type }) => type !== 'checkpoint');
    const plant = (memory: Uint8Array): void => {
      memory[heapEnd(memory) - 1] = (memory[heapEnd(memory) - 1] ?? 0) ^ 1;
    };
    expect(replay(plain, { lsn: 3, act: plant }).divergence).toBeUndefined();
  });

  it('names the meter that differs', () => {
    const changed = records.map((one) =>
      one.type === 'checkpoint' ? { ...one, heapBlocks: one.heapBlocks + 1 } : one,
    );
    const { divergence } = replay(changed, undefined);
    expect(divergence).toMatchObject({ lsn: 2 });
    const { expected, got } = divergence?.checkpoint ?? {};
    expect((expected?.heapBlocks ?? 0) - (got?.heapBlocks ?? 0)).toBe(1);
  });
});

const CHECKPOINT: CheckpointRecord = {
  type: 'checkpoint',
  time: at(9),
  turns: 1,
  heapBytes: 2,
  heapBlocks: 3,
  pages: 4,
  memory: new Uint8Array(16),
};

function ended(checks: readonly number[], digest = 7): EndRecord {
  const bytes = Uint8Array.from(checks.flatMap((one) => [one >> 8, one & 0xff]));
  return { type: 'end', ticks: asTicks(1), digest, outputs: 0, outputsCrc: 0, checks: bytes };
}

function compared(expected: EndRecord, got: EndRecord): MachineDivergence | undefined {
  const { type: _, ...end } = got;
  const group: ReplayGroup = {
    firstLsn: asLsn(10),
    records: [signal(1), signal(2), signal(3), CHECKPOINT, expected],
  };
  const result: TurnsResult = {
    end,
    outputs: [],
    alarmAt: undefined,
    immediatesLeft: false,
    halted: undefined,
  };
  const { type: _type, time: _time, ...figures } = CHECKPOINT;
  return compareGroup(group, result, () => figures);
}

describe('the checks of the turns of a group', () => {
  it('place a difference at the first turn whose check is another', () => {
    expect(compared(ended([1, 2, 3]), ended([1, 2, 3]))).toBeUndefined();
    expect(compared(ended([1, 2, 3], 3), ended([1, 9, 8], 8))).toMatchObject({ lsn: 14, turn: 11 });
    expect(compared(ended([1, 2, 3], 3), ended([5, 9, 8], 8))).toMatchObject({ lsn: 14, turn: 10 });
  });

  it('are a difference of their own where the ends are the same', () => {
    expect(compared(ended([1, 2, 3]), ended([1, 4, 3]))).toMatchObject({ lsn: 14, turn: 11 });
  });

  it('say nothing about a turn in a log that has none', () => {
    expect(compared(ended([], 3), ended([1, 2, 8], 8))).toMatchObject({ lsn: 14, turn: undefined });
    expect(compared(ended([]), ended([1, 2, 7]))).toBeUndefined();
  });
});
