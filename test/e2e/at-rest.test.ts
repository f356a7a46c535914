import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { JOIN_LOG_RECORDS } from '../../hypervisor/base/limits.ts';
import { type HvExit, Stage } from '../support/hv-process.ts';
import { longTest } from '../support/long.ts';

/** Ends with SIGTERM only; says a word that no file on disk may show. */
const TICKER = `
  let n = 0;
  process.on('SIGTERM', () => process.exit(0));
  setInterval(() => console.log('tick ' + ++n + ' ' + process.env.SECRET), 5);
`;
/** Fills the log quickly, until SIGHUP. */
const BUSY = `
  const busy = Array.from({ length: 40 }, (_, n) => setInterval(() => n, 1 + (n % 7)));
  process.on('SIGHUP', () => busy.forEach(clearInterval));
`;
const SECRET = 'xyzzy-plugh';
const KEYS = ['--log-key-file', 'log.key', '--sign-key-file', 'sign.pem'];
const READ = ['--log-key-file', 'log.key'];

let stage: Stage;
let mask = 0;

beforeEach(async () => {
  // Nothing hv makes may depend on the mask: this one keeps nobody out.
  mask = process.umask(0);
  stage = new Stage();
  writeFileSync(join(stage.dir, 'ticker.js'), TICKER);
  for (const args of [['log.key'], ['sign.pem', '--sign'], ['other.key']])
    expect((await hv('log', 'key', 'new', ...args)).code).toBe(0);
}, 60_000);
afterEach(async () => {
  process.umask(mask);
  await stage.close();
});

const hv = (...args: readonly string[]): Promise<HvExit> => stage.hv(args).exited;
const started = (...args: readonly string[]): ReturnType<Stage['hv']> =>
  stage.hv(['run', '--events-fd', '3', ...args, 'ticker.js'], {
    env: { ...process.env, SECRET },
  });

/** Paths below a directory that others may touch, and how many were looked at. */
function wide(dir: string): { readonly paths: readonly string[]; readonly seen: number } {
  // Views are no part of a log: both hosts read them, each as its own user.
  const all = readdirSync(dir, { recursive: true })
    .map((name) => join(dir, String(name)))
    .filter((path) => !path.includes('/arbiter'));
  // What a running guest removes between the listing and the look is nobody's.
  const modeOf = (path: string): number => lstatSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  const paths = [dir, ...all].filter((path) => (modeOf(path) & 0o077) !== 0);
  return { paths, seen: all.length };
}

function shows(dir: string, text: string): string[] {
  return readdirSync(dir)
    .map((name) => join(dir, name))
    .filter((path) => lstatSync(path).isFile() && readFileSync(path).includes(text));
}

