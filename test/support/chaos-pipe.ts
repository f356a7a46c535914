/**
 * One direction of a bad network, without a socket and without a clock: bytes go in at a time and come
 * out at a later one, in order, late, slowly, changed, not yet or not at all. The proxy in
 * chaos-proxy.ts moves them; tests move the time.
 */

import { Chance } from '../../hypervisor/cli/demo/chance.ts';

/**
 * `pass`: delivered. `hold`: kept until the network is healed, as the kernel's retransmissions do it
 * behind a cut cable. `swallow`: taken and lost for ever, as by a middlebox that forgot the connection.
 */
export type Way = 'pass' | 'hold' | 'swallow';

export interface Impairment {
  readonly way: Way;
  /** Each piece leaves this much later. */
  readonly delayMs: number;
  /** And up to this much later still, by chance; never out of order, as TCP has none. */
  readonly jitterMs: number;
  /** Infinity: as fast as it comes. */
  readonly bytesPerSecond: number;
  /** Past this the sender is not read any more: its own buffers fill, as behind a slow reader. */
  readonly queueBytesMax: number;
  /** One byte in so many, on average, has a bit flipped; Infinity: none. */
  readonly corruptOneIn: number;
}

export const CLEAN: Impairment = {
  way: 'pass',
  delayMs: 0,
  jitterMs: 0,
  bytesPerSecond: Infinity,
  queueBytesMax: 1024 * 1024,
  corruptOneIn: Infinity,
};

interface Piece {
  readonly bytes: Buffer;
  readonly dueAt: number;
}

export class ChaosPipe {
  readonly #chance: Chance;
  #impairment: Impairment = CLEAN;
  #pieces: Piece[] = [];
  #queuedBytes = 0;
  /** When the line is free for the next piece. */
  #freeAt = 0;
  #untilCorrupt = Infinity;
  #corruptNext = false;
  #swallowedBytes = 0;

  constructor(seed: number) {
    this.#chance = new Chance(seed);
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** The sender is not to be read for now. */
  get full(): boolean {
    return this.#queuedBytes >= this.#impairment.queueBytesMax;
  }

  /** Bytes that are lost for ever: what follows them makes no sense to the receiver. */
  get swallowedBytes(): number {
    return this.#swallowedBytes;
  }

  get way(): Way {
    return this.#impairment.way;
  }

  /** What is queued already keeps its times, except that nothing leaves while the way is not `pass`. */
  impair(impairment: Impairment): void {
    if (impairment.corruptOneIn !== this.#impairment.corruptOneIn)
      this.#untilCorrupt = this.#drawCorruption(impairment.corruptOneIn);
    this.#impairment = impairment;
  }

  /** One bit of the next piece that comes is flipped. */
  corruptNext(): void {
    this.#corruptNext = true;
  }

  /** Takes ownership of `bytes`. */
  push(bytes: Buffer, now: number): void {
    if (bytes.length === 0) return;
    const { way, delayMs, jitterMs, bytesPerSecond } = this.#impairment;
    if (way === 'swallow') {
      this.#swallowedBytes += bytes.length;
      return;
    }
    this.#corrupt(bytes);
    const start = Math.max(now, this.#freeAt);
    this.#freeAt = start + (1000 * bytes.length) / bytesPerSecond;
    const last = this.#pieces.at(-1)?.dueAt ?? 0;
    const dueAt = Math.max(last, this.#freeAt + delayMs + jitterMs * this.#chance.next());
    this.#pieces.push({ bytes, dueAt });
    this.#queuedBytes += bytes.length;
  }

  /** What has to be delivered by now, in order. */
  due(now: number): Buffer[] {
    if (this.#impairment.way !== 'pass') return [];
    const count = this.#pieces.findIndex((piece) => piece.dueAt > now);
    const out = this.#pieces.splice(0, count < 0 ? this.#pieces.length : count);
    for (const { bytes } of out) this.#queuedBytes -= bytes.length;
    return out.map(({ bytes }) => bytes);
  }

  /** When `due` has something next; undefined while it has nothing or lets nothing through. */
  nextAt(): number | undefined {
    return this.#impairment.way === 'pass' ? this.#pieces[0]?.dueAt : undefined;
  }

  #corrupt(bytes: Buffer): void {
    if (this.#corruptNext) {
      this.#corruptNext = false;
      this.#flip(bytes, this.#chance.below(bytes.length));
    }
    let at = this.#untilCorrupt;
    while (at < bytes.length) {
      this.#flip(bytes, at);
      at += 1 + this.#drawCorruption(this.#impairment.corruptOneIn);
    }
    this.#untilCorrupt = at - bytes.length;
  }

  #flip(bytes: Buffer, at: number): void {
    bytes[at] = (bytes[at] ?? 0) ^ (1 << this.#chance.below(8));
  }

  #drawCorruption(oneIn: number): number {
    return oneIn === Infinity ? Infinity : Math.floor(2 * oneIn * this.#chance.next());
  }
}
