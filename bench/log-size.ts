/**
 * What a small request costs the log beyond its own bytes, at several numbers of connections: those
 * that arrive together share a batch, its framing and its `end`.
 *
 *   node dist/bench/log-size.js [--connections 1,16,50] [--seconds 2] [--arm D|C] [--json]
 *
 * Arm D is the log as a backup gets it, C the same without one. Requests are those of resp-load.ts:
 * SET and GET in turn. Opening and closing the connections is included; it is once per connection.
 */

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type ArmName, startServerGuest } from './arms.ts';
import { growth, type LogSize, logSize } from './log-growth.ts';
import { numberOption, type Provenance, provenanceOf } from './provenance.ts';
import { runLoad } from './resp-load.ts';

export interface LogSizeRow {
  readonly connections: number;
  readonly requests: number;
  readonly logBytes: number;
  readonly payloadBytes: number;
  readonly records: number;
  readonly batches: number;
  /** Log bytes per request that are not the request's own. */
  readonly beyondPerRequest: number;
}

export interface LogSizeReport {
  readonly bench: 'log-size';
  readonly arm: 'C' | 'D';
  readonly rows: readonly LogSizeRow[];
  readonly provenance: Provenance;
}

/** Longer than an `end` record waits for a batch to travel with, and than the writer needs. */
const SETTLE_MS = 300;
const VALUE_BYTES = 64;

/** The row of one load. `requests` must be above 0. */
export function logSizeRow(
  load: { readonly connections: number; readonly requests: number },
  grown: LogSize,
): LogSizeRow {
  const { bytes: logBytes, payloadBytes, records, batches } = grown;
  const beyondPerRequest = (logBytes - payloadBytes) / load.requests;
  return { ...load, logBytes, payloadBytes, records, batches, beyondPerRequest };
}

async function measure(arm: ArmName, connections: number, seconds: number): Promise<LogSizeRow> {
  const { guest, port } = await startServerGuest(arm, { name: 'kv' });
  try {
    const load = { port, connections, pipeline: 1, valueBytes: VALUE_BYTES };
    // Cold, the guest is slower and more requests meet in a batch.
    await runLoad({ ...load, seconds: seconds / 2 });
    await settled();
    const before = logSize(guest.logDir);
    const { requests } = await runLoad({ ...load, seconds });
    await settled();
    if (guest.fault !== undefined) throw guest.fault;
    return logSizeRow({ connections, requests }, growth(before, logSize(guest.logDir)));
  } finally {
    await guest.stop();
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

function line(row: LogSizeRow): string {
  const { connections, requests, logBytes, batches, beyondPerRequest } = row;
  return [
    `${String(connections).padStart(4)} connections: ${requests} requests`,
    `${(logBytes / requests).toFixed(1)} log bytes each`,
    `${beyondPerRequest.toFixed(1)} beyond its own`,
    `${(requests / batches).toFixed(1)} requests per batch`,
  ].join(', ');
}

async function main(file: string, argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      connections: { type: 'string', default: '1,16,50' },
      seconds: { type: 'string', default: '2' },
      arm: { type: 'string', default: 'D' },
      json: { type: 'boolean', default: false },
    },
  });
  const { arm } = values;
  if (arm !== 'C' && arm !== 'D') throw new RangeError('only arms C and D keep a log');
  const seconds = numberOption('seconds', values.seconds, 0.1);
  const rows: LogSizeRow[] = [];
  for (const text of values.connections.split(',')) {
    rows.push(await measure(arm, numberOption('connections', text, 1), seconds));
  }
  const provenance = provenanceOf(file, argv);
  const result: LogSizeReport = { bench: 'log-size', arm, rows, provenance };
  if (values.json) console.log(JSON.stringify(result));
  else for (const row of rows) console.log(line(row));
}

const file = fileURLToPath(import.meta.url);
if (process.argv[1] === file) await main(file, process.argv.slice(2));
