import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatAddress } from '../../hypervisor/host/addresses.ts';
import { dialLink, LinkListener } from '../../hypervisor/host/link.ts';
import { askStatus } from '../../hypervisor/host/status-socket.ts';
import { LOCAL_ONLY } from '../../hypervisor/host/tls.ts';
import type { Message } from '../../hypervisor/protocol/messages.ts';
import { GUESTS, Stage } from '../support/hv-process.ts';
import { helloOf } from '../support/messages.ts';

const HELLO = join(GUESTS, 'hello.js');

let stage: Stage;
beforeAll(async () => {
  stage = new Stage();
  expect((await stage.hv(['run', HELLO]).exited).code).toBe(0);
});
afterAll(() => stage.close());

/** A copy of the hello log, changed by `change`. */
function damaged(name: string, change: (file: string) => void): string {
  const dir = join(stage.dir, name);
  mkdirSync(dir);
  const file = join(dir, '000001.hvlog');
  copyFileSync(join(stage.dir, '.hv', 'hello', '000001.hvlog'), file);
  change(file);
  return dir;
}

describe('a log that was changed', () => {
  test('a flipped bit anywhere is refused with 122 and its place', async () => {
    const size = readFileSync(join(stage.dir, '.hv', 'hello', '000001.hvlog')).length;
    for (const part of [0.001, 0.5, 0.9995]) {
      const at = Math.floor(size * part);
      const log = damaged(`flip-${at}`, (file) => {
        const bytes = readFileSync(file);
        bytes[at] = (bytes[at] ?? 0) ^ 4;
        writeFileSync(file, bytes);
      });
      for (const command of [
        ['log', 'verify'],
        ['replay', '-q'],
      ]) {
        const { code, stderr } = await stage.hv([...command, log]).exited;
        expect(code).toBe(122);
        expect(stderr).toContain('HV_E_LOG_DAMAGED');
        expect(stderr).toMatch(/000001\.hvlog/);
      }
    }
  });

  test('a log cut in its beginning is refused, one cut at its end replays up to there', async () => {
    const short = damaged('cut-short', (file) => truncateSync(file, 1000));
    expect((await stage.hv(['replay', short]).exited).code).toBe(122);
    const torn = damaged('cut-end', (file) => truncateSync(file, readFileSync(file).length - 70));
    const { code, stderr } = await stage.hv(['replay', '-q', torn]).exited;
    expect(code).toBe(0);
    expect(stderr).toContain('not sealed');
  });

  test('another script than the recorded one is refused with 120', async () => {
    const other = await stage.hv(['replay', '.hv/hello', join(GUESTS, 'echo.js')]).exited;
    expect(other.code).toBe(120);
    expect(other.stderr).toContain('HV_E_GUEST_CHANGED');
    expect((await stage.hv(['replay', '-q', '.hv/hello', HELLO]).exited).code).toBe(0);
  });
});

