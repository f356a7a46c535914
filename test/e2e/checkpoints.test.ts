import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLog } from '../../hypervisor/host/log-reader.ts';
import { FileLogStore } from '../../hypervisor/host/log-store.ts';
import { trimLog } from '../../hypervisor/host/log-trim.ts';
import {
  asLsn,
  blobNames,
  encodeBatch,
  INTERRUPT,
  type LogRecord,
  sha256Hex,
} from '../../log-format/index.ts';
import { type HvProcess, Stage } from '../support/hv-process.ts';
import { LONG, longTest } from '../support/long.ts';
import { rechain } from '../support/rechain.ts';

const MIB = 1024 * 1024;

/** Answers each line with its number; `busy` keeps it from hearing the others for a while. */
const ECHO = String.raw`
  const net = require('node:net');
  let lines = 0;
  const last = new Map();
  const server = net.createServer((socket) => {
    let rest = '';
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      const parts = (rest + bytes).split('\n');
      rest = parts.pop();
      for (const text of parts) {
        lines += 1;
        last.set(lines % 100, text);
        if (text === 'busy') { const end = Date.now() + 300; while (Date.now() < end); }
        socket.write(lines + ' ' + text.slice(0, 20) + '\n');
      }
    });
  });
  server.listen(0, '127.0.0.1', () => { console.log('port ' + server.address().port); });
`;

class Client {
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  private constructor(socket: Socket) {
    socket.setNoDelay(true);
    this.#socket = socket;
    this.#lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  }

  static async open(port: number): Promise<Client> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Client(socket);
  }

  send(text: string): void {
    this.#socket.write(`${text}\n`);
  }

  async answer(): Promise<string> {
    const next = await this.#lines.next();
    return String(next.value);
  }

  ask(text: string): Promise<string> {
    this.send(text);
    return this.answer();
  }

  close(): void {
    this.#socket.destroy();
  }
}

let stage: Stage;
beforeAll(async () => {
  stage = new Stage();
  writeFileSync(join(stage.dir, 'echo.js'), ECHO);
  await recordSmall();
  await recordLarge();
}, 120_000);
afterAll(() => stage.close());

const logDir = (name: string): string => join(stage.dir, '.hv', name);

async function started(
  name: string,
  ...options: readonly string[]
): Promise<{ guest: HvProcess; port: number }> {
  const guest = stage.hv(['run', '--name', name, '--events-fd', '3', ...options, 'echo.js']);
  const [, port] = await guest.output(/^port (\d+)$/m);
  return { guest, port: Number(port) };
}

async function ended(guest: HvProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  guest.kill(signal);
  await guest.exited;
}

interface Replayed {
  readonly verdict: string;
  readonly memoryHash: string;
  readonly from: number;
  readonly records: number;
}

async function replayed(name: string, ...options: readonly string[]): Promise<Replayed> {
  const { code, stdout, stderr } = await stage.hv(['replay', '--json', ...options, `.hv/${name}`])
    .exited;
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Replayed;
}

function snapshots(name: string): readonly number[] {
  return readdirSync(logDir(name)).flatMap((file) => {
    const match = /^(\d{12})\.hvsnap$/.exec(file);
    return match === null ? [] : [Number(match[1])];
  });
}

/** Of the files that are there; what --keep removes between the listing and the look counts nothing. */
function bytesOf(name: string, ending: string): number {
  const files = readdirSync(logDir(name)).filter((file) => file.endsWith(ending));
  const sizeOf = (file: string): number =>
    statSync(join(logDir(name), file), { throwIfNoEntry: false })?.size ?? 0;
  return files.reduce((sum, file) => sum + sizeOf(file), 0);
}

/** 'small': outputs recorded, a checkpoint every 50 records, and one group of many turns; killed. */
async function recordSmall(): Promise<void> {
  const { guest, port } = await started('small', '--record-outputs', '--checkpoint', '50');
  const clients = await Promise.all(Array.from({ length: 8 }, () => Client.open(port)));
  const [first, ...others] = clients;
  for (let n = 0; n < 120; n++) await first?.ask(`request ${n}`);
  await Promise.all(others.map((client, n) => client.ask(`hello ${n}`)));
  first?.send('busy');
  // Past the guest's clock: these arrive while it does not listen, and run as one group.
  await new Promise<void>((resolve) => {
    const wait = (left: number): void => {
      if (left === 0) resolve();
      else setImmediate(() => wait(left - 1));
    };
    wait(1000);
  });
  for (const [n, client] of others.entries()) client.send(`together ${n}`);
  await first?.answer();
  await Promise.all(others.map((client) => client.answer()));
  for (let n = 0; n < 120; n++) await first?.ask(`after ${n}`);
  for (const client of clients) client.close();
  await ended(guest, 'SIGKILL');
}

