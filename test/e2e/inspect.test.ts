import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accepted, Recorder, type RecorderOptions, received } from '../../bench/recorder.ts';
import { openLog } from '../../hypervisor/host/log-reader.ts';
import { FileLogStore } from '../../hypervisor/host/log-store.ts';
import {
  blobNames,
  encodeBatch,
  type LogHeader,
  type LogRecord,
  sha256Hex,
} from '../../log-format/index.ts';
import { HV, Stage } from '../support/hv-process.ts';
import { longTest } from '../support/long.ts';

const SHOP = `'use strict';
const net = require('node:net');
const stock = new Map([['apple', 5], ['pear', 3]]);
const orders = [];
function buy(name, id) {
  const left = stock.get(name);
  if (left === undefined) throw new Error('no ' + name);
  stock.set(name, left - 1);
  orders.push({ name, id });
  return left - 1;
}
net.createServer((socket) => {
  socket.on('data', (data) => {
    for (const word of String(data).trim().split(' ')) socket.write(buy(word, orders.length) + '\\n');
  });
}).listen(4000, () => console.log('open'));
`;
const KV = fileURLToPath(new URL('../golden/v1/kv.hvlog', import.meta.url));

let stage: Stage;
let shop: string;
beforeAll(async () => {
  stage = new Stage();
  shop = await record('shop', {});
});
afterAll(() => stage.close());

async function record(name: string, options: Partial<RecorderOptions>): Promise<string> {
  const script = join(stage.dir, 'shop.js');
  writeFileSync(script, SHOP);
  const dir = join(stage.dir, name);
  const recorder = await Recorder.start({ dir, script, ...options });
  recorder.group([accepted(2)], 500_000);
  recorder.group([received(2, 'apple')], 500_000);
  recorder.group([received(2, 'pear'), received(2, 'pear')], 1_000_000);
  recorder.group([accepted(4), received(4, 'apple')], 1_000_000);
  await recorder.finish();
  return dir;
}

/** The shop's log again, every frame and seal valid, with other records or another header. */
async function forge(
  name: string,
  change: { record?: (record: LogRecord) => LogRecord; header?: Partial<LogHeader> },
): Promise<string> {
  const log = openLog(shop);
  const dir = join(stage.dir, name);
  const header = { ...log.header, ...change.header };
  const blobs = blobNames().map((blob) => ({
    name: blob,
    hash: sha256Hex(log.blobs[blob]),
    bytes: log.blobs[blob],
  }));
  const store = FileLogStore.create(dir, header, blobs, {
    onError: (error) => {
      throw error;
    },
  });
  for (const { batch } of log.batches()) {
    const records = batch.records.map(change.record ?? ((same) => same));
    store.append(encodeBatch({ ...batch, records }, header.startedAt));
  }
  await new Promise<void>((resolve) => store.seal(resolve));
  return dir;
}

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function inspect(log: string, args: readonly string[], input = ''): Promise<Ran> {
  const child = spawn(process.execPath, [HV, 'inspect', log, ...args], { cwd: stage.dir });
  child.stdin.end(input);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => {
    stdout += bytes.toString();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes.toString();
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

const evals = (...lines: readonly string[]): string[] => lines.flatMap((line) => ['--eval', line]);

async function json(log: string, ...lines: readonly string[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await inspect(log, ['--json', ...evals(...lines)]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** SHA-256 of every file of a log, by name. */
function fingerprint(dir: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(dir).map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(dir, name)))
        .digest('hex'),
    ]),
  );
}

