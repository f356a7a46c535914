/** Finds out when a backup that is in the view has replayed what it has: a takeover takes no time then. */

import type { Epoch } from '../../log-format/index.ts';
import { IN_STEP_POLL_MS, LAG_RECORDS_FREE } from '../base/limits.ts';
import type { Note } from '../protocol/notes.ts';
import type { BackupReplica } from '../replica/backup.ts';

export interface StepWatchOptions {
  /** The one at work. */
  readonly replica: () => Pick<BackupReplica, 'core' | 'lsnReplayed' | 'opening'>;
  /** It runs nothing: to have the log is all there is to be. */
  readonly cold: boolean;
  /** It is primary by now. */
  readonly over: () => boolean;
  /** Once for each primary that is followed. */
  readonly inStep: (epoch: Epoch) => void;
}

export class StepWatch {
  readonly #options: StepWatchOptions;
  #inStep = false;

  constructor(options: StepWatchOptions) {
    this.#options = options;
  }

  noted({ type }: Note): void {
    if (type === 'synced') this.#look();
    if (type === 'following') this.#inStep = false;
  }

  #look(): void {
    const { over, cold, inStep } = this.#options;
    if (this.#inStep || over()) return;
    const replica = this.#options.replica();
    // A machine that has run nothing yet is not even loaded.
    const runs = cold || (replica.lsnReplayed > 0 && !replica.opening);
    if (runs && replica.core.lsnReceived - replica.lsnReplayed <= LAG_RECORDS_FREE) {
      this.#inStep = true;
      inStep(replica.core.epoch);
    } else setTimeout(() => this.#look(), IN_STEP_POLL_MS).unref();
  }
}
