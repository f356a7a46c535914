/** Bugs planted in a log, as the shell of a primary sees it. */

import type { HostBugs } from './cluster.ts';
import type { SimStore } from './sim-store.ts';

/** As a backup's shell sees its copy. */
export function plantInCopy(store: SimStore, { syncLies }: HostBugs): SimStore {
  if (syncLies === true) store.sync = (done) => done();
  return store;
}

export function plantInStore(store: SimStore, { logLies, streamSkips }: HostBugs): SimStore {
  if (logLies === true) store.write = (done) => done();
  if (streamSkips !== true) return store;
  const readFrom = store.readFrom.bind(store);
  store.readFrom = (lsn, onFrames, done) => {
    let held: Uint8Array = new Uint8Array(0);
    const hold = (bytes: Uint8Array): void => {
      if (held.length > 0) onFrames(held);
      held = bytes;
    };
    return readFrom(lsn, hold, (end) => {
      const lastLsn = end.type === 'caughtUp' ? end.lastLsn : 0;
      const last = store.batches.find((batch) => batch.lastLsn === lastLsn);
      onFrames(held.subarray(0, held.length - (last?.bytes.length ?? 0)));
      done(end);
    });
  };
  return store;
}