describe('bad arguments', () => {
  const cases: readonly [string, readonly string[], number, string][] = [
    ['an unknown command', ['rum'], 2, "unknown command 'rum'"],
    ['an unknown option', ['run', '--bakup', 'x', HELLO], 2, '--bakup'],
    ['no script', ['run'], 2, 'script'],
    ['a bad detect', ['run', '--detect', 'soon', HELLO], 2, 'fast, lan, wan'],
    ['a bad backup address', ['run', '--backup', 'nowhere:port', HELLO], 2, 'nowhere:port'],
    ['no such log', ['replay', 'no/such/log'], 2, 'HV_E_LOG_NOT_FOUND'],
    ['a directory below a file', ['run', '--dir', HELLO, HELLO], 2, 'HV_E_DIRECTORY'],
    [
      'a backup in a directory below a file',
      ['backup', '--listen', '127.0.0.1:0', '--dir', `${HELLO}/sub`],
      2,
      'HV_E_DIRECTORY',
    ],
    ['the status of replicas below a file', ['status', '--dir', `${HELLO}/sub`], 2, 'no replica'],
    [
      'a backup that nobody answers',
      ['run', '--backup', '127.0.0.1:1', HELLO],
      123,
      'HV_E_BACKUP_UNREACHABLE',
    ],
    [
      'a remote backup without an arbiter',
      ['run', '--backup', '192.0.2.1:7700', HELLO],
      123,
      'HV_E_NO_ARBITER',
    ],
    [
      'an arbiter that does not exist',
      ['run', '--arbiter', 'file:/no/such/dir', HELLO],
      123,
      'HV_E_ARBITER',
    ],
    [
      'a backup whose token for its arbiter is not there',
      ['backup', '--listen', '127.0.0.1:0', '--arbiter', 'http://127.0.0.1:1?token-file=nowhere'],
      123,
      'could never take over: the token file',
    ],
    [
      'an arbiter that dies with the primary',
      ['run', '--backup', '192.0.2.1:7700', '--arbiter', 'etcd://127.0.0.1', HELLO],
      123,
      'HV_E_ARBITER_COLOCATED',
    ],
    [
      'an arbiter that dies with the backup',
      ['run', '--backup', '192.0.2.1:7700', '--arbiter', 'pg://192.0.2.1/views', HELLO],
      123,
      'HV_E_ARBITER_COLOCATED',
    ],
    [
      'an arbiter on the own host of a backup for others',
      ['backup', '--listen', '0.0.0.0:0', '--arbiter', 'etcd://localhost'],
      123,
      'HV_E_ARBITER_COLOCATED',
    ],
    [
      'an arbiter that dies with the primary and was asked for by name',
      [
        ...['run', '--backup', '192.0.2.1:7700', '--arbiter', 'etcd://hv:secret@127.0.0.1:1'],
        ...['--arbiter-colocated', '--insecure', HELLO],
      ],
      123,
      'the arbiter etcd://hv:***@127.0.0.1:1 decided no view: etcd at 127.0.0.1:1 does not answer',
    ],
    [
      'a backup without a log',
      ['run', '--no-record', '--backup', '127.0.0.1:1', HELLO],
      2,
      '--no-record',
    ],
  ];
  for (const [what, args, code, text] of cases) {
    test(`${what}: one clear error, nothing left running`, async () => {
      const exit = await stage.hv(args).exited;
      expect(exit.stderr).toContain(text);
      expect(exit.code).toBe(code);
      expect(exit.stdout).toBe('');
    });
  }

  test('a port in use is named', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { code, stderr } = await stage.hv(['backup', '--listen', `127.0.0.1:${port}`]).exited;
    server.close();
    expect(code).toBe(2);
    expect(stderr).toContain('HV_E_PORT_IN_USE');
  });

  test('a cold backup that asks to join where outputs wait for its replay ends with 123 and the reason', async () => {
    const rule = { level: 'replayed', quorum: 0, onLoss: 'continue' } as const;
    const answers: Message[] = [];
    const handlers = {
      onMessage: (answer: Message) => void answers.push(answer),
      onClose: () => undefined,
    };
    // A primary, as far as it takes to be told.
    const listener = await LinkListener.listen('127.0.0.1:0', {
      security: LOCAL_ONLY,
      onLink: () => ({
        onMessage: (message) => {
          if (message.type !== 'join') return;
          const hello = helloOf({ backup: message.address, primary: 'a:1', rule });
          dialLink(message.address, '/link', handlers).send(hello);
        },
        onClose: () => undefined,
      }),
    });
    const own = ['--listen', '127.0.0.1:0', '--dir', 'cold', '--store-only'];
    const joins = ['--join', formatAddress(listener.address)];
    const { code, stderr } = await stage.hv(['backup', ...own, ...joins]).exited;
    expect(code).toBe(123);
    expect(stderr).toContain('HV_E_JOIN');
    expect(stderr).toContain('with --ack replayed outputs wait for its replay');
    expect(stderr).not.toContain('another replica is primary');
    expect(answers).toMatchObject([{ type: 'refuse' }]);
    await listener.close();
  });

  test.each([
    ['does not know', 'consul://x', 'there is no arbiter "consul://x"'],
    ['has no token for', 'http://127.0.0.1:1?token-file=/nowhere', 'could never take over'],
  ])(
    'a primary with an arbiter the backup %s is refused, and the backup waits on',
    async (which, arbiter, words) => {
      const { process: backup, address } = await stage.backup('--dir', which);
      const refusal = new Promise<string>((resolve, reject) => {
        const link = dialLink(address, '/link', {
          onMessage: (message) =>
            resolve(message.type === 'refuse' ? message.reason : message.type),
          onClose: (reason) => reject(new Error(reason)),
        });
        link.send(helloOf({ backup: address, arbiter }));
      });
      expect(await refusal).toContain(words);
      expect(backup.child.exitCode).toBeNull();
    },
  );

  test('a guest that a backup cannot keep is refused with the reason, and the backup waits on', async () => {
    const script = join(stage.dir, 'kept.js');
    writeFileSync(script, 'setInterval(() => {}, 1000);');
    const one = stage.hv(['run', '--dir', 'shared', '--events-fd', '3', script]);
    await one.event('primary.live');
    const { process: backup, address } = await stage.backup('--dir', 'shared');
    const same = ['run', '--name', 'kept', '--dir', 'again', '--backup', address, script];
    const { code, stderr } = await stage.hv(same).exited;
    expect(code).toBe(123);
    expect(stderr).toContain(`process ${one.pid} is recording into`);
    expect(backup.over).toBe(false);
    // Nor does another backup come to its directory, or to the sockets in it.
    const second = stage.hv(['backup', '--listen', '127.0.0.1:0', '--dir', 'shared']);
    const refused = await second.exited;
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(`process ${backup.pid} is a backup`);
    const asked = await askStatus(join(stage.dir, 'shared', 'backup.status.sock'));
    expect(asked).toMatchObject({ role: 'backup', pid: backup.pid });
    expect(existsSync(join(stage.dir, 'shared', 'backup.admin.sock'))).toBe(true);
    expect(one.over).toBe(false);
  });

  test('a name in use is refused and the running guest not disturbed', async () => {
    const script = join(stage.dir, 'stay.js');
    writeFileSync(script, 'setInterval(() => {}, 1000);');
    const one = stage.hv(['run', '--name', 'stay', '--events-fd', '3', script]);
    await one.event('primary.live');
    const { code, stderr } = await stage.hv(['run', '--name', 'stay', script]).exited;
    expect(code).toBe(2);
    expect(stderr).toContain('HV_E_NAME_IN_USE');
    one.kill('SIGTERM');
    expect((await one.exited).code).toBe(143);
  });

  test.each([
    ['whose backup nobody answers', ['--backup', '127.0.0.1:1'], 'HV_E_BACKUP_UNREACHABLE'],
    ['that cannot listen', ['--listen', '192.0.2.1:1', '--insecure'], 'HV_E_'],
  ])('a run %s leaves the log of the run before where it was', async (_, options, words) => {
    const name = 'before';
    const script = join(stage.dir, 'before.js');
    writeFileSync(script, 'console.log("a run");');
    expect((await stage.hv(['run', '--name', name, script]).exited).code).toBe(0);
    const log = join(stage.dir, '.hv', name, '000001.hvlog');
    const bytes = readFileSync(log);
    const refused = await stage.hv(['run', '--name', name, ...options, script]).exited;
    expect(refused.stderr).toContain(words);
    expect(readFileSync(log).equals(bytes)).toBe(true);
    expect(existsSync(join(stage.dir, '.hv', `${name}~1`))).toBe(false);
    const next = stage.hv(['run', '--name', name, '--events-fd', '3', script]);
    const { aside } = await next.event('log.aside');
    expect(readFileSync(join(String(aside), '000001.hvlog')).equals(bytes)).toBe(true);
    await next.exited;
    for (const each of [`${name}`, `${name}~1`])
      rmSync(join(stage.dir, '.hv', each), { recursive: true });
  });

  test('help explains every code', async () => {
    const { code, stdout } = await stage.hv(['help', 'HV_E_FENCED']).exited;
    expect(code).toBe(0);
    expect(stdout).toContain('exit status 121');
  });
});