describe('hv inspect', () => {
  test('evaluates at the end, and anywhere it is told to go, with names of the files', async () => {
    const { code, stdout, stderr } = await inspect(
      shop,
      evals(
        'orders.length',
        '.goto +1.2s',
        'orders.length',
        "stock.get('pear')",
        '.goto start',
        '1+1',
      ),
    );
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('4');
    expect(lines[1]).toMatch(/^lsn \d+ \+1\.\d{6}s: .*netData #2 5 bytes "apple"$/);
    expect(lines.slice(2, 4)).toEqual(['1', '3']);
    expect(lines[4]).toBe('lsn 0: nothing has run');
  });

  longTest('finds the first turn of a change, and says what differs across it', async () => {
    const [found, , , diff] = await json(
      shop,
      ".find stock.get('pear') < 3",
      '.back',
      "stock.get('pear')",
      '.diff 3 end',
    );
    expect(found).toMatchObject({ ok: true, record: { kind: 'netData', payload: 'pear' } });
    const { stdout } = await inspect(shop, evals(`.find stock.get('pear') < 3`, '.diff 3'));
    expect(stdout).toMatch(/\.stock\.get\("pear"\): 3 -> 2\n/);
    expect(stdout).toMatch(/\.orders\[0\]: added \{"name":"apple","id":0\}\n/);
    expect(diff).toMatchObject({ ok: true, from: 3, cut: false });
    expect(diff?.changes).toContainEqual({
      kind: 'changed',
      path: expect.stringMatching(/\.stock\.get\("pear"\)$/),
      old: 3,
      new: 1,
    });
  });

  test('shows what came in and what went out', async () => {
    const [out, last, packets] = await json(shop, '.out', '.out 3', '.packets 4');
    expect(out).toMatchObject({ outputs: [{ device: 'net', op: 'write', id: 4, payload: '3\n' }] });
    expect(((last?.outputs ?? []) as { payload?: string }[]).map(({ payload }) => payload)).toEqual(
      expect.arrayContaining(['1\n', '3\n']),
    );
    expect(packets).toMatchObject({
      packets: [
        {},
        { direction: 'in', kind: 'netAccept', id: 4 },
        { direction: 'in', kind: 'netData', id: 4, payload: 'apple' },
        { direction: 'out', op: 'write', id: 4, payload: '3\n' },
      ],
    });
  });

  test('runs commands from standard input as a script, watches included', async () => {
    const { code, stdout } = await inspect(
      shop,
      ['--at', 'start'],
      '.watch orders.length\n.next netData\n.next conn 2\n.next conn 2\n\n.exit\n1 + 1\n',
    );
    expect(code).toBe(0);
    expect(stdout.match(/^orders\.length: .*$/gm)).toEqual([
      expect.stringContaining('no variable orders here'),
      'orders.length: 1',
      'orders.length: 2',
      'orders.length: 3',
    ]);
    expect(stdout).not.toMatch(/^2$/m);
  });

  longTest('looks into the middle of a turn', async () => {
    const [, at, , middle, after] = await json(
      shop,
      ".find stock.get('pear') < 3",
      '.step',
      '.goto 1',
      '.goto 1:+20',
      '1 + 1',
    );
    expect(at).toMatchObject({ ok: true });
    expect(middle).toMatchObject({ ok: true, lsn: 1 });
    expect(Number(middle?.ticks)).toBeGreaterThan(20);
    expect(after).toMatchObject({ value: 2, ticks: middle?.ticks });
  });

  test('has one JSON object per result, and 1 as status when an expression failed', async () => {
    const ran = await inspect(shop, [
      '--json',
      ...evals('orders[0]', 'nothing', "buy('plum')", '2', '('),
    ]);
    expect(ran.code).toBe(1);
    const [value, missing, thrown, two, syntax] = ran.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(value).toMatchObject({
      command: 'orders[0]',
      ok: true,
      value: { name: 'apple', id: 0 },
      text: "{ name: 'apple', id: 0 }",
      halted: null,
    });
    expect(missing).toMatchObject({ ok: false, kind: 'no-such-variable' });
    expect(thrown).toMatchObject({ ok: false, kind: 'guest' });
    expect(String(thrown?.error)).toMatch(/^Error: no plum\n +at buy \(.*shop\.js:7:/);
    expect(two).toMatchObject({ value: 2 });
    expect(syntax).toMatchObject({ ok: false, kind: 'syntax' });
  });

  test('suggests names that are near', async () => {
    const { code, stderr } = await inspect(shop, evals('order.length'));
    expect(code).toBe(1);
    expect(stderr).toContain('orders');
  });

  test('prints the command that runs on from here', async () => {
    const { stdout } = await inspect(shop, ['--at', '9', ...evals('.fork try-fix')]);
    expect(stdout).toBe(`hv fork ${shop} --at 9 --name try-fix\n`);
  });

  longTest('changes nothing: not the files of the log, not what a replay computes', async () => {
    const hash = (): unknown =>
      (
        JSON.parse(
          execFileSync(process.execPath, [HV, 'replay', '--json', shop], { encoding: 'utf8' }),
        ) as {
          memoryHash: string;
        }
      ).memoryHash;
    const [before, files] = [hash(), fingerprint(shop)];
    const ran = await inspect(
      shop,
      evals(
        'orders.length = 0',
        'stock.clear()',
        '.find orders.length > 1',
        '.goto 50%',
        '.back 2',
        'process.exit(3)',
        '.diff 3 9',
      ),
    );
    expect(ran.stdout).not.toBe('');
    expect(fingerprint(shop)).toEqual(files);
    expect(hash()).toBe(before);
    const [, , kept] = await json(shop, 'orders.length = 0', 'stock.clear()', 'orders.length');
    expect(kept).toMatchObject({ value: 4 });
  });

  test('reads logs of format 1', async () => {
    const { code, stdout } = await inspect(KV, evals('db.values.size', '.info'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^8\nscript +kv\.js\n/);
  });
});

describe('hv inspect refuses, and says why,', () => {
  test('a position that is out of range, with the range', async () => {
    const { code, stderr } = await inspect(shop, ['--at', '99999']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/position 99999 is out of range: this log goes from 0 .* to \d+/);
    expect((await inspect(shop, ['--at', 'soon'])).stderr).toContain("'soon' is no position");
    expect((await inspect(shop, evals('.gotoo 3'))).stderr).toContain('but .goto');
    expect((await inspect(shop, evals('.next netdata'))).stderr).toContain('netData');
  });

  test('what is no log, or not for this hv', async () => {
    expect((await inspect('nowhere', [])).code).toBe(2);
    const log = await forge('other-engine', { header: { engineHash: 'ab'.repeat(32) } });
    const engine = await inspect(log, ['--eval', '1']);
    expect(engine.code).toBe(120);
    expect(engine.stderr).toContain('HV_E_ENGINE_MISMATCH');
  });

  test('nothing of a damaged log that lies before the damage', async () => {
    const dir = await record('damaged', {});
    const file = join(dir, '000001.hvlog');
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 200) ^ 1, bytes.length - 200);
    writeFileSync(file, bytes);
    const { code, stderr, stdout } = await inspect(dir, evals('orders.length'));
    expect(code).toBe(0);
    expect(Number(stdout)).toBeGreaterThan(0);
    expect(stderr).toMatch(
      /is damaged at byte \d+, after record \d+: .*; everything up to lsn \d+/,
    );
  });

  test('nothing of a torn log but its torn end', async () => {
    const dir = await record('torn', {});
    const file = join(dir, '000001.hvlog');
    truncateSync(file, readFileSync(file).length - 130);
    const { code, stderr, stdout } = await inspect(dir, evals('orders.length'));
    expect(code).toBe(0);
    expect(Number(stdout)).toBeGreaterThan(0);
    expect(stderr).toMatch(
      /^hv: the log is not sealed .* ends behind record \d+, then \d+ torn byte/,
    );
  });

  longTest('what lies behind a divergence, whose report it prints', async () => {
    const log = await forge('diverged', {
      record: (one) =>
        one.type === 'interrupt' && one.id === 4 && one.payload?.length === 5
          ? { ...one, payload: new TextEncoder().encode('pear!') }
          : one,
    });
    const { code, stderr } = await inspect(log, evals('orders.length'));
    expect(code).toBe(120);
    expect(stderr).toMatch(/DIVERGED at lsn \d+ \(turn at lsn \d+/);
    const before = await inspect(log, ['--at', '+2.1s', ...evals('orders.length', '.goto end')]);
    expect(before.stdout).toMatch(/^3\n/);
    expect(before.code).toBe(120);
  });
});

const hasPty = existsSync('/usr/bin/script');

describe.skipIf(!hasPty)('on a terminal, hv inspect', () => {
  /** A session under a pty: what it has printed since, and what is typed into it. */
  class Terminal {
    readonly child;
    readonly closed: Promise<number | null>;
    #seen = '';
    #look: () => void = () => undefined;
    #ended: () => void = () => undefined;

    constructor(history: string) {
      const command = `${process.execPath} ${HV} inspect ${shop}`;
      this.child = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], {
        cwd: stage.dir,
        env: { ...process.env, HV_HISTORY: history, TERM: 'xterm' },
      });
      this.child.stdout.on('data', (bytes: Buffer) => {
        this.#seen += bytes.toString();
        this.#look();
      });
      this.closed = new Promise((resolve) =>
        this.child.once('close', (code) => {
          this.#ended();
          resolve(code);
        }),
      );
    }

    type(text: string): void {
      this.child.stdin.write(text);
    }

    /** Waits until it has printed this, and forgets all up to there. */
    sees(pattern: RegExp): Promise<string> {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(this.#seen);
          if (found === null) return;
          this.#seen = this.#seen.slice(found.index + found[0].length);
          resolve(found[0]);
        };
        this.#look = look;
        this.#ended = () => reject(new Error(`ended before ${pattern}: ${this.#seen}`));
        look();
      });
    }
  }

  test('introduces the log, completes names, and goes on after ctrl-C', async () => {
    const history = join(stage.dir, 'history');
    const terminal = new Terminal(history);
    await terminal.sees(/shop\.js: \d+ records, 3\.0 s, epoch 1\. At lsn \d+ \(end\)/);
    await terminal.sees(/\d+> /);
    terminal.type('orders.len\t');
    await terminal.sees(/orders\.length/);
    terminal.type('\r');
    await terminal.sees(/\n4\r\n/);
    await terminal.sees(/\d+> /);
    terminal.type('.ba\t');
    await terminal.sees(/\.back/);
    terminal.type(' 2\r');
    await terminal.sees(/\nlsn \d+ .*\r\n/);
    await terminal.sees(/\d+> /);
    terminal.type('for (;;);\r');
    await terminal.sees(/for \(;;\);\r+\n/);
    terminal.type('\x03');
    await terminal.sees(/the expression was interrupted\r\n/);
    await terminal.sees(/\d+> /);
    terminal.type('6 * 7\r');
    await terminal.sees(/\n42\r\n/);
    terminal.type('.exit\r');
    expect(await terminal.closed).toBe(0);
    expect(readFileSync(history, 'utf8')).toBe('orders.length\n.back 2\nfor (;;);\n6 * 7\n.exit\n');
  });
});
