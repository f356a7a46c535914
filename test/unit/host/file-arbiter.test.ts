import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { arbiterKey } from '../../../hypervisor/host/arbiter-answers.ts';
import { absoluteArbiterUrl, openArbiter } from '../../../hypervisor/host/arbiters.ts';
import { FileArbiter } from '../../../hypervisor/host/file-arbiter.ts';
import type { Arbiter, ArbiterAnswer } from '../../../hypervisor/ports.ts';
import type { View } from '../../../hypervisor/protocol/messages.ts';
import { asEpoch } from '../../../log-format/index.ts';
import { bundleForNode } from './bundle-for-node.ts';

const VM = 'kv-0badcafe';
let directory = '';
let arbiter: Arbiter = new FileArbiter('unused');

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hv-arbiter-'));
  arbiter = openArbiter(`file:${directory}`);
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function viewOf(epoch: number, primary = 'a:1'): View {
  return { epoch: asEpoch(epoch), primary, backups: ['b:2', 'c:3'] };
}
function read(vm = VM): Promise<ArbiterAnswer> {
  return new Promise((resolve) => arbiter.read(vm, resolve));
}
function claim(expected: number, token: string, next = viewOf(expected + 1)) {
  return new Promise<ArbiterAnswer>((resolve) =>
    arbiter.claim({ vm: VM, expect: asEpoch(expected), next, token }, resolve),
  );
}
function epochPath(epoch: number): string {
  return join(directory, VM, `epoch-${String(epoch).padStart(8, '0')}.json`);
}

describe('a file arbiter', () => {
  test('knows no view of a vm nobody claimed', async () => {
    expect(await read()).toEqual({ type: 'current', view: undefined });
    expect(readdirSync(directory)).toEqual([]);
  });

  test('gives each epoch to the first claim and shows it afterwards', async () => {
    expect(await claim(0, 't1')).toEqual({ type: 'won', view: viewOf(1) });
    expect(await claim(1, 't2', viewOf(2, 'b:2'))).toEqual({ type: 'won', view: viewOf(2, 'b:2') });
    expect(await read()).toEqual({ type: 'current', view: viewOf(2, 'b:2') });
    const stored = JSON.parse(readFileSync(epochPath(1), 'utf8'));
    expect(stored).toMatchObject({ view: viewOf(1), token: 't1' });
    expect(readdirSync(join(directory, VM)).sort()).toEqual([
      'epoch-00000001.json',
      'epoch-00000002.json',
    ]);
  });

  test('a claim for a taken epoch loses, and the first view stays', async () => {
    await claim(0, 't1');
    const before = readFileSync(epochPath(1));
    expect(await claim(0, 't2', viewOf(1, 'z:9'))).toEqual({ type: 'lost', view: viewOf(1) });
    expect(readFileSync(epochPath(1))).toEqual(before);
  });

  test('a retry with the same token wins again, until a later epoch exists', async () => {
    await claim(0, 't1');
    expect(await claim(0, 't1')).toEqual({ type: 'won', view: viewOf(1) });
    await claim(1, 't2', viewOf(2, 'b:2'));
    expect(await claim(0, 't1')).toEqual({ type: 'lost', view: viewOf(2, 'b:2') });
  });

  test('a claim ahead of the directory is not decided', async () => {
    await claim(0, 't1');
    const answer = await claim(5, 't2');
    expect(answer).toMatchObject({ type: 'unavailable' });
    expect(JSON.stringify(answer)).toContain('is this the one the other host uses?');
    expect(existsSync(epochPath(6))).toBe(false);
  });

  test('two claims at once in one process have one winner', async () => {
    for (let epoch = 0; epoch < 20; epoch++) {
      const answers = await Promise.all(['x', 'y', 'z'].map((name) => claim(epoch, name)));
      expect(answers.map(({ type }) => type).sort()).toEqual(['lost', 'lost', 'won']);
    }
  });

  test('vms do not meet, whatever their names', async () => {
    const names = ['..', '.', 'a/b', 'a%2Fb', '~x', 'ü', '.hidden', 'x'.repeat(300)];
    const components = names.map(arbiterKey);
    expect(new Set(components).size).toBe(names.length);
    for (const component of components) expect(component).toMatch(/^[A-Za-z0-9%~_-][\w%.~-]*$/);
    for (const component of components) expect(component.length).toBeLessThanOrEqual(200);
    expect(await read('../..')).toEqual({ type: 'current', view: undefined });
  });
});