describe('the log at rest', () => {
  test('is its owner’s alone, whatever the mask: segments, snapshots, copies, sockets, exports', async () => {
    const run = started(...KEYS, '--backup', 'local', '--checkpoint', '10');
    await run.event('checkpoint');
    await run.output(/tick 30/);
    const live = wide(join(stage.dir, '.hv'));
    expect(live.paths).toEqual([]);
    expect(live.seen).toBeGreaterThan(8);
    run.kill('SIGTERM');
    expect((await run.exited).code).toBe(0);
    expect(
      (await hv('fork', '.hv/ticker', '--at', '50%', '--name', 'f', '--no-start', ...READ)).code,
    ).toBe(0);
    const exported = await hv(
      'log',
      'export',
      '.hv/ticker',
      '--format',
      'jsonl',
      '-o',
      'x',
      ...READ,
    );
    expect(exported.code).toBe(0);
    expect(wide(join(stage.dir, '.hv')).paths).toEqual([]);
    for (const name of ['x', 'log.key', 'sign.pem'])
      expect(lstatSync(join(stage.dir, name)).mode & 0o777).toBe(0o600);
    for (const log of ['ticker', 'f', 'backup-local/ticker'])
      expect(shows(join(stage.dir, '.hv', log), SECRET)).toEqual([]);
  });

  longTest('that others may read is told, and left as it is', async () => {
    const run = started();
    await run.output(/tick 3/);
    run.kill();
    await run.exited;
    expect(run.stderr).not.toContain('warning');
    const path = join(stage.dir, '.hv/ticker/000001.hvlog');
    chmodSync(path, 0o644);
    const verified = await hv('log', 'verify', '.hv/ticker');
    expect(verified.stderr).toContain(
      'warning: other users may read this log: .hv/ticker/000001.hvlog has mode 644',
    );
    const again = started('--resume');
    await again.output(/RESUMED/);
    again.kill('SIGTERM');
    await again.exited;
    expect(again.stderr).toContain('000001.hvlog has mode 644');
    expect(lstatSync(path).mode & 0o777).toBe(0o644);
  });

  test('goes on sealed and signed: killed, resumed, verified with the head its end has printed', async () => {
    const run = started(...KEYS);
    await run.output(/tick 9/);
    run.kill();
    await run.exited;
    expect(shows(join(stage.dir, '.hv/ticker'), SECRET)).toEqual([]);
    const again = started(...KEYS, '--resume');
    await again.output(/RESUMED/);
    await again.output(/tick 20/);
    again.kill('SIGTERM');
    const [, head = ''] = /log\.sealed: head (\S+)/.exec((await again.exited).stderr) ?? [];
    const verify = ['log', 'verify', '.hv/ticker', ...READ, '--public-key', 'sign.pem.pub'];
    const verified = await hv(...verify, '--expect-head', head);
    expect(verified.stdout).toMatch(/signed: all of it, up to lsn \d+ and its end \(1 signature\)/);
    expect(verified.code).toBe(0);
    const other = `${Number(head.split(':')[0]) + 1000}:${head.split(':')[1]}`;
    const cut = await hv(...verify, '--expect-head', other, '--json');
    expect(cut.code).toBe(122);
    expect(JSON.parse(cut.stdout)).toMatchObject({ intact: false, code: 'HV_E_LOG_SIGNATURE' });
    expect((await hv('replay', '.hv/ticker', '-q', ...READ)).code).toBe(0);
    const seen = await hv('inspect', '.hv/ticker', '--at', 'end', '--eval', 'n > 19', ...READ);
    expect(seen.stdout).toContain('true');
  });

  test('is sealed on a backup with a key of its own, which takes over and goes on in it', async () => {
    const backup = await stage.backup('--dir', 'copies', '--log-key-file', 'other.key');
    const run = started(...KEYS, '--backup', backup.address);
    await run.event('protected');
    await backup.process.event('in.step');
    await run.output(/tick 9/);
    run.kill();
    await backup.process.event('first.output');
    backup.process.kill('SIGTERM');
    expect((await backup.process.exited).code).toBe(0);
    expect(shows(join(stage.dir, 'copies/ticker'), SECRET)).toEqual([]);
    const replayed = await hv('replay', 'copies/ticker', '-q', '--log-key-file', 'other.key');
    expect(replayed.stderr).toContain('verified');
    expect((await hv('log', 'verify', 'copies/ticker', ...READ)).code).toBe(2);
  });

  longTest(
    'is joined by a snapshot and gone on from by a backup with keys of its own, and never in plain',
    {
      timeout: 120_000,
    },
    async () => {
      writeFileSync(join(stage.dir, 'busy.js'), BUSY + TICKER);
      expect((await hv('log', 'key', 'new', 'other.pem', '--sign')).code).toBe(0);
      const other = ['--log-key-file', 'other.key', '--sign-key-file', 'other.pem'];
      const run = stage.hv(
        [
          ...[
            'run',
            '--events-fd',
            '3',
            ...KEYS,
            '--listen',
            '127.0.0.1:0',
            '--checkpoint',
            '2000',
          ],
          // A kill closes links at once; silence of a busy machine is no death.
          ...['--detect', '60000'],
          'busy.js',
        ],
        { env: { ...process.env, SECRET } },
      );
      const { address = '' } = await run.event('started');
      for (let lsn = 0, from = 0; lsn < JOIN_LOG_RECORDS + 2000; ) {
        const taken = await run.event('checkpoint', from);
        from = run.events.indexOf(taken) + 1;
        lsn = Number(taken.lsn);
      }
      run.kill('SIGHUP');
      const copy = join(stage.dir, 'copies/busy');
      const first = await stage.backup('--dir', 'copies', '--join', address, ...other);
      await first.process.event('in.step');
      expect(existsSync(join(copy, 'beginning.hvlog'))).toBe(true);
      first.process.kill();
      await first.process.exited;
      const names = readdirSync(copy).filter((name) => /\.hv(log|snap)$/.test(name));
      for (const name of names) expect(readFileSync(join(copy, name)).includes(SECRET)).toBe(false);

      const keyless = await stage.backup('--dir', 'copies', '--join', address);
      const { code, stderr } = await keyless.process.exited;
      expect(stderr).toContain('is sealed, and no key was given');
      expect(code).toBe(2);
      expect(existsSync(`${copy}~1`)).toBe(false);

      const again = await stage.backup('--dir', 'copies', '--join', address, ...other);
      await again.process.event('continuing');
      await again.process.event('in.step');
      run.kill();
      await again.process.event('first.output');
      again.process.kill('SIGTERM');
      expect((await again.process.exited).code).toBe(0);
      expect(shows(copy, SECRET)).toEqual([]);
      const read = ['--log-key-file', 'other.key'];
      const verified = await hv(
        'log',
        'verify',
        'copies/busy',
        ...read,
        '--public-key',
        'other.pem.pub',
      );
      expect(verified.stderr).toBe('');
      expect(verified.stdout).toMatch(/signed: all of it, up to lsn \d+ and its end/);
      expect(verified.stdout).toMatch(
        /joined by the snapshot at lsn \d+: from there on its chain is its own/,
      );
      expect((await hv('replay', 'copies/busy', '-q', ...read)).stderr).toContain('verified');
      expect((await hv('log', 'verify', 'copies/busy', ...READ)).code).toBe(2);
    },
  );

  test('asks for the right key, with exit status 2 and before anything is started', async () => {
    const run = started(...KEYS);
    await run.output(/tick 3/);
    run.kill('SIGTERM');
    await run.exited;
    const cases = [
      [['log', 'cat', '.hv/ticker'], 'is sealed, and no key was given'],
      [['replay', '.hv/ticker', '--log-key-file', 'other.key'], 'is none of those in the key file'],
      [['log', 'stat', '.hv/ticker', '--log-key-file', 'ticker.js'], 'cannot be used: line'],
      [['run', '--resume', '--name', 'ticker'], 'is sealed, and no key was given'],
    ] as const;
    for (const [args, text] of cases) {
      const { code, stderr } = await hv(...args);
      expect(stderr).toContain(text);
      expect(stderr).toContain('[HV_E_LOG_KEY]');
      expect(code).toBe(2);
    }
    expect((await hv('log', 'ls')).stdout).toContain('locked');
    const rotated = await hv('log', 'key', 'new', 'log.key', '--rotate');
    expect(rotated.code).toBe(0);
    expect((await hv('log', 'verify', '.hv/ticker', ...READ)).code).toBe(0);
    expect((await hv('log', 'key', 'new', 'log.key')).stderr).toContain('never overwritten');
    copyFileSync(join(stage.dir, '.hv/ticker/000001.hvlog'), join(stage.dir, 'one.hvlog'));
    expect((await hv('log', 'verify', 'one.hvlog', ...READ)).code).toBe(0);
    const plain = started('--name', 'plain');
    await plain.output(/tick 3/);
    plain.kill('SIGTERM');
    await plain.exited;
    const strict = await hv('log', 'verify', '.hv/plain', ...READ);
    expect(strict.stderr).toContain('a key was given, but');
    const forked = await hv(
      'fork',
      '.hv/plain',
      '--at',
      '50%',
      '--name',
      'now-sealed',
      '--no-start',
      ...READ,
    );
    expect(forked.code).toBe(0);
    expect(shows(join(stage.dir, '.hv/now-sealed'), 'setInterval')).toEqual([]);
  });
});
