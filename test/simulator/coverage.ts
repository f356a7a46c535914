/** What went wrong how often: a fault that never strikes proves nothing. */

/** Every kind of fault a history knows. Each is counted when it has an effect, not when it is drawn. */
export const FAULT_KINDS = [
  /** A link is reset; what was under way is lost. */
  'net.loss',
  /** A message comes long after its time, and all behind it. */
  'net.delay',
  /** A heartbeat is lost, comes twice, or is overtaken. */
  'net.beatLost',
  'net.beatTwice',
  'net.beatLate',
  /** A message is held back by a cut one way, both ways, or around a whole host. */
  'net.oneWay',
  'net.partition',
  'net.isolated',
  /** One end is gone and the other does not know. */
  'net.halfOpen',
  /** A message of an earlier epoch arrives. */
  'net.stale',
  'disk.slow',
  'disk.failedSync',
  'disk.failedWrite',
  'disk.full',
  /** A crash leaves a torn batch at the end of a log. */
  'disk.torn',
  /** A crash leaves less than was appended. */
  'disk.lostTail',
  /** The wall clock of a host jumps. */
  'clock.jumpBack',
  'clock.jumpAhead',
  'clock.slowTimer',
  /** Monotonic clocks that gain or lose against each other. */
  'clock.drift',
  'process.kill',
  'process.hostLost',
  'process.pause',
  /** Goes on from its own log. */
  'process.resume',
  /** A backup process starts again, empty, under its old name. */
  'process.restart',
  'memory.flip',
  'arbiter.slow',
  'arbiter.lostAnswer',
  'arbiter.lostQuestion',
  'arbiter.down',
  'arbiter.unclear',
  'arbiter.twice',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export class Coverage {
  readonly #counts = new Map<FaultKind, number>();

  count(kind: FaultKind, times = 1): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + times);
  }

  /** As plain data: it crosses threads. */
  counts(): readonly (readonly [FaultKind, number])[] {
    return [...this.#counts];
  }

  of(kind: FaultKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  /** Takes the counts of another history in. */
  add(other: Coverage): void {
    for (const [kind, count] of other.#counts) this.#counts.set(kind, this.of(kind) + count);
  }

  /** Kinds that have not happened. */
  missing(): readonly FaultKind[] {
    return FAULT_KINDS.filter((kind) => this.of(kind) === 0);
  }

  /** For people: every kind with its count. */
  lines(): readonly string[] {
    return FAULT_KINDS.map((kind) => `${kind.padEnd(22)} ${this.of(kind)}`);
  }
}
