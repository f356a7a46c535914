/**
 * Notices that the file a log is written to has been deleted or moved away. To whoever writes that makes no
 * difference: the bytes go to a file without a name, and are gone with the process. So somebody has to look.
 */

import { mkdirSync, statSync } from 'node:fs';
import { LOG_LOOK_MS } from '../base/disk-limits.ts';

export interface LogWatchOptions {
  readonly dir: string;
  /** The file that is written now. */
  readonly path: () => string;
  /** Called once, with that path. */
  readonly onLost: (path: string) => void;
}

export class LogWatch {
  readonly #options: LogWatchOptions;
  readonly #timer: NodeJS.Timeout;
  #lost = false;

  /** Looks now and then until stopped; that alone keeps no process alive. */
  constructor(options: LogWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.look(), LOG_LOOK_MS);
    this.#timer.unref();
  }

  look(): void {
    if (this.#lost || isThere(this.#options.path())) return;
    this.#lost = true;
    this.stop();
    this.#options.onLost(this.#options.path());
  }

  /** Call before a further file is begun: one that goes on without its beginning is still better than an end. */
  beforeNext(): void {
    this.look();
    if (this.#lost) mkdirSync(this.#options.dir, { recursive: true, mode: 0o700 });
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** In doubt it is: a path that cannot be looked at has an error of its own for who opens it. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // A file lies where the directory was.
    return (error as NodeJS.ErrnoException).code !== 'ENOTDIR';
  }
}
