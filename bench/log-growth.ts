/** How much a log has grown between two moments: read from its files while its writer goes on. */

import { openLog } from '../hypervisor/host/log-reader.ts';

/** A log up to some moment, without header and blobs, which do not grow. */
export interface LogSize {
  /** Of whole batches, framing included. */
  readonly bytes: number;
  readonly records: number;
  readonly batches: number;
  /** Of `bytes`, what the records carry of the outside world. */
  readonly payloadBytes: number;
}

/** Reads and checks all of the log in `dir`; a batch that is only half written does not count. */
export function logSize(dir: string): LogSize {
  const log = openLog(dir);
  let [bytes, records, batches, payloadBytes] = [0, 0, 0, 0];
  for (const { batch, frameBytes } of log.batches()) {
    bytes += frameBytes;
    records += batch.records.length;
    batches += 1;
    for (const record of batch.records) {
      if (record.type === 'interrupt') payloadBytes += record.payload?.length ?? 0;
    }
  }
  return { bytes, records, batches, payloadBytes };
}

export function growth(before: LogSize, after: LogSize): LogSize {
  return {
    bytes: after.bytes - before.bytes,
    records: after.records - before.records,
    batches: after.batches - before.batches,
    payloadBytes: after.payloadBytes - before.payloadBytes,
  };
}
