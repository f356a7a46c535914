/** A machine with the tiny firmware, driven by hand: for tests of engine, CPU and devices. */

import { loadEngineParts } from '../../hypervisor/host/engine-parts.ts';
import type { EngineParts } from '../../hypervisor/machine/engine.ts';
import { Machine, type MachineOptions } from '../../hypervisor/machine/machine.ts';
import type { TurnsResult } from '../../hypervisor/ports.ts';
import {
  asLsn,
  asMicros,
  asTicks,
  INTERRUPT,
  type InterruptKind,
  type MidTurnRecord,
} from '../../log-format/index.ts';
import { TEST_HEADER } from './guest-runner.ts';
import { TINY_FIRMWARE } from './tiny-firmware.ts';

let parts: EngineParts | undefined;

type Cut =
  | { readonly type: 'stopAt'; readonly code: number; readonly reason: string }
  | { readonly type: 'resync'; readonly time: number };

export class TinyMachine {
  readonly machine: Machine;
  stdout = '';
  stderr = '';
  end: TurnsResult['end'] | undefined;
  alivePolls = 0;
  #lsn = 0;
  #time: number = TEST_HEADER.startedAt;
  #cuts: MidTurnRecord[] = [];

  constructor(
    image: string,
    limits: Partial<MachineOptions['header']> = {},
    firmware: Uint8Array = TINY_FIRMWARE,
  ) {
    parts ??= loadEngineParts();
    this.machine = new Machine({
      parts,
      header: { ...TEST_HEADER, ...limits },
      firmware,
      image: new TextEncoder().encode(`(${image})`),
      sourceMap: new Uint8Array(),
      onAlive: () => {
        this.alivePolls += 1;
      },
    });
  }

  /** Plans a mid-turn record at an absolute tick of the next turn. */
  cutAt(ticks: number, cut: Cut): void {
    const turn = asLsn(this.#lsn + 1);
    const at = asTicks(ticks);
    if (cut.type === 'stopAt') this.#cuts.push({ ...cut, turn, ticks: at });
    else this.#cuts.push({ type: 'resync', turn, ticks: at, time: asMicros(cut.time) });
  }

  boot(): this {
    this.interrupt(INTERRUPT.boot);
    return this;
  }

  interrupt(
    kind: InterruptKind,
    fields: { id?: number; num?: number; payload?: Uint8Array } = {},
  ): void {
    this.#time += 1000;
    this.interruptAt(this.#time, kind, fields);
  }

  interruptAt(
    time: number,
    kind: InterruptKind,
    { id = 0, num = 0, payload }: { id?: number; num?: number; payload?: Uint8Array } = {},
  ): void {
    const cuts = this.#cuts;
    this.#cuts = [];
    const lsn = asLsn(++this.#lsn);
    this.machine.turn({ type: 'interrupt', kind, time: asMicros(time), id, num, payload }, lsn, {
      nextTicks: () => cuts[0]?.ticks ?? Number.POSITIVE_INFINITY,
      poll: (ticks) => {
        const [cut] = cuts;
        if (cut?.ticks !== ticks) return undefined;
        cuts.shift();
        return { record: cut, lsn: asLsn(++this.#lsn) };
      },
    });
    const result = this.machine.collect();
    this.end = result.end;
    for (const { output } of result.outputs) {
      if (output.device !== 'console') continue;
      const text = new TextDecoder().decode(output.bytes);
      if (output.fd === 1) this.stdout += text;
      else this.stderr += text;
    }
  }
}
