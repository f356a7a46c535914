import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLog } from '../../hypervisor/host/log-reader.ts';
import { INTERRUPT, type LogRecord } from '../../log-format/index.ts';
import { HV, type HvProcess, Stage } from '../support/hv-process.ts';
import { LONG, longTest } from '../support/long.ts';

const GOLDEN = fileURLToPath(new URL('../golden/v1', import.meta.url));

/** Counts lines over all connections, and answers each with all it knows. */
const COUNTER = String.raw`
  const net = require('node:net');
  let lines = 0;
  let ticks = 0;
  let closed = 0;
  setInterval(() => { ticks += 1; }, 5);
  process.stdin.on('data', () => { console.log('stdin'); });
  const server = net.createServer((socket) => {
    let rest = '';
    socket.on('error', () => undefined);
    socket.on('close', () => { closed += 1; });
    socket.on('data', (bytes) => {
      const parts = (rest + bytes).split('\n');
      rest = parts.pop();
      for (const text of parts) {
        lines += 1;
        socket.write(JSON.stringify({ text, lines, ticks, closed, random: Math.random(), now: Date.now(), argv: process.argv.slice(2) }) + '\n');
      }
    });
  });
  server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => { console.log('port ' + server.address().port); });
`;

interface Answer {
  readonly text: string;
  readonly lines: number;
  readonly ticks: number;
  readonly closed: number;
  readonly random: number;
  readonly now: number;
  readonly argv: readonly string[];
}

class Client {
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  }

  /** Connects as soon as somebody listens: a resumed guest does so a moment after it is back. */
  static async open(port: number): Promise<Client> {
    for (;;) {
      const socket = connect(port, '127.0.0.1');
      try {
        await once(socket, 'connect');
        return new Client(socket);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
      }
    }
  }

  async ask(text: string): Promise<Answer> {
    this.#socket.write(`${text}\n`);
    const next = await this.#lines.next();
    return JSON.parse(String(next.value)) as Answer;
  }

  close(): void {
    this.#socket.destroy();
  }
}

interface Placed {
  readonly lsn: number;
  readonly record: LogRecord;
}

let stage: Stage;
/** What the recorded guest answered, by request. */
const recorded: Answer[] = [];
let port = 0;
let original: Map<string, string>;
let records: readonly Placed[];

const logDir = (name: string): string => join(stage.dir, '.hv', name);

function recordsOf(path: string): readonly Placed[] {
  return [...openLog(path).batches()].flatMap(({ batch }) =>
    batch.records.map((record, index) => ({ lsn: batch.firstLsn + index, record })),
  );
}

/** Of the last turn that sent request `text`. */
function lsnOf(text: string): number {
  const found = records.find(
    ({ record }) =>
      record.type === 'interrupt' &&
      record.kind === INTERRUPT.netData &&
      new TextDecoder().decode(record.payload) === `${text}\n`,
  );
  if (found === undefined) throw new Error(`${text} is not in the log`);
  return found.lsn;
}

function contentOf(dir: string): Map<string, string> {
  return new Map(
    readdirSync(dir).map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(dir, name)))
        .digest('hex'),
    ]),
  );
}

async function portOf(guest: HvProcess): Promise<number> {
  const [, found] = await guest.output(/^port (\d+)$/m);
  return Number(found);
}

function fork(name: string, at: string, ...more: readonly string[]): HvProcess {
  return stage.hv([
    'fork',
    '.hv/original',
    '--at',
    at,
    '--name',
    name,
    '--events-fd',
    '3',
    ...more,
  ]);
}

async function replayed(
  name: string,
): Promise<{ verdict: string; memoryHash: string; from: number }> {
  const { code, stdout, stderr } = await stage.hv(['replay', '--json', `.hv/${name}`]).exited;
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as { verdict: string; memoryHash: string; from: number };
}

beforeAll(async () => {
  stage = new Stage();
  writeFileSync(join(stage.dir, 'counter.js'), COUNTER);
  const guest = stage.hv(['run', '--name', 'original', 'counter.js', '0', 'an arg'], {
    stdin: 'pipe',
  });
  port = await portOf(guest);
  const client = await Client.open(port);
  for (let n = 1; n <= 12; n++) recorded.push(await client.ask(`request ${n}`));
  // Several turns in one group: whatever arrives while the guest stands still.
  guest.child.stdin?.write('line\n');
  await guest.output(/stdin/);
  client.close();
  guest.kill('SIGTERM');
  await guest.exited;
  original = contentOf(logDir('original'));
  records = recordsOf(logDir('original'));
});
afterAll(() => stage.close());

