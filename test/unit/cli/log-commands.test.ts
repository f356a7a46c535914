import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { registerLog } from '../../../hypervisor/cli/commands/log.ts';
import { lockDirectory } from '../../../hypervisor/host/log-lock.ts';
import { FileLogStore } from '../../../hypervisor/host/log-store.ts';
import {
  asEpoch,
  asLsn,
  asMicros,
  asTicks,
  type Batch,
  encodeBatch,
  INTERRUPT,
  type LogRecord,
} from '../../../log-format/index.ts';
import { closed, failOnError, sealed, tempDir, writeLog } from '../host/log-samples.ts';
import { BLOBS, batchOf, end, interrupt, STARTED_AT, sampleHeader } from '../log-format/samples.ts';

const printed = vi.hoisted(() => ({ data: [] as string[], said: [] as string[] }));
vi.mock('../../../hypervisor/cli/print.ts', () => ({
  data: (text: string) => printed.data.push(text),
  say: (text: string) => printed.said.push(text),
}));

beforeEach(() => {
  printed.data.length = 0;
  printed.said.length = 0;
});

/** Runs `hv log ...`; returns what went to stdout. */
async function hvLog(...args: string[]): Promise<string> {
  const program = new Command('hv').exitOverride();
  registerLog(program);
  await program.parseAsync(['log', ...args], { from: 'user' });
  return printed.data.join('\n');
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const EVERY_KIND: readonly LogRecord[] = [
  interrupt(0, { kind: INTERRUPT.boot, payload: bytes('{"argv":["node","/app/server.js"]}') }),
  interrupt(10, { kind: INTERRUPT.netBound, id: 1, num: 4 }),
  interrupt(1500, { kind: INTERRUPT.netAccept, id: 2, num: 1 }),
  interrupt(1500, { kind: INTERRUPT.netData, id: 2, payload: bytes('GET / HTTP/1.1\r\n\r\n') }),
  interrupt(1501, { kind: INTERRUPT.netData, id: 2, payload: new Uint8Array([0, 255, 16]) }),
  interrupt(1600, { kind: INTERRUPT.netDrain, id: 2, num: 1 }),
  { type: 'resync', turn: asLsn(6), ticks: asTicks(77), time: asMicros(STARTED_AT + 12_000) },
  {
    type: 'end',
    ticks: asTicks(1000),
    digest: 0xabc,
    outputs: 3,
    outputsCrc: 1,
    checks: new Uint8Array(),
  },
  { type: 'stopAt', turn: asLsn(6), ticks: asTicks(80), code: 124, reason: 'limit' },
  {
    type: 'view',
    time: asMicros(STARTED_AT + 20_000),
    epoch: asEpoch(2),
    primary: 'a:1',
    backups: ['b:1', 'c:1'],
  },
  { type: 'stop', time: asMicros(STARTED_AT + 2_500_000), code: 0, reason: 'the guest exited' },
];

async function logOf(dir: string, batches: Batch[], seal = true): Promise<string> {
  const store = FileLogStore.create(dir, sampleHeader(), BLOBS, failOnError);
  for (const batch of batches) store.append(encodeBatch(batch, STARTED_AT));
  await (seal ? sealed(store) : closed(store));
  return dir;
}

describe('hv log cat', () => {
  it('prints a line per record', async () => {
    const dir = await logOf(tempDir(), [batchOf(1, 1, [...EVERY_KIND])]);
    expect((await hvLog('cat', dir)).split('\n')).toEqual([
      '       1      +0.000000  boot                34 bytes "{\\"argv\\":[\\"node\\",\\"/app/server.js\\"]}"',
      '       2      +0.000010  netBound     #1     EADDRINUSE',
      '       3      +0.001500  netAccept    #2     listener 1',
      '       4      +0.001500  netData      #2     18 bytes "GET / HTTP/1.1\\r\\n\\r\\n"',
      '       5      +0.001501  netData      #2     3 bytes 00ff10',
      '       6      +0.001600  netDrain     #2     1 byte left',
      '       7      +0.012000  resync              in turn 6 at tick 77',
      '       8                 end                 ticks 1000 digest 00000abc outputs 3 crc 00000001',
      '       9                 stopAt              in turn 6 at tick 80, status 124: "limit"',
      '      10      +0.020000  view                epoch 2 primary a:1 backups b:1, c:1',
      '      11      +2.500000  stop                status 0: "the guest exited"',
    ]);
    expect(printed.said).toEqual([]);
  });

  it('shortens long payloads without cutting a character in two', async () => {
    const long = interrupt(1, { kind: INTERRUPT.stdinData, payload: bytes('é'.repeat(500)) });
    const dir = await logOf(tempDir(), [batchOf(1, 1, [long])]);
    expect(await hvLog('cat', dir)).toContain(`1,000 bytes "${'é'.repeat(60)}"…`);
  });

  it('prints JSON with every field', async () => {
    const dir = await logOf(tempDir(), [batchOf(3, 1, [...EVERY_KIND])]);
    const lines = (await hvLog('cat', dir, '--json')).split('\n').map((line) => JSON.parse(line));
    const netData = { epoch: 3, kind: 'netData', id: 2, num: 0 };
    expect(lines[3]).toEqual({
      lsn: 4,
      micros: 1500,
      ...netData,
      payload: 'GET / HTTP/1.1\r\n\r\n',
    });
    expect(lines[4]).toEqual({ lsn: 5, micros: 1501, ...netData, payloadBase64: 'AP8Q' });
    expect(lines[7]).toEqual({
      lsn: 8,
      epoch: 3,
      kind: 'end',
      ticks: 1000,
      digest: 0xabc,
      outputs: 3,
      outputsCrc: 1,
    });
    expect(lines[10]).toMatchObject({ lsn: 11, kind: 'stop', micros: 2_500_000, code: 0 });
    expect(lines[9]).toMatchObject({ epoch: 3, view: { epoch: 2, primary: 'a:1' } });
  });

  it('prints from one lsn to another', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 10 });
    const lines = (await hvLog('cat', dir, '--from', '4', '--to', '7')).split('\n');
    expect(lines.map((line) => Number.parseInt(line, 10))).toEqual([4, 5, 6, 7]);
    await expect(hvLog('cat', dir, '--from', 'x')).rejects.toMatchObject({ code: 'HV_E_USAGE' });
  });

  it('prints what is good before it reports damage', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 3 });
    const file = join(dir, '000001.hvlog');
    const content = readFileSync(file);
    content[content.length - 60] = (content[content.length - 60] ?? 0) ^ 1;
    writeFileSync(file, content);
    await expect(hvLog('cat', dir)).rejects.toMatchObject({ code: 'HV_E_LOG_DAMAGED' });
    expect(printed.data.join('\n').split('\n')).toHaveLength(4);
  });
});