/** 'large': several segments with nothing forgotten yet. */
async function recordLarge(): Promise<void> {
  const { guest, port } = await started('large', '--checkpoint', '200', '--keep', '8MiB');
  const client = await Client.open(port);
  for (let n = 0; n < 1800; n++) await client.ask(`${n} ${'x'.repeat(4000)}`);
  client.close();
  await ended(guest);
}

function recordsOf(name: string): readonly { readonly lsn: number; readonly record: LogRecord }[] {
  return [...openLog(logDir(name)).batches()].flatMap(({ batch }) =>
    batch.records.map((record, index) => ({ lsn: batch.firstLsn + index, record })),
  );
}

/** Writes 'small' again, every frame and seal valid, with other records. */
async function forge(
  name: string,
  change: (record: LogRecord, lsn: number) => LogRecord,
): Promise<string> {
  const log = openLog(logDir('small'));
  const blobs = blobNames().map((blob) => ({
    name: blob,
    hash: sha256Hex(log.blobs[blob]),
    bytes: log.blobs[blob],
  }));
  const onError = (error: Error): never => {
    throw error;
  };
  const store = FileLogStore.create(logDir(name), log.header, blobs, { onError });
  for (const { batch } of log.batches()) {
    const records = batch.records.map((record, index) => change(record, batch.firstLsn + index));
    store.append(encodeBatch({ ...batch, records }, log.header.startedAt));
  }
  await new Promise<void>((resolve) => store.seal(resolve));
  return `.hv/${name}`;
}

function flipped(bytes: Uint8Array, at = 0): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ 0x20;
  return copy;
}

async function diverged(path: string): Promise<string> {
  const { code, stderr } = await stage.hv(['replay', '-q', path]).exited;
  expect(code, stderr).toBe(120);
  expect(stderr).toContain('HV_E_DIVERGED');
  return stderr;
}