describe('a fork', () => {
  test('goes on with the state of exactly the lsn it was made at, in the present', async () => {
    const before = Date.now();
    const at = lsnOf('request 6');
    const guest = fork('sixth', String(at));
    await guest.event('resumed');
    const client = await Client.open(port);
    const answer = await client.ask('seventh');
    expect(answer.lines).toBe(7);
    expect(answer.argv).toEqual(['0', 'an arg']);
    // Those of the recorded run are gone, and it has seen so.
    expect(answer.closed).toBe(1);
    expect(answer.ticks).toBeGreaterThanOrEqual(recorded[5]?.ticks ?? Number.NaN);
    expect(answer.now).toBeGreaterThanOrEqual(before);
    expect(answer.now).toBeLessThanOrEqual(Date.now());
    expect(answer.random).not.toBe(recorded[6]?.random);
    client.close();
    guest.kill();
    await guest.exited;
    expect((await replayed('sixth')).from).toBe(at);
    expect(contentOf(logDir('original'))).toEqual(original);
  });

  test('can be inspected, forked again, and resumed after kill -9', async () => {
    const at = lsnOf('request 3');
    const first = fork('third', String(at));
    await first.event('resumed');
    const client = await Client.open(port);
    expect((await client.ask('fourth')).lines).toBe(4);
    expect((await client.ask('fifth')).lines).toBe(5);
    client.close();
    first.kill();
    await first.exited;
    const again = stage.hv(['run', '--resume', '--name', 'third', '--events-fd', '3']);
    await again.event('resumed');
    const other = await Client.open(port);
    expect((await other.ask('sixth')).lines).toBe(6);
    other.close();
    again.kill('SIGTERM');
    await again.exited;
    await replayed('third');
    const asked = await stage.hv([
      'inspect',
      '.hv/third',
      '--at',
      'end',
      '--json',
      '--eval',
      '[lines, process.argv.length]',
    ]).exited;
    expect(asked.code, asked.stderr).toBe(0);
    expect(asked.stdout).toContain('[ 6, 4 ]');
    const fifth = recordsOf(logDir('third')).find(
      ({ record }) =>
        record.type === 'interrupt' && new TextDecoder().decode(record.payload) === 'fifth\n',
    );
    const second = stage.hv([
      'fork',
      '.hv/third',
      '--at',
      String(fifth?.lsn),
      '--name',
      'again',
      '--events-fd',
      '3',
    ]);
    await second.event('resumed');
    const last = await Client.open(port);
    expect((await last.ask('x')).lines).toBe(6);
    last.close();
    second.kill();
    await second.exited;
    await replayed('again');
  });

  test.each(LONG ? ['start', '50%', '+0.01s', 'end', '1', '2'] : ['start', '50%', 'end'])(
    'made at %s is a log that starts, replays and verifies',
    async (at) => {
      const name = `at-${at.replaceAll(/\W/g, '')}`;
      const made = await fork(name, at, '--no-start', '--json').exited;
      expect(made.code, made.stderr).toBe(0);
      const { lsn, vm } = JSON.parse(made.stdout) as { lsn: number; vm: string };
      expect(vm).toMatch(new RegExp(`^${name}-[0-9a-f]{8}$`));
      expect(openLog(logDir(name)).header).toMatchObject({ name, vm, formatVersion: 2 });
      expect(existsSync(`${logDir(name)}.lock`)).toBe(false);
      const guest = stage.hv(['run', '--resume', '--name', name, '--events-fd', '3']);
      await guest.event('resumed');
      guest.kill('SIGTERM');
      await guest.exited;
      const { verdict } = await replayed(name);
      expect(verdict).toBe('verified');
      expect(lsn).toBeLessThanOrEqual(records.length);
    },
  );

  longTest('before the boot boots with the recorded arguments', async () => {
    const guest = fork('boots', 'start', '--ports', 'free');
    const client = await Client.open(await portOf(guest));
    const answer = await client.ask('first');
    expect(answer).toMatchObject({ lines: 1, argv: ['0', 'an arg'] });
    expect(answer.random).not.toBe(recorded[0]?.random);
    client.close();
    guest.kill();
    await guest.exited;
    await replayed('boots');
  });

  longTest('in the middle of a group has run its turns up to there and no more', async () => {
    const at = records.find(
      ({ lsn, record }) => record.type === 'interrupt' && records[lsn]?.record.type === 'interrupt',
    )?.lsn;
    if (at === undefined) throw new Error('no group of several turns was recorded');
    const made = await fork('middle', String(at), '--no-start', '--json').exited;
    expect(JSON.parse(made.stdout)).toMatchObject({ lsn: at });
    const { memoryHash } = await replayed('middle');
    const inspected = await stage.hv([
      'inspect',
      '.hv/original',
      '--at',
      String(at),
      '--json',
      '--eval',
      '.info',
    ]).exited;
    expect(inspected.code, inspected.stderr).toBe(0);
    expect(memoryHash).toMatch(/^[0-9a-f]{64}$/);
    const next = await fork('next', String(at + 1), '--no-start').exited;
    expect(next.code).toBe(0);
    expect((await replayed('next')).memoryHash).not.toBe(memoryHash);
  });

  longTest(
    'with free ports listens elsewhere while the original still runs, and says where',
    async () => {
      const running = stage.hv(['run', '--name', 'running', 'counter.js'], { stdin: 'pipe' });
      const taken = await portOf(running);
      const client = await Client.open(taken);
      await client.ask('one');
      const guest = stage.hv([
        'fork',
        '.hv/running',
        '--at',
        'end',
        '--name',
        'beside',
        '--ports',
        'free',
        '--events-fd',
        '3',
      ]);
      const moved = await guest.event('net.port-moved');
      expect(moved).toMatchObject({ port: taken });
      await guest.output(new RegExp(`net\\.port-moved: .*now ${moved.now}`));
      const other = await Client.open(Number(moved.now));
      expect((await other.ask('two')).lines).toBe(2);
      expect((await client.ask('three')).lines).toBe(2);
      client.close();
      other.close();
      for (const one of [running, guest]) {
        one.kill();
        await one.exited;
      }
      await replayed('beside');
      await replayed('running');
    },
  );

  longTest('with free ports boots beside a guest that holds its port', async () => {
    const holder = stage.hv(['run', '--name', 'holder', 'counter.js'], { stdin: 'pipe' });
    const taken = await portOf(holder);
    const args = ['run', '--name', 'fixed', '--no-record', 'counter.js', String(taken)];
    expect((await stage.hv(args).exited).stderr).toContain('EADDRINUSE');
    holder.kill();
    await holder.exited;
    const fixed = stage.hv(['run', '--name', 'fixed', 'counter.js', String(taken)]);
    await portOf(fixed);
    for (const at of ['start', '2']) {
      const guest = stage.hv([
        'fork',
        '.hv/fixed',
        '--at',
        at,
        '--name',
        `beside-${at}`,
        '--ports',
        'free',
        '--events-fd',
        '3',
      ]);
      const { now } = await guest.event('net.port-moved');
      expect(await portOf(guest)).toBe(now);
      guest.kill();
      await guest.exited;
    }
    fixed.kill();
    await fixed.exited;
  });
});