describe('hv log verify', () => {
  it('says that a log is intact and sealed', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 3 });
    expect(await hvLog('verify', dir)).toMatch(
      /^\S+: intact and sealed: 6 records, 3 batches, 1 segment, [\d,]+ bytes, epoch 1, chain [0-9a-f]{16}$/m,
    );
  });

  it('says how far a killed process got, and who still records', async () => {
    const dir = join(tempDir(), 'server');
    await writeLog(dir, { batches: 3, seal: false });
    truncateSync(join(dir, '000001.hvlog'), readFileSync(join(dir, '000001.hvlog')).length - 1);
    const text = await hvLog('verify', dir);
    expect(text).toContain(
      'not sealed: the process was killed or the end was cut; complete up to lsn 4, ',
    );
    expect(text).toMatch(/\d+ torn bytes behind it/);
    const lock = lockDirectory(dir);
    expect(await hvLog('verify', dir)).toContain(`process ${process.pid} is recording it`);
    lock.release();
  });

  it('names the place of damage, as data with --json', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 3 });
    expect(JSON.parse(await hvLog('verify', dir, '--json'))).toMatchObject({
      intact: true,
      sealed: true,
      lastLsn: 6,
    });
    printed.data.length = 0;
    const file = join(dir, '000001.hvlog');
    const content = readFileSync(file);
    content[20] = (content[20] ?? 0) ^ 1;
    writeFileSync(file, content);
    const error = { code: 'HV_E_LOG_DAMAGED', exitStatus: 122 };
    await expect(hvLog('verify', dir, '--json')).rejects.toMatchObject(error);
    expect(JSON.parse(printed.data.join(''))).toMatchObject({
      intact: false,
      file,
      offset: 0,
      lsn: 0,
    });
  });
});

