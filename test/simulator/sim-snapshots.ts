/**
 * Snapshots beside a simulated log: a primary takes them where a group ends in a checkpoint and may trim its
 * log to them, a backup keeps its own where it has replayed to the same place, and a replica that has nothing
 * joins by one. The file is text, so that a transfer has a middle, and what does not arrive is not there.
 */

import type {
  Checkpointer,
  LogReading,
  SnapshotReceiver,
  SnapshotSource,
  SnapshotTransfer,
} from '../../hypervisor/ports.ts';
import type { SnapshotFile, View } from '../../hypervisor/protocol/messages.ts';
import type { MachineState } from '../../hypervisor/replica/handover.ts';
import { asLsn, type Epoch, type Lsn, type Micros } from '../../log-format/index.ts';
import type { SimMachine } from './sim-machine.ts';
import type { SimStore } from './sim-store.ts';
import type { SimProcess } from './world.ts';

export interface SimSnapshot {
  /** Of the group's end: the log goes on behind it. */
  readonly lsn: Lsn;
  /** Of the batch with that record. */
  readonly epoch: Epoch;
  /** Epoch of every record up to there, by lsn. For the checker: no code under test asks for it. */
  readonly epochs: readonly number[];
  readonly time: Micros;
  /** In force there. */
  readonly view: View;
  readonly outputsCrc: number;
  readonly state: MachineState;
  /** As its kind saves it. */
  readonly machine: string;
}

/** A transfer comes in so many pieces. */
const PIECES = 3;
/** Whoever joins waits so long for a new snapshot, and takes then what there is. */
const WANTED_MS = 15;

/** Undefined: this kind of machine cannot be saved. */
export function snapshotOf(
  machine: SimMachine,
  store: SimStore,
  at: { readonly lsn: Lsn; readonly time: Micros; readonly view: View },
): SimSnapshot | undefined {
  const saved = machine.save?.();
  const epochs = store.epochs.slice(0, at.lsn + 1);
  const epoch = epochs.at(-1) as Epoch | undefined;
  return saved === undefined || epoch === undefined
    ? undefined
    : { ...at, epoch, epochs, ...saved };
}

export interface CheckpointOptions {
  readonly process: SimProcess;
  readonly store: SimStore;
  readonly machine: SimMachine;
  /** A group in so many ends in a checkpoint. */
  readonly every: number;
  /** Outputs up to here have left. */
  readonly released: () => Lsn;
}

/** A primary's snapshots, as its shell and its joining backups see them. */
export class SimCheckpoints implements Checkpointer, SnapshotSource {
  readonly #options: CheckpointOptions;
  #wake: () => void = () => undefined;
  #wanted = false;

  constructor(options: CheckpointOptions) {
    this.#options = options;
  }

  ran(): boolean {
    const { process, every } = this.#options;
    const due = this.#wanted || process.world.random.chance(1 / every);
    this.#wanted = false;
    return due;
  }

  onWanted(wake: () => void): void {
    this.#wake = wake;
  }

  take(at: { readonly lsn: Lsn; readonly time: Micros; readonly view: View }): void {
    const { machine, store, process } = this.#options;
    const snapshot = snapshotOf(machine, store, at);
    if (snapshot === undefined) return;
    store.keep(snapshot, () => {
      if (process.world.random.chance(0.5)) this.#trim();
    });
  }

  open(lsnMax: () => Lsn, done: (transfer: SnapshotTransfer | undefined) => void): void {
    const { process, store } = this.#options;
    const { random } = process.world;
    const answer = (): void => {
      const snapshot = store.newest(lsnMax());
      done(snapshot && transferOf(process, snapshot, store.beginning));
    };
    this.#after(random.between(0.05, 1), () => {
      if (store.origin === undefined && random.chance(0.3)) done(undefined);
      else if (store.newest(lsnMax()) !== undefined && random.chance(0.6)) answer();
      else {
        this.#wanted = true;
        this.#wake();
        this.#after(random.between(1, WANTED_MS), answer);
      }
    });
  }

  /** Behind what has left alone: the rest may have to be made again. */
  #trim(): void {
    const { store, process, released } = this.#options;
    const snapshot = store.newest(released());
    if (snapshot === undefined || snapshot.lsn <= (store.origin?.lsn ?? 0)) return;
    process.world.coverage.count('snapshot.trimmed');
    store.trim(snapshot);
  }

  #after(ms: number, run: () => void): void {
    const { process } = this.#options;
    process.world.at(process.world.now + ms, process, run);
  }
}

function transferOf(
  process: SimProcess,
  snapshot: SimSnapshot,
  beginning: Uint8Array,
): SnapshotTransfer {
  const { world } = process;
  const bytes = new TextEncoder().encode(JSON.stringify(snapshot));
  const name = String(snapshot.lsn);
  const read = (
    onPiece: (name: string, offset: number, bytes: Uint8Array) => void,
    done: (error: Error | undefined) => void,
  ): LogReading => {
    const size = Math.ceil(bytes.length / PIECES);
    let [offset, paused, cancelled] = [0, false, false];
    const soon = (): void => {
      world.at(world.now + world.random.between(0.05, 0.5), process, next);
    };
    const next = (): void => {
      if (paused || cancelled) return;
      if (offset >= bytes.length) {
        done(undefined);
        return;
      }
      onPiece(name, offset, bytes.slice(offset, offset + size));
      offset += size;
      soon();
    };
    soon();
    return {
      pause: () => {
        paused = true;
      },
      resume: () => {
        if (paused) soon();
        paused = false;
      },
      cancel: () => {
        cancelled = true;
      },
    };
  };
  return { lsn: snapshot.lsn, files: [{ name, bytes: bytes.length }], beginning, read };
}

/** Takes a snapshot in; `done` in the call with its last byte. */
export function receiveSnapshot(
  files: readonly SnapshotFile[],
  done: (snapshot: SimSnapshot, isAbandoned: () => boolean) => void,
): SnapshotReceiver {
  const whole = new Uint8Array(files.reduce((sum, { bytes }) => sum + bytes, 0));
  let received = 0;
  let abandoned = false;
  return {
    beginning: () => undefined,
    piece: (_name, offset, bytes) => {
      if (offset !== received) throw new Error('a piece of a snapshot out of place');
      whole.set(bytes, offset);
      received += bytes.length;
      if (received < whole.length || abandoned) return;
      const snapshot = JSON.parse(new TextDecoder().decode(whole)) as SimSnapshot;
      done({ ...snapshot, lsn: asLsn(snapshot.lsn) }, () => abandoned);
    },
    abandon: () => {
      abandoned = true;
    },
  };
}