describe('a fork that is to have a backup', () => {
  test('is protected like any other run: a backup joins by its snapshot and takes over', async () => {
    expect((await fork('bare', '50%', '--no-start').exited).code).toBe(0);
    const { process: shadow, address: at } = await stage.backup('--dir', 'shadows');
    const bare = ['run', '--resume', '--name', 'bare', '--backup', at, '--events-fd', '3'];
    const first = stage.hv(bare);
    await first.event('protected');
    await shadow.event('in.step');
    first.kill('SIGKILL');
    await shadow.event('live');
    shadow.kill();
    await Promise.all([first.exited, shadow.exited]);
    expect((await fork('anew', 'start', '--no-start').exited).code).toBe(0);
    const { process: backup, address } = await stage.backup('--dir', 'backups');
    const guest = stage.hv([
      'run',
      '--resume',
      '--name',
      'anew',
      '--backup',
      address,
      '--events-fd',
      '3',
    ]);
    await guest.event('protected');
    guest.kill('SIGINT');
    await guest.exited;
    backup.kill();
    await backup.exited;
  });
});

describe('a fork with another script', () => {
  test('has the state the new code makes of the recorded inputs', async () => {
    writeFileSync(join(stage.dir, 'doubler.js'), COUNTER.replace('lines += 1', 'lines += 2'));
    const guest = fork('doubled', String(lsnOf('request 6')), '--script', 'doubler.js');
    await guest.event('resumed');
    expect(guest.stderr).toMatch(
      /doubler\.js was fed the recorded inputs from the start \(\d+ turns\)/,
    );
    expect(guest.stderr).toMatch(/1 stream of its outputs differ/);
    const client = await Client.open(port);
    expect((await client.ask('seventh')).lines).toBe(14);
    client.close();
    guest.kill();
    await guest.exited;
    await replayed('doubled');
  });

  longTest('says which inputs had no taker', async () => {
    writeFileSync(
      join(stage.dir, 'deaf.js'),
      "setInterval(() => undefined, 5); console.log('deaf');",
    );
    const made = await fork('deaf', 'end', '--script', 'deaf.js', '--no-start').exited;
    expect(made.code, made.stderr).toBe(0);
    expect(made.stderr).toMatch(/\d+ inputs had no taker and are lost to it/);
    await replayed('deaf');
  });

  test('that does not load is told as by hv run, and leaves nothing', async () => {
    writeFileSync(join(stage.dir, 'broken.js'), 'const = 1;');
    const { code, stderr } = await fork('broken', 'end', '--script', 'broken.js').exited;
    expect(code).toBe(1);
    expect(stderr).toContain('SyntaxError');
    expect(existsSync(logDir('broken'))).toBe(false);
    expect(existsSync(`${logDir('broken')}.lock`)).toBe(false);
  });

  longTest('of a log without its beginning is refused with the reason', async () => {
    expect((await fork('late', '50%', '--no-start').exited).code).toBe(0);
    const { code, stderr } = await stage.hv([
      'fork',
      '.hv/late',
      '--at',
      'end',
      '--name',
      'later',
      '--script',
      'counter.js',
    ]).exited;
    expect(code).toBe(2);
    expect(stderr).toMatch(/begins with the checkpoint at lsn \d+/);
    expect(existsSync(logDir('later'))).toBe(false);
  });
});

