/**
 * What a protected guest costs while nothing happens: growth of its log, and CPU time of primary and
 * backup.
 *
 *   node dist/bench/idle.js [--seconds 20] [--settle 5] [--json]
 *
 * Two servers that nobody talks to: one that only listens, one with a timer of a second, as for the
 * sweeping of caches. Measured after --settle seconds, when compilation and collection are over.
 */

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type GuestProgram, startServerGuest } from './arms.ts';
import { cpuMicros } from './cpu-time.ts';
import { growth, type LogSize, logSize } from './log-growth.ts';
import { numberOption, type Provenance, provenanceOf } from './provenance.ts';

export interface IdleRow {
  /** For people. */
  readonly guest: string;
  readonly seconds: number;
  readonly logBytesPerSecond: number;
  readonly recordsPerSecond: number;
  /** Share of one core, in percent. */
  readonly primaryCpuPercent: number;
  readonly backupCpuPercent: number;
}

export interface IdleReport {
  readonly bench: 'idle';
  readonly rows: readonly IdleRow[];
  readonly provenance: Provenance;
}

const LISTEN = "require('net').createServer().listen(Number(process.argv[2]), '127.0.0.1');\n";
const GUESTS: readonly (Omit<GuestProgram, 'args'> & { readonly words: string })[] = [
  { name: 'listening', words: 'listening server', source: LISTEN },
  {
    name: 'ticking',
    words: 'listening server with a 1 s interval',
    source: `${LISTEN}let rounds = 0;\nsetInterval(() => { rounds += 1; }, 1000);\n`,
  },
];

/** Differences over the window, per second. */
export function idleRow(
  guest: string,
  window: {
    readonly seconds: number;
    readonly grown: LogSize;
    readonly primaryMicros: number;
    readonly backupMicros: number;
  },
): IdleRow {
  const { seconds, grown, primaryMicros, backupMicros } = window;
  return {
    guest,
    seconds,
    logBytesPerSecond: grown.bytes / seconds,
    recordsPerSecond: grown.records / seconds,
    primaryCpuPercent: primaryMicros / seconds / 10_000,
    backupCpuPercent: backupMicros / seconds / 10_000,
  };
}

async function measure(
  program: (typeof GUESTS)[number],
  times: { readonly settle: number; readonly seconds: number },
): Promise<IdleRow> {
  const { guest } = await startServerGuest('D', program);
  try {
    const { backupPid } = guest;
    if (backupPid === undefined) throw new Error('the protected arm has a backup');
    await sleep(times.settle);
    const before = logSize(guest.logDir);
    const [primary, backup, at] = [cpuMicros(guest.pid), cpuMicros(backupPid), performance.now()];
    await sleep(times.seconds);
    const window = {
      seconds: (performance.now() - at) / 1000,
      primaryMicros: cpuMicros(guest.pid) - primary,
      backupMicros: cpuMicros(backupPid) - backup,
    };
    const grown = growth(before, logSize(guest.logDir));
    if (guest.fault !== undefined) throw guest.fault;
    return idleRow(program.words, { ...window, grown });
  } finally {
    await guest.stop();
  }
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

export function kbitPerSecond(row: IdleRow): number {
  return (row.logBytesPerSecond * 8) / 1000;
}

function line(row: IdleRow): string {
  return [
    `${row.guest}: log ${row.logBytesPerSecond.toFixed(1)} bytes/s (${kbitPerSecond(row).toFixed(2)} kbit/s)`,
    `${row.recordsPerSecond.toFixed(2)} records/s`,
    `CPU of the primary ${row.primaryCpuPercent.toFixed(2)} %`,
    `of the backup ${row.backupCpuPercent.toFixed(2)} %`,
  ].join(', ');
}

async function main(file: string, argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seconds: { type: 'string', default: '20' },
      settle: { type: 'string', default: '5' },
      json: { type: 'boolean', default: false },
    },
  });
  const seconds = numberOption('seconds', values.seconds, 1);
  const settle = numberOption('settle', values.settle, 0);
  const rows: IdleRow[] = [];
  for (const program of GUESTS) rows.push(await measure(program, { settle, seconds }));
  const result: IdleReport = { bench: 'idle', rows, provenance: provenanceOf(file, argv) };
  if (values.json) console.log(JSON.stringify(result));
  else for (const row of rows) console.log(line(row));
}

const file = fileURLToPath(import.meta.url);
if (process.argv[1] === file) await main(file, process.argv.slice(2));
