/**
 * What a machine has to show for its turns: the outputs since it was last asked, and the figures that
 * go into `end` records, with which a replay proves that it computed the same.
 */

import { crc32, type EndRecord, type Lsn } from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import type { HeldOutput, Output } from '../ports.ts';
import { mixCount, mixWord } from './digest.ts';
import type { Engine } from './engine.ts';
import { outputBytes } from './output-bytes.ts';

export interface TallyState {
  readonly digest: number;
  readonly outputs: number;
  readonly outputsCrc: number;
  readonly turns: number;
}

/** What a guest has used since its boot; `bytes` and `blocks` of its heap now. */
export interface MachineMeter {
  readonly turns: number;
  readonly ticks: number;
  readonly outputs: number;
  readonly bytes: number;
  readonly blocks: number;
}

export class Tally {
  #held: HeldOutput[] = [];
  #digest = 0;
  /** Low halves of the digest after each turn since the last `collect`. */
  #checks: number[] = [];
  #turns = 0;
  #outputs = 0;
  #outputsCrc = 0;

  /** Turns run since boot. */
  get turns(): number {
    return this.#turns;
  }

  emit(lsn: Lsn, output: Output): void {
    this.#held.push({ lsn, output });
    this.#outputs += 1;
    this.#outputsCrc = crc32(outputBytes(output), this.#outputsCrc);
  }

  /** A turn is over: what it left in the engine enters the digest. */
  turnEnded(engine: Engine, ticks: number): void {
    const { mallocState, randomState } = engine.layout;
    const { u32 } = engine;
    let digest = mixCount(this.#digest, ticks);
    digest = mixWord(digest, u32[randomState >> 2] as number);
    digest = mixWord(digest, u32[(randomState >> 2) + 1] as number);
    digest = mixWord(digest, u32[mallocState >> 2] as number);
    digest = mixWord(digest, u32[(mallocState >> 2) + 1] as number);
    this.#digest = mixWord(digest, this.#outputsCrc) >>> 0;
    this.#turns += 1;
    this.#checks.push(this.#digest & 0xffff);
  }

  /** Outputs and checks since the last call. */
  collect(): { readonly outputs: readonly HeldOutput[] } & Pick<EndRecord, 'checks'> {
    const outputs = this.#held;
    const checks = packChecks(this.#checks);
    this.#held = [];
    this.#checks = [];
    return { outputs, checks };
  }

  save(): TallyState {
    assert(this.#checks.length === 0, 'a machine is saved after its results were collected');
    const { digest, outputs, outputsCrc, turns } = this.figures();
    return { digest, outputs, outputsCrc, turns };
  }

  restore({ digest, outputs, outputsCrc, turns }: TallyState): void {
    this.#held = [];
    this.#checks = [];
    this.#digest = digest;
    this.#outputs = outputs;
    this.#outputsCrc = outputsCrc;
    this.#turns = turns;
  }

  figures(): TallyState {
    return {
      digest: this.#digest,
      outputs: this.#outputs,
      outputsCrc: this.#outputsCrc,
      turns: this.#turns,
    };
  }
}

/** As in an `end` record: nothing for a single turn, whose check is the digest itself. */
export function packChecks(checks: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(checks.length > 1 ? checks.length * 2 : 0);
  const view = new DataView(bytes.buffer);
  if (bytes.length > 0)
    for (const [turn, check] of checks.entries()) view.setUint16(turn * 2, check);
  return bytes;
}
