/** The log of a guest that is not recorded (`hv run --no-record`): kept nowhere, never read back. */

import { asLsn, type Lsn } from '../../log-format/index.ts';
import type { LogStore } from '../ports.ts';

export class NullLogStore implements LogStore {
  append(): void {
    // Nothing keeps it: the guest runs as under plain Node.
  }

  sync(done: () => void): void {
    done();
  }

  readAll(
    _onFrames: (bytes: Uint8Array) => void,
    done: (lastLsn: Lsn, error?: Error) => void,
  ): void {
    done(asLsn(0), new Error('this guest is not recorded, so no backup can join it'));
  }

  seal(done: () => void): void {
    done();
  }

  close(done: () => void): void {
    done();
  }
}