describe('hv fork refuses', () => {
  test.each([
    ['99999', /position 99999 is out of range/],
    ['8:20', /a fork begins between two turns/],
    ['later', /'later' is no position/],
    ['101%', /'101%' is no position/],
  ])('%s as a place', async (at, reason) => {
    const { code, stderr } = await fork('refused', at).exited;
    expect(code).toBe(2);
    expect(stderr).toMatch(reason);
    expect(existsSync(logDir('refused'))).toBe(false);
  });

  test.each(['../up', '', 'a/b', '.hidden', 'x'.repeat(65)])('the name %j', async (name) => {
    const { code, stderr } = await fork(name, 'end').exited;
    expect(code).toBe(2);
    expect(stderr).toContain('is no name');
  });

  test('the name of the log it forks, and one that is being recorded', async () => {
    const own = await fork('original', 'end').exited;
    expect(own.code).toBe(2);
    expect(own.stderr).toContain("the log of 'original' itself");
    const running = stage.hv(['run', '--name', 'busy', 'counter.js'], { stdin: 'pipe' });
    await portOf(running);
    const busy = await fork('busy', 'end').exited;
    expect(busy.code).not.toBe(0);
    expect(busy.stderr).toContain('HV_E_NAME_IN_USE');
    running.kill();
    await running.exited;
    await replayed('busy');
  });

  longTest(
    'to touch an older log of that name before it knows that it can make the new one',
    async () => {
      expect((await fork('older', '50%', '--no-start').exited).code).toBe(0);
      const before = contentOf(logDir('older'));
      expect((await fork('older', '99999').exited).code).toBe(2);
      expect(contentOf(logDir('older'))).toEqual(before);
      expect((await fork('older', 'end', '--no-start').exited).code).toBe(0);
      expect(contentOf(`${logDir('older')}~1`)).toEqual(before);
    },
  );

  longTest('a place where the guest had ended', async () => {
    writeFileSync(join(stage.dir, 'short.js'), 'setTimeout(() => process.exit(3), 20);');
    expect((await stage.hv(['run', '--name', 'short', 'short.js']).exited).code).toBe(3);
    const { code, stderr } = await stage.hv(['fork', '.hv/short', '--at', 'end', '--name', 'dead'])
      .exited;
    expect(code).toBe(2);
    expect(stderr).toContain('HV_E_GUEST_ENDED');
    expect(stderr).toContain('ended with status 3');
    const earlier = stage.hv(['fork', '.hv/short', '--at', '3', '--name', 'alive']);
    expect((await earlier.exited).code).toBe(3);
  });

  longTest('a place behind damage, and forks before it', async () => {
    const dir = logDir('bad');
    mkdirSync(dir);
    copyFileSync(join(logDir('original'), '000001.hvlog'), join(dir, '000001.hvlog'));
    const bytes = readFileSync(join(dir, '000001.hvlog'));
    const at = bytes.length - 400;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(join(dir, '000001.hvlog'), bytes);
    const late = await stage.hv([
      'fork',
      '.hv/bad',
      '--at',
      String(records.length),
      '--name',
      'nope',
    ]).exited;
    expect(late.code).not.toBe(0);
    expect(existsSync(logDir('nope'))).toBe(false);
    const early = await stage.hv(['fork', '.hv/bad', '--at', '3', '--name', 'yes', '--no-start'])
      .exited;
    expect(early.code, early.stderr).toBe(0);
    await replayed('yes');
  });
});

