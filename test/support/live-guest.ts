/**
 * A guest on a live machine whose host is made up: the wall clock is a function of the machine's
 * ticks, so that mid-turn records come at the same places each time. What was recorded can be
 * replayed on another machine, group by group, as a backup does.
 */

import { loadEngineParts, loadFirmware } from '../../hypervisor/host/engine-parts.ts';
import { goldenKey, readGolden } from '../../hypervisor/host/golden-image.ts';
import { LocalMachine } from '../../hypervisor/machine/local-machine.ts';
import { Machine, type MachineOptions } from '../../hypervisor/machine/machine.ts';
import type { MachineDivergence, TurnsResult } from '../../hypervisor/ports.ts';
import {
  asLsn,
  asMicros,
  INTERRUPT,
  type InterruptKind,
  type LogRecord,
  type Lsn,
  sha256Hex,
} from '../../log-format/index.ts';
import { TEST_CONFIG, TEST_HEADER } from './guest-runner.ts';

const parts = loadEngineParts();
const firmware = loadFirmware();
const golden = readGolden(goldenKey(parts, firmware, TEST_HEADER.machineVersion));
/** A slow host: ten ticks are a microsecond, so that a millisecond is not much to compute. */
const TICKS_PER_WALL_MICRO = 10;

interface Limits extends Partial<MachineOptions['header']> {
  /** Ticks after which the made-up wall clock is two seconds early, for some time. */
  readonly wallStepsBackAt?: number;
}

function machineOf(image: string | Uint8Array, limits: Limits, sourceMap?: Uint8Array): Machine {
  return new Machine({
    parts,
    header: { ...TEST_HEADER, ...limits },
    firmware,
    golden,
    image: typeof image === 'string' ? new TextEncoder().encode(image) : image,
    sourceMap: sourceMap ?? new Uint8Array(),
  });
}

export class LiveGuest {
  readonly machine: Machine;
  readonly records: LogRecord[] = [];
  readonly groups: { readonly firstLsn: Lsn; readonly records: LogRecord[] }[] = [];
  stdout = '';
  stderr = '';
  exitCode: number | undefined;
  readonly #port: LocalMachine;
  readonly #image: string | Uint8Array;
  readonly #limits: Limits;
  #time: number = TEST_HEADER.startedAt;
  #state: TurnsResult | undefined;

  constructor(image: string | Uint8Array, limits: Limits = {}, sourceMap?: Uint8Array) {
    this.#image = image;
    this.#limits = limits;
    this.machine = machineOf(image, limits, sourceMap);
    const from = this.machine.ticks;
    this.#port = new LocalMachine(this.machine, {
      wall: () => {
        const ticks = this.machine.ticks - from;
        const { wallStepsBackAt: at = Number.POSITIVE_INFINITY } = limits;
        // Back for six million ticks, then right again.
        const error = ticks > at && ticks < at + 6_000_000 ? 2_000_000 : 0;
        return asMicros(TEST_HEADER.startedAt + Math.floor(ticks / TICKS_PER_WALL_MICRO) - error);
      },
      stopRequested: () => undefined,
    });
  }

  /** A backup that takes over from `dead`, of whose first group it has the first `kept` records. */
  static takeOver(dead: LiveGuest, kept: number): LiveGuest {
    const guest = new LiveGuest(dead.#image, dead.#limits);
    const firstLsn = asLsn(1);
    guest.records.push(...dead.records.slice(0, kept));
    const tail = { firstLsn, records: [...guest.records] };
    guest.#port.settle(
      tail,
      (result) => guest.#close(firstLsn, result),
      (record) => asLsn(guest.records.push(record)),
    );
    return guest;
  }

  /** Boots and goes on until the guest exits or waits for the world. A commit is answered when nothing else is due. */
  run(roundsMax = 200): this {
    const payload = new TextEncoder().encode(JSON.stringify(TEST_CONFIG));
    this.#turn(INTERRUPT.boot, payload);
    for (let round = 0; round < roundsMax && this.exitCode === undefined; round++) {
      const { immediatesLeft, alarmAt } = this.#state ?? {};
      if (immediatesLeft) this.#turn(INTERRUPT.check);
      else if (alarmAt !== undefined) {
        this.#time = Math.max(this.#time, alarmAt);
        this.#turn(INTERRUPT.alarm);
      } else {
        const [commit] = this.machine.pendingCommits;
        if (commit === undefined) return this;
        this.#turn(INTERRUPT.committed, undefined, commit.id);
      }
    }
    return this;
  }

  get preempts(): number {
    return this.records.filter(({ type }) => type === 'preempt').length;
  }

  get memoryHash(): string {
    return sha256Hex(this.machine.usedMemory());
  }

  /** Replays all groups on a fresh machine; its memory's hash, or the first divergence. */
  replayed(): string | MachineDivergence {
    const machine = machineOf(this.#image, this.#limits);
    const port = new LocalMachine(machine, {
      wall: () => TEST_HEADER.startedAt,
      stopRequested: () => undefined,
    });
    let found: MachineDivergence | undefined;
    for (const group of this.groups) {
      port.replay(group, (_, divergence) => {
        found ??= divergence;
      });
    }
    return found ?? sha256Hex(machine.usedMemory());
  }

  #turn(kind: InterruptKind, payload?: Uint8Array, id = 0): void {
    const firstLsn = asLsn(this.records.length + 1);
    const add = (record: LogRecord): Lsn => asLsn(this.records.push(record));
    this.#time = Math.max(this.#time, Math.ceil(this.machine.now));
    const time = asMicros(this.#time);
    const record = { type: 'interrupt', kind, time, id, num: 0, payload } as const;
    const lsn = add(record);
    this.#port.run([{ lsn, record }], add, (result) => {
      this.#close(firstLsn, result);
    });
  }

  #close(firstLsn: Lsn, result: TurnsResult): void {
    this.#state = result;
    this.records.push({ type: 'end', ...result.end });
    for (const { output } of result.outputs) {
      if (output.device === 'exit') this.exitCode = output.code;
      if (output.device !== 'console') continue;
      const text = new TextDecoder().decode(output.bytes);
      if (output.fd === 1) this.stdout += text;
      else this.stderr += text;
    }
    this.groups.push({ firstLsn, records: this.records.slice(firstLsn - 1) });
  }
}
