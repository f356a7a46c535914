/**
 * Keeps a cold copy warm: now and then a machine is brought to a checkpoint of the primary, leaves a snapshot
 * there and is gone again, so that a promotion replays little. A delayed copy is followed with that delay: its
 * newest snapshot is then older than what it may have to go back to.
 */

import type { Micros } from '../../log-format/index.ts';
import { CHECKPOINT_RETRY_MS } from '../base/disk-limits.ts';
import type { HvError } from '../base/errors.ts';
import {
  CHECKPOINTS_MAX,
  WARM_PLACES_MAX,
  WARM_REST_MS_MIN,
  WARM_REST_SHARE,
} from '../base/limits.ts';
import type { View } from '../protocol/messages.ts';
import { thin } from './checkpoint-files.ts';
import type { LogPosition } from './log-cursor.ts';
import { RemoteMachine } from './remote-machine.ts';

export interface WarmCopyOptions {
  readonly dir: string;
  readonly hangLimitMs: number;
  readonly delay: Micros;
  readonly trouble: (event: string, fields: Readonly<Record<string, unknown>>) => void;
  /** Wall clock. */
  readonly now: () => Micros;
}

/** The copy is on disk up to a checkpoint of the primary. */
interface Place {
  readonly position: LogPosition;
  readonly view: View | undefined;
  /** When it came here. */
  readonly at: Micros;
}

/** The newest of `places` (oldest first) that is as old as `delay`, and those behind it. */
export function duePlace<P extends { readonly at: Micros }>(
  places: readonly P[],
  { now, delay }: { readonly now: Micros; readonly delay: Micros },
): { readonly due: P | undefined; readonly later: readonly P[] } {
  const index = places.findLastIndex(({ at }) => now - at >= delay);
  return { due: places[index], later: places.slice(index + 1) };
}

/** Half of `places`, so that a long delay needs no long list: the spacing of what is left doubles. */
export function everyOther<P>(places: readonly P[]): readonly P[] {
  return places.filter((_, index) => index % 2 === 1);
}

export class WarmCopy {
  readonly #options: WarmCopyOptions;
  #places: readonly Place[] = [];
  #machine: RemoteMachine | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The trouble that was told last and still is so. */
  #told: string | undefined;

  constructor(options: WarmCopyOptions) {
    this.#options = options;
  }

  placed(position: LogPosition, view: View | undefined): void {
    const places = [...this.#places, { position, view, at: this.#options.now() }];
    this.#places = places.length > WARM_PLACES_MAX ? everyOther(places) : places;
    if (this.#machine === undefined) this.#lookIn(WARM_REST_MS_MIN);
  }

  /** What was placed is no more, or the copy is about to be changed: nothing reads it from here on. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#machine?.dispose();
    this.#machine = undefined;
    this.#places = [];
  }

  #lookIn(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#look();
    }, ms).unref();
  }

  #look(): void {
    const { now, delay } = this.#options;
    const { due, later } = duePlace(this.#places, { now: now(), delay });
    if (due !== undefined) {
      this.#places = later;
      this.#keep(due);
    } else if (this.#places.length > 0) this.#lookIn(WARM_REST_MS_MIN);
  }

  #keep({ position, view }: Place): void {
    const { dir, hangLimitMs, trouble } = this.#options;
    const { header, lastLsn: lsn } = position;
    const since = performance.now();
    const failed = (error: Pick<HvError, 'message'>): void => {
      if (error.message !== this.#told)
        trouble('copy.not-warm', { dir, lsn, reason: error.message });
      this.#told = error.message;
      ended(CHECKPOINT_RETRY_MS);
    };
    const ended = (restMs = WARM_REST_MS_MIN): void => {
      machine.dispose();
      if (this.#machine !== machine) return;
      this.#machine = undefined;
      this.#lookIn(Math.max(restMs, (performance.now() - since) * WARM_REST_SHARE));
    };
    const machine = new RemoteMachine(
      { header, blobs: [] },
      {
        hangLimitMs,
        onFailure: failed,
        checkpoints: dir,
        restore: { dir, lsn, lsnReleased: lsn },
        onRestored: (restored) => {
          if (restored.checkpoint === lsn || restored.machine.halted !== undefined) ended();
          else
            machine.keep(position, view, (fault) => {
              if (fault !== undefined) {
                failed({ message: fault });
                return;
              }
              this.#told = undefined;
              ended();
              void thin(dir, header, { snapshotsMax: CHECKPOINTS_MAX, usable: lsn }).catch(failed);
            });
        },
      },
    );
    this.#machine = machine;
  }
}