describe('--checkpoint', () => {
  test('200 leaves a snapshot at least every so often, each behind a checkpoint record', async () => {
    const found = snapshots('large');
    expect(found.length).toBeGreaterThan(5);
    const marks = recordsOf('large').flatMap(({ lsn, record }) =>
      record.type === 'checkpoint' ? [lsn] : [],
    );
    for (const lsn of found) expect(marks).toContain(lsn - 1);
    const gaps = found.slice(1).map((lsn, index) => lsn - (found[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(200);
  });

  test('off leaves none, and no checkpoint records', async () => {
    const { guest, port } = await started('off', '--checkpoint', 'off');
    const client = await Client.open(port);
    for (let n = 0; n < 50; n++) await client.ask(`${n}`);
    client.close();
    await ended(guest);
    expect(snapshots('off')).toEqual([]);
    expect(recordsOf('off').filter(({ record }) => record.type === 'checkpoint')).toEqual([]);
  });

  test.each([
    [['--checkpoint', '0'], '--checkpoint'],
    [['--checkpoint', '1us'], '--checkpoint'],
    [['--checkpoint', 'often'], '--checkpoint'],
    [['--checkpoint', '1.5'], '--checkpoint'],
    [['--keep', '0'], '--keep'],
    [['--keep', '-5'], '--keep'],
    [['--keep', '10XiB'], '--keep'],
    [['--ack', 'never'], '--ack'],
    [['--keep', '1000', '--checkpoint', 'off'], '--keep needs checkpoints'],
  ])('%j is refused before the guest starts', async (options, reason) => {
    const one = stage.hv(['run', '--name', 'refused', ...options, 'echo.js']);
    const { code, stderr, stdout } = await one.exited;
    expect(code, stderr).toBe(2);
    expect(stderr).toContain(reason);
    expect(stdout).toBe('');
  });
});

describe('a log with snapshots', () => {
  test('replays from each of them to the very memory of the replay from the start', async () => {
    const whole = await replayed('large');
    expect(whole.from).toBe(0);
    const found = snapshots('large');
    for (const lsn of LONG ? [found[0], found[3], found.at(-1)] : [found[3]]) {
      const part = await replayed('large', '--from', String((lsn ?? 0) + 50));
      expect(part.from).toBe(lsn);
      expect(part.memoryHash).toBe(whole.memoryHash);
      expect(part.records).toBe(whole.records - (lsn ?? 0));
    }
    expect((await replayed('large', '--from', '0')).from).toBe(0);
  });

  longTest(
    'that is trimmed verifies from its first checkpoint, with the same end and the same states',
    async () => {
      cpSync(logDir('large'), logDir('trimmed'), { recursive: true });
      const { header } = openLog(logDir('trimmed'));
      const lastLsn = recordsOf('large').at(-1)?.lsn ?? 0;
      const { first, segments } = await trimLog(logDir('trimmed'), header, asLsn(lastLsn));
      expect(segments.length).toBeGreaterThan(0);
      const whole = await replayed('large');
      const trimmed = await replayed('trimmed');
      expect(trimmed.memoryHash).toBe(whole.memoryHash);
      expect(trimmed.from).toBe(first);
      const middle = Math.floor(((first ?? 0) + lastLsn) / 2);
      for (const lsn of LONG ? [(first ?? 0) + 1, middle, lastLsn - 10] : [middle]) {
        const states = await Promise.all(['large', 'trimmed'].map((name) => stateAt(name, lsn)));
        expect(states[0]).toEqual(states[1]);
        expect(states[0]).toContain('lines');
      }
      const early = await stage.hv(['inspect', '.hv/trimmed', '--at', '3', '--eval', 'lines'])
        .exited;
      expect(early.code).toBe(2);
      expect(early.stderr).toContain(`this log goes from ${first}`);
      for (const lsn of ['1', '99999999']) {
        const outside = await stage.hv(['replay', '--from', lsn, '.hv/trimmed']).exited;
        expect(outside.code).toBe(2);
        expect(outside.stderr).toContain(`lsn ${lsn} is out of range`);
      }
      await exported('trimmed');
    },
  );

  longTest('is read around one that is bad, with a word about it', async () => {
    cpSync(logDir('small'), logDir('spoilt'), { recursive: true });
    const newest = snapshots('spoilt').at(-1) ?? 0;
    const path = join(logDir('spoilt'), `${String(newest).padStart(12, '0')}.hvsnap`);
    writeFileSync(path, flipped(readFileSync(path), 300));
    const whole = await replayed('small');
    const part = await replayed('spoilt', '--from', String(newest));
    expect(part.from).toBeLessThan(newest);
    expect(part.memoryHash).toBe(whole.memoryHash);
  });
});

async function exported(name: string): Promise<void> {
  for (const format of ['jsonl', 'pcapng', 'perfetto']) {
    const args = ['log', 'export', `.hv/${name}`, '--format', format, '-o', `${name}.${format}`];
    const { code, stderr } = await stage.hv(args).exited;
    expect(code, stderr).toBe(0);
  }
}

async function stateAt(name: string, lsn: number): Promise<string> {
  const asked = await stage.hv([
    'inspect',
    `.hv/${name}`,
    '--at',
    String(lsn),
    '--eval',
    '({ lines, size: last.size, sum: [...last.values()].join().length })',
  ]).exited;
  expect(asked.code, asked.stderr).toBe(0);
  return asked.stdout;
}

describe('--keep', () => {
  test('1000 bounds the directory however long the run is, and what is left replays', async () => {
    const { guest, port } = await started('kept', '--checkpoint', '200', '--keep', '1000');
    const client = await Client.open(port);
    let logMax = 0;
    let snapshotsMax = 0;
    let countMax = 0;
    const rounds = LONG ? 9000 : 5000;
    for (let n = 0; n < rounds; n++) {
      await client.ask(`${n} ${'x'.repeat(2000)}`);
      if (n % 50 !== 0) continue;
      logMax = Math.max(logMax, bytesOf('kept', '.hvlog'));
      snapshotsMax = Math.max(snapshotsMax, bytesOf('kept', '.hvsnap'));
      countMax = Math.max(countMax, snapshots('kept').length);
    }
    client.close();
    await ended(guest);
    const log = openLog(logDir('kept'));
    const end = recordsOf('kept').at(-1)?.lsn ?? 0;
    expect(log.firstLsn).toBeGreaterThan(LONG ? 10_000 : 1500);
    // At least what was asked for.
    const { from, verdict } = await replayed('kept');
    expect(verdict).toBe('verified');
    expect(end - from).toBeGreaterThanOrEqual(1000);
    // 12 MiB and more went through, at 1 KiB a record. What is forgotten lies before a complete checkpoint, every
    // eighth, and is looked for when one is written: left are at most two such stretches (8 x 200
    // records, and what arrives while a snapshot is written), the records asked for, and a segment.
    expect(logMax).toBeLessThan(12 * MIB);
    expect(countMax).toBeLessThan(40);
    expect(snapshotsMax).toBeLessThan(24 * MIB);
  }, 120_000);
});

describe('a checkpoint record', () => {
  test('whose memory hash is another diverges at its lsn, though every output agrees', async () => {
    const at = recordsOf('small').find(({ record }) => record.type === 'checkpoint')?.lsn ?? 0;
    const path = await forge('other-memory', (record, lsn) =>
      record.type === 'checkpoint' && lsn === at
        ? { ...record, memory: flipped(record.memory, 5) }
        : record,
    );
    const report = await diverged(path);
    expect(report).toContain(`DIVERGED at lsn ${at} `);
    expect(report).toMatch(/memory +recorded [0-9a-f]{32} +replayed [0-9a-f]{32}/);
    expect(report).not.toMatch(/digest +recorded/);
  });

  test.each(['turns', 'heapBytes', 'heapBlocks', 'pages'] as const)(
    'whose meter %s is another diverges and names it',
    async (meter) => {
      const path = await forge(`other-${meter}`, (record) =>
        record.type === 'checkpoint' ? { ...record, [meter]: record[meter] + 1 } : record,
      );
      expect(await diverged(path)).toMatch(new RegExp(`${meter} +recorded \\d+ +replayed \\d+`));
    },
  );

  longTest('is compared by a backup, too, which reports that it differs', async () => {
    // In place and of one length, so that the first snapshot, which is taken there, still fits.
    cpSync(logDir('small'), logDir('patched'), { recursive: true });
    const log = openLog(logDir('patched'));
    for (const { batch, file, offset, frameBytes } of log.batches()) {
      const at = batch.records.findIndex(({ type }) => type === 'checkpoint');
      if (at < 0) continue;
      const records = batch.records.map((record, index) =>
        index === at && record.type === 'checkpoint'
          ? { ...record, memory: flipped(record.memory) }
          : record,
      );
      const { bytes } = encodeBatch({ ...batch, records }, log.header.startedAt);
      expect(bytes.length).toBe(frameBytes);
      const content = readFileSync(file);
      content.set(bytes, offset);
      writeFileSync(file, content);
      rechain(logDir('patched'), asLsn(batch.firstLsn + batch.records.length - 1));
      break;
    }
    const { process: backup, address } = await stage.backup('--dir', 'backups');
    const primary = stage.hv([
      'run',
      '--resume',
      '--name',
      'patched',
      '--backup',
      address,
      '--events-fd',
      '3',
    ]);
    await primary.event('resumed');
    const { code, stderr } = await backup.exited;
    expect(code).toBe(120);
    expect(stderr).toContain('memory differs');
    await primary.event('diverged');
    await ended(primary);
  });
});

describe('recorded outputs', () => {
  longTest(
    'and groups of many turns are no difference to an export, which looks at every turn',
    () => exported('small'),
  );

  test('are compared byte for byte: the first difference is named', async () => {
    const record = recordsOf('small').find(
      ({ record: one }) =>
        one.type === 'output' && new TextDecoder().decode(one.bytes).includes('request 7'),
    );
    const path = await forge('other-output', (one, lsn) =>
      one.type === 'output' && lsn === record?.lsn
        ? { ...one, bytes: flipped(one.bytes, one.bytes.length - 3) }
        : one,
    );
    const length = record?.record.type === 'output' ? record.record.bytes.length : 0;
    const report = await diverged(path);
    expect(report).toContain(`DIVERGED at lsn ${record?.lsn} `);
    expect(report).toContain(`first difference at byte ${length - 3} of the output`);
  });
});

/** The turns of the group of many turns. */
function together(): { readonly turns: readonly number[]; readonly end: number } {
  const records = recordsOf('small');
  let turns: number[] = [];
  let best: { turns: readonly number[]; end: number } = { turns: [], end: 0 };
  for (const { lsn, record } of records) {
    if (record.type === 'interrupt') turns.push(lsn);
    if (record.type !== 'end') continue;
    if (turns.length > best.turns.length) best = { turns, end: lsn };
    turns = [];
  }
  return best;
}

describe('a difference inside a group of many turns', () => {
  test('is placed at the turn whose input is another', async () => {
    const { turns } = together();
    expect(turns.length).toBeGreaterThanOrEqual(5);
    for (const index of [1, 3, turns.length - 1]) {
      const at = turns[index] ?? 0;
      const path = await forge(`input-${index}`, (record, lsn) =>
        lsn === at &&
        record.type === 'interrupt' &&
        record.kind === INTERRUPT.netData &&
        record.payload !== undefined
          ? {
              ...record,
              payload: new TextEncoder().encode(`${'z'.repeat(record.payload.length)}\n\n`),
            }
          : record,
      );
      const report = await diverged(path);
      expect(report).toContain(`(turn at lsn ${at}, `);
    }
  });

  test('is placed at the turn whose check is another, although the end is the same', async () => {
    const { turns, end } = together();
    for (const index of [0, 2, turns.length - 1]) {
      const path = await forge(`check-${index}`, (record, lsn) =>
        lsn === end && record.type === 'end'
          ? { ...record, checks: flipped(record.checks, 2 * index + 1) }
          : record,
      );
      const report = await diverged(path);
      expect(report).toContain(`DIVERGED at lsn ${end} (turn at lsn ${turns[index]}, `);
      expect(report).toMatch(/checks +recorded [0-9a-f]+ +replayed [0-9a-f]+/);
    }
  });
});
