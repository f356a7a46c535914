/**
 * The outputs of two runs side by side: console and every connection as streams, and what differs
 * between them. A connection that is over on both sides and the same is counted and forgotten, so
 * that memory grows with what is open and what differs only.
 */

import { REFEED_DIFFERENCES_MAX } from '../base/limits.ts';
import type { Place } from './guest-state.ts';
import {
  type Closing,
  type Side,
  StreamComparer,
  type StreamDifference,
} from './stream-comparer.ts';

export interface StreamFinding {
  readonly type: 'stream';
  /** `stdout`, `stderr`, or a connection with its address. */
  readonly name: string;
  readonly connection: boolean;
  /** Set for a connection that one run only had. */
  readonly onlyIn: Side | undefined;
  readonly first: Place;
  readonly difference: StreamDifference | undefined;
}

export interface ComparisonTotals {
  /** Connections with no difference, with one, and of one run only. */
  readonly same: number;
  readonly different: number;
  readonly onlyRecorded: number;
  readonly onlyReplayed: number;
  /** Sent by the recorded run over connections and console. */
  readonly bytes: number;
}

interface Stream {
  readonly name: string;
  readonly connection: boolean;
  readonly comparer: StreamComparer;
  readonly opened: Partial<Record<Side, Place>>;
}

export class Comparison {
  readonly #pattern: RegExp | undefined;
  readonly #open = new Map<string, Stream>();
  readonly #findings: StreamFinding[] = [];
  #findingsDropped = 0;
  #same = 0;
  #different = 0;
  readonly #only = { recorded: 0, replayed: 0 };
  readonly #ended = new Set<Side>();
  #bytes = 0;

  constructor(pattern: RegExp | undefined) {
    this.#pattern = pattern;
    for (const name of ['stdout', 'stderr']) this.#add(name, name, { connection: false });
  }

  console(side: Side, fd: 1 | 2, bytes: Uint8Array, place: Place): void {
    this.#open.get(fd === 1 ? 'stdout' : 'stderr')?.comparer.write(side, bytes, place);
  }

  /** `key` is the same for the same connection of both runs. */
  open(side: Side, key: string, name: string, place: Place): void {
    const stream = this.#open.get(key) ?? this.#add(key, name, { connection: true });
    stream.opened[side] = place;
  }

  write(side: Side, key: string, bytes: Uint8Array, place: Place): void {
    this.#open.get(key)?.comparer.write(side, bytes, place);
  }

  close(side: Side, key: string, how: Closing, place: Place): void {
    this.#open.get(key)?.comparer.close(side, how, place);
  }

  /** The connection is gone on `side`, or never was there. */
  gone(side: Side, key: string): void {
    const stream = this.#open.get(key);
    if (stream === undefined) return;
    stream.comparer.finish(side);
    if (!stream.comparer.over) return;
    this.#open.delete(key);
    this.#judge(stream);
  }

  /** Nothing more comes from `side`: its guest has ended. */
  ended(side: Side): void {
    this.#ended.add(side);
    for (const key of [...this.#open.keys()]) this.gone(side, key);
  }

  /** Ends both sides. Findings in order of the first sign of each. */
  finish(): { findings: readonly StreamFinding[]; dropped: number; totals: ComparisonTotals } {
    this.ended('recorded');
    this.ended('replayed');
    const findings = this.#findings.sort(
      (a, b) => a.first.lsn - b.first.lsn || a.first.time - b.first.time,
    );
    const totals = {
      same: this.#same,
      different: this.#different,
      onlyRecorded: this.#only.recorded,
      onlyReplayed: this.#only.replayed,
      bytes: this.#bytes,
    };
    return { findings, dropped: this.#findingsDropped, totals };
  }

  #add(key: string, name: string, { connection }: { readonly connection: boolean }): Stream {
    const comparer = new StreamComparer(this.#pattern);
    const stream: Stream = { name, connection, comparer, opened: {} };
    for (const side of this.#ended) comparer.finish(side);
    this.#open.set(key, stream);
    return stream;
  }

  #judge({ name, connection, comparer, opened }: Stream): void {
    this.#bytes += comparer.sent('recorded');
    const onlyIn = connection ? onlySide(opened) : undefined;
    const difference = comparer.result();
    const first = onlyIn === undefined ? difference?.first : opened[onlyIn];
    if (first === undefined) {
      if (connection) this.#same += 1;
      return;
    }
    if (onlyIn !== undefined) this.#only[onlyIn] += 1;
    else if (connection) this.#different += 1;
    if (this.#findings.length < REFEED_DIFFERENCES_MAX)
      this.#findings.push({ type: 'stream', name, connection, onlyIn, first, difference });
    else this.#findingsDropped += 1;
  }
}

function onlySide(opened: Partial<Record<Side, Place>>): Side | undefined {
  if (opened.replayed === undefined) return 'recorded';
  return opened.recorded === undefined ? 'replayed' : undefined;
}
