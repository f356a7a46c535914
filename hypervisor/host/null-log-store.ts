/**
 * The log of a guest that keeps none: `hv run --no-record`, which does not even encode it, and
 * `--record-nowhere`, which encodes every batch and drops it. The difference of the two is what
 * encoding costs (bench/overhead.ts); nothing else is different between them.
 */

import { asLsn, type Lsn } from '../../log-format/index.ts';
import type { LogReading, LogStore, SuffixEnd } from '../ports.ts';

export class NullLogStore implements LogStore {
  readonly discards: boolean;

  /** `encodes`: batches are to come with their bytes all the same. */
  constructor(options: { readonly encodes: boolean }) {
    this.discards = !options.encodes;
  }

  append(): void {
    // Nothing keeps it: after a kill nothing of this run is left, as under plain Node.
  }

  write(done: () => void): void {
    done();
  }

  sync(done: () => void): void {
    done();
  }

  readAll(
    _onFrames: (bytes: Uint8Array) => void,
    done: (lastLsn: Lsn, error?: Error) => void,
  ): void {
    done(asLsn(0), notRecorded());
  }

  readFrom(
    _lsn: Lsn,
    _onFrames: (bytes: Uint8Array) => void,
    done: (end: SuffixEnd) => void,
  ): LogReading {
    done({ type: 'failed', error: notRecorded() });
    return { pause: () => undefined, resume: () => undefined, cancel: () => undefined };
  }

  seal(done: () => void): void {
    done();
  }

  close(done: () => void): void {
    done();
  }
}

function notRecorded(): Error {
  return new Error('this guest is not recorded, so no backup can join it');
}