describe('an unavailable arbiter says why', () => {
  test('a directory that does not exist, which it does not create', async () => {
    arbiter = new FileArbiter(join(directory, 'missing'));
    const reason = `${join(directory, 'missing')} does not exist or is not mounted`;
    expect(await read()).toEqual({ type: 'unavailable', reason });
    expect(await claim(0, 't')).toEqual({ type: 'unavailable', reason });
    expect(existsSync(join(directory, 'missing'))).toBe(false);
  });

  test('a file in the place of the directory', async () => {
    writeFileSync(join(directory, 'file'), '');
    arbiter = new FileArbiter(join(directory, 'file'));
    expect(await claim(0, 't')).toMatchObject({
      reason: expect.stringContaining('not a directory'),
    });
  });

  test('a directory without permission', async () => {
    mkdirSync(join(directory, VM), { mode: 0o500 });
    chmodSync(directory, 0o555);
    const root = process.geteuid?.() === 0;
    // Nothing is forbidden to root, so that for a moment we are nobody.
    if (root) process.seteuid?.(65_534);
    try {
      const reason = `${directory} cannot be written or read by this user`;
      expect(await claim(0, 't')).toEqual({ type: 'unavailable', reason });
    } finally {
      if (root) process.seteuid?.(0);
      chmodSync(directory, 0o700);
      chmodSync(join(directory, VM), 0o700);
    }
  });

  test.skipIf(!existsSync('/proc/self'))('a file system that refuses to write', async () => {
    arbiter = new FileArbiter('/proc/self/task');
    expect(await claim(0, 't')).toMatchObject({ type: 'unavailable' });
  });

  test.each<[string, string]>([
    ['cut', '{"view":{"epoch":1,"prim'],
    ['of another epoch', JSON.stringify({ view: viewOf(7), token: 't' })],
    ['without a token', JSON.stringify({ view: viewOf(1) })],
    ['with a wrong view', JSON.stringify({ view: { epoch: 1, primary: 4 }, token: 't' })],
    ['with wrong backups', JSON.stringify({ view: { ...viewOf(1), backups: [1] }, token: 't' })],
    ['with null', 'null'],
  ])('a view file %s, by name', async (_what, text) => {
    mkdirSync(join(directory, VM));
    writeFileSync(epochPath(1), text);
    const answer = await claim(1, 't2');
    expect(answer).toMatchObject({
      type: 'unavailable',
      reason: expect.stringContaining(`${epochPath(1)} is damaged`),
    });
    expect(await read()).toEqual(answer);
    expect(existsSync(epochPath(2))).toBe(false);
  });

  test('a file system that does not answer in time', async () => {
    arbiter = new FileArbiter(directory, { timeoutMs: 0 });
    // A named pipe without a writer: opening it for reading waits for ever.
    mkdirSync(join(directory, VM));
    const fifo = spawn('mkfifo', [epochPath(1)]);
    expect((await once(fifo, 'exit'))[0]).toBe(0);
    const answer = await read();
    expect(answer).toEqual({
      type: 'unavailable',
      reason: `${directory} did not answer within 0 ms`,
    });
    // Lets the read that waits in the thread pool go.
    await writeFile(epochPath(1), 'x');
  });
});

const CLAIMANT = `
  import { FileArbiter } from 'hypervisor/host/file-arbiter.ts';
  const [directory, name, rounds] = process.argv.slice(2);
  const arbiter = new FileArbiter(directory);
  const won = [];
  let lost = 0;
  function round(expect) {
    if (expect >= Number(rounds)) {
      process.stdout.write(JSON.stringify({ won, lost }));
      return;
    }
    const token = name + '-' + expect;
    const next = { epoch: expect + 1, primary: name, backups: [] };
    arbiter.claim({ vm: 'race', expect, next, token }, (answer) => {
      if (answer.type === 'unavailable') throw new Error(answer.reason);
      if (answer.type === 'won') won.push(answer.view.epoch);
      else lost += 1;
      round(answer.view.epoch);
    });
  }
  process.stdin.once('data', () => { process.stdin.destroy(); round(0); });
  process.stdout.write('ready\\n');
`;

test('of claims from several processes exactly one wins each of 300 epochs', async () => {
  const rounds = 300;
  const script = await bundleForNode('claimant', CLAIMANT);
  const names = ['p0', 'p1', 'p2', 'p3'];
  const children = names.map((name) =>
    spawn(process.execPath, [script, directory, name, String(rounds)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  );
  try {
    await Promise.all(children.map(({ stdout }) => once(stdout, 'data')));
    const outputs = children.map(async ({ stdout }) => {
      let text = '';
      for await (const chunk of stdout) text += String(chunk);
      return JSON.parse(text) as { won: number[]; lost: number };
    });
    for (const { stdin } of children) stdin.write('go');
    const results = await Promise.all(outputs);
    const winners = results.flatMap(({ won }, index) => won.map((epoch) => [epoch, names[index]]));
    winners.sort(([left], [right]) => Number(left) - Number(right));
    expect(winners.map(([epoch]) => epoch)).toEqual(
      Array.from({ length: rounds }, (_, at) => at + 1),
    );
    for (const [epoch, name] of winners) {
      const path = join(directory, 'race', `epoch-${String(epoch).padStart(8, '0')}.json`);
      expect(JSON.parse(readFileSync(path, 'utf8')).view.primary).toBe(name);
    }
    // Without losers there was no race and the test has shown nothing.
    expect(results.reduce((sum, { lost }) => sum + lost, 0)).toBeGreaterThan(rounds / 10);
    expect(readdirSync(join(directory, 'race')).length).toBe(rounds);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
});

describe('arbiter urls', () => {
  test('file: takes a relative, an absolute and a URL path', () => {
    expect(absoluteArbiterUrl('file:views')).toBe(`file:${join(process.cwd(), 'views')}`);
    expect(absoluteArbiterUrl('file:/srv/views')).toBe('file:/srv/views');
    expect(absoluteArbiterUrl('file:///srv/my%20views')).toBe('file:/srv/my views');
  });

  test.each(['consul://x', 'etcd:', 'file:', '', 'file://elsewhere/dir'])(
    '%s is refused',
    (url) => {
      expect(() => openArbiter(url)).toThrow(expect.objectContaining({ code: 'HV_E_USAGE' }));
    },
  );

  test('the refusal lists what exists', () => {
    expect(() => openArbiter('etcd:x')).toThrow('this hv knows file:DIR');
  });
});