describe('hv log stat', () => {
  it('accounts for every byte of the log', async () => {
    const view = EVERY_KIND.slice(9);
    const dir = await logOf(tempDir(), [
      batchOf(1, 1, EVERY_KIND.slice(0, 9)),
      batchOf(2, 10, [...view]),
      batchOf(2, 12, [end(9)]),
    ]);
    const stat = JSON.parse(await hvLog('stat', dir, '--json'));
    expect(stat.header).toEqual(sampleHeader());
    expect(stat.epochs).toEqual([1, 2]);
    expect(stat.durationMicros).toBe(2_500_000);
    expect(stat.kinds.netData).toMatchObject({ records: 2, payloadBytes: 21 });
    expect(stat.kinds.end.records).toBe(2);
    const kinds: { bytes: number }[] = Object.values(stat.kinds);
    const inKinds = kinds.reduce((sum, kind) => sum + kind.bytes, 0);
    const sealBytes = stat.bytes - stat.beginningBytes - stat.framingBytes - inKinds;
    expect(sealBytes).toBeGreaterThan(40);
    expect(sealBytes).toBeLessThan(60);
    expect(stat.bytesPerRecord).toBeCloseTo((stat.framingBytes + inKinds) / 12);
  });

  it('prints a table', async () => {
    const dir = await logOf(tempDir(), [batchOf(1, 1, [...EVERY_KIND])]);
    const text = await hvLog('stat', dir);
    expect(text).toMatch(/^vm {11}server-0badcafe \(server\.js\)$/m);
    expect(text).toMatch(/^duration {5}2\.500000 s$/m);
    expect(text).toMatch(/^netData {15}2 +\d+ +21$/m);
  });
});

describe('hv log ls', () => {
  it('lists logs with their state', async () => {
    const dir = tempDir();
    await writeLog(join(dir, 'a'), { batches: 3 });
    await writeLog(join(dir, 'b'), { batches: 40, segmentBytes: 1200, seal: false });
    await writeLog(join(dir, 'c'), { batches: 1, seal: false });
    const lock = lockDirectory(join(dir, 'c'));
    mkdirSync(join(dir, 'd'));
    writeFileSync(join(dir, 'd', '000001.hvlog'), 'nothing');
    mkdirSync(join(dir, 'empty'));
    const lines = (await hvLog('ls', dir)).split('\n');
    expect(lines.map((line) => line.replace(dir, '').replace(/ {2,}/g, ' '))).toEqual([
      expect.stringMatching(/^\/a sealed 2026-11-18 [\d:]+ 6 records [\d,]+ bytes server\.js$/),
      expect.stringMatching(/^\/b not sealed .* 80 records /),
      expect.stringMatching(/^\/c recording .* 2 records /),
      expect.stringMatching(/^\/d damaged/),
    ]);
    lock.release();
    printed.data.length = 0;
    expect(JSON.parse(await hvLog('ls', dir, '--json'))).toHaveLength(4);
  });

  it('says that there are none', async () => {
    expect(await hvLog('ls', tempDir())).toBe('');
    expect(printed.said[0]).toMatch(/^no logs in /);
    await expect(hvLog('ls', join(tempDir(), 'x'))).rejects.toMatchObject({
      code: 'HV_E_LOG_NOT_FOUND',
    });
  });
});