describe('logs of format 1', () => {
  longTest(
    'fork into logs of format 2 that run, replay and resume on machine version 1',
    async () => {
      const made = await stage.hv([
        'fork',
        join(GOLDEN, 'ticker.hvlog'),
        '--at',
        '4',
        '--name',
        'ticker',
        '--no-start',
      ]).exited;
      expect(made.code, made.stderr).toBe(0);
      expect(openLog(logDir('ticker')).header).toMatchObject({
        formatVersion: 2,
        machineVersion: 1,
      });
      const guest = stage.hv(['run', '--resume', '--name', 'ticker', '--events-fd', '3']);
      expect((await guest.exited).code).toBe(0);
      expect(guest.stdout).toContain('last prices');
      await replayed('ticker');

      const kv = stage.hv([
        'fork',
        join(GOLDEN, 'kv.hvlog'),
        '--at',
        '50%',
        '--name',
        'kv',
        '--ports',
        'free',
        '--events-fd',
        '3',
      ]);
      await kv.event('resumed');
      kv.kill();
      await kv.exited;
      await replayed('kv');
      const again = stage.hv(['run', '--resume', '--name', 'kv', '--events-fd', '3']);
      await again.event('resumed');
      again.kill('SIGTERM');
      await again.exited;
      await replayed('kv');
    },
  );
});

describe('.fork of hv inspect', () => {
  longTest('prints a command that works as it is printed', async () => {
    const at = lsnOf('request 2');
    const odd = join(stage.dir, "it's a log");
    mkdirSync(odd);
    for (const [name] of original) copyFileSync(join(logDir('original'), name), join(odd, name));
    const asked = await stage.hv(['inspect', odd, '--at', String(at), '--eval', '.fork printed'])
      .exited;
    expect(asked.code, asked.stderr).toBe(0);
    const command = asked.stdout.trim();
    expect(command).toContain(`--at ${at} --name printed`);
    const ran = spawnSync(
      'sh',
      ['-c', `hv() { "${process.execPath}" "${HV}" "$@"; }; ${command} --no-start`],
      {
        cwd: stage.dir,
        encoding: 'utf8',
      },
    );
    expect(ran.status, ran.stderr).toBe(0);
    expect(openLog(logDir('printed')).firstLsn).toBe(at + 1);
  });

  test('refuses a name that hv fork would refuse', async () => {
    const asked = await stage.hv(['inspect', '.hv/original', '--eval', '.fork ../up']).exited;
    expect(asked.code).toBe(2);
    expect(asked.stderr).toContain('is no name');
  });
});
