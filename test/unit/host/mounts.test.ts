/** A directory of the host that a guest has: what it sees of it, and what becomes of its own acts. */

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundleGuest } from '../../../hypervisor/host/bundle.ts';
import {
  type MountOption,
  mountArguments,
  mountOption,
} from '../../../hypervisor/host/mount-option.ts';
import { Mounts } from '../../../hypervisor/host/mounts.ts';
import { asEpoch, INTERRUPT, type MountAct } from '../../../log-format/index.ts';
import { GuestRunner } from '../../support/guest-runner.ts';

/** Does what a line of standard input says, and answers with its value, or the error's text. */
const GUEST = `
const fs = require('fs');
const all = (dir) => fs.existsSync(dir) ? fs.readdirSync(dir, { recursive: true }).sort() : [];
process.stdin.on('data', (line) => {
  let said;
  try { said = new Function('fs', 'all', String(line))(fs, all); } catch (error) { said = error.message; }
  console.log(JSON.stringify(said ?? null));
});
`;

let dir: string;
let data: string;
let image: Awaited<ReturnType<typeof bundleGuest>>;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hv-mounts-'));
  data = join(dir, 'data');
  mkdirSync(join(data, 'sub'), { recursive: true });
  writeFileSync(join(data, 'a'), 'of the host');
  writeFileSync(join(data, 'sub/b'), Buffer.alloc(600_000, 'b'));
  writeFileSync(join(dir, 'main.js'), GUEST);
  image = await bundleGuest(join(dir, 'main.js'), { cwd: dir });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

class Lab {
  readonly guest = new GuestRunner(image.code, image.sourceMap);
  readonly troubles: [event: string, reason: unknown][] = [];
  mounts: Mounts;
  /** Acts that the output rule has not let out. */
  acts: MountAct[] = [];
  readonly #readOnly: boolean;

  private constructor({ readOnly }: { readonly readOnly: boolean }) {
    this.#readOnly = readOnly;
    this.mounts = this.open(1);
  }

  static async start(more: { readonly readOnly: boolean } = { readOnly: false }): Promise<Lab> {
    const lab = new Lab(more);
    for (const { kind, payload = new Uint8Array() } of await lab.mounts.load())
      lab.guest.interrupt(kind, { payload });
    lab.guest.boot({ cwd: '/', mounts: [{ path: '/data', readOnly: more.readOnly }] }).run();
    return lab;
  }

  /** Another process that goes on with the guest. */
  open(epoch: number): Mounts {
    const mounts = new Mounts({
      given: [{ host: data, guest: '/data', readOnly: this.#readOnly }],
      ...{ disk: this.guest.machine.disk, vm: 'run-1', goesOn: false },
      onInterrupt: ({ kind, payload = new Uint8Array() }) =>
        this.guest.interrupt(kind, { payload }),
      trouble: (event, { reason }) => this.troubles.push([event, reason]),
    });
    mounts.goLive(asEpoch(epoch));
    return mounts;
  }

  /** What it answers; its acts wait. */
  asks(line: string): unknown {
    this.guest.stdout = '';
    const before = this.guest.outputs.length;
    this.guest.interrupt(INTERRUPT.stdinData, { payload: new TextEncoder().encode(line) });
    this.guest.run();
    for (const output of this.guest.outputs.slice(before)) {
      if (output.device !== 'mount') continue;
      this.acts.push(output);
      this.mounts.retain(output);
    }
    return JSON.parse(this.guest.stdout);
  }

  letOut(): void {
    for (const act of this.acts.splice(0)) this.mounts.release(act);
  }
}

function onHost(at = data, path = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(at, { withFileTypes: true })) {
    if (entry.name.startsWith('.hv')) continue;
    const name = path + entry.name;
    if (entry.isDirectory()) Object.assign(found, onHost(join(at, entry.name), `${name}/`));
    else found[name] = readFileSync(join(at, entry.name), 'latin1').slice(0, 40);
  }
  return found;
}

describe('a guest with a mount', () => {
  test('finds at its boot what the host has, links and hv’s own files left out', async () => {
    symlinkSync('/etc', join(data, 'out'));
    mkdirSync(join(data, '.hv'));
    const lab = await Lab.start();
    expect(lab.asks(`return all('/data')`)).toEqual(['a', 'sub', 'sub/b']);
    expect(lab.asks(`return fs.readFileSync('/data/a', 'utf8')`)).toBe('of the host');
    expect(lab.asks(`return fs.readFileSync('/data/sub/b').lastIndexOf('b')`)).toBe(599_999);
  });

  test('sees its acts at once, and the host when they are let out', async () => {
    const lab = await Lab.start();
    const before = onHost();
    const has = lab.asks(`
      fs.writeFileSync('/data/new', 'one'); fs.appendFileSync('/data/new', ' two');
      fs.mkdirSync('/data/d/e', { recursive: true }); fs.renameSync('/data/new', '/data/d/e/f');
      fs.rmSync('/data/sub', { recursive: true }); fs.truncateSync('/data/a', 2);
      fs.writeFileSync('/data/t~', 'whole'); fs.renameSync('/data/t~', '/data/t');
      const fd = fs.openSync('/data/gone', 'w'); fs.unlinkSync('/data/gone'); fs.writeSync(fd, 'x');
      return all('/data').map((name) => [name, fs.statSync('/data/' + name).isFile() && fs.readFileSync('/data/' + name, 'utf8')])`);
    expect(has).toEqual([
      ...[
        ['a', 'of'],
        ['d', false],
        ['d/e', false],
        ['d/e/f', 'one two'],
        ['t', 'whole'],
      ],
    ]);
    expect(onHost()).toEqual(before);
    lab.letOut();
    expect(onHost()).toEqual({ a: 'of', 'd/e/f': 'one two', t: 'whole' });
    await lab.mounts.look();
    expect(lab.asks(`return fs.readFileSync('/data/d/e/f', 'utf8')`)).toBe('one two');
    expect(lab.troubles).toEqual([]);
  });

  test('is told what others change, and keeps what it has written meanwhile', async () => {
    const lab = await Lab.start();
    await lab.mounts.look();
    lab.asks(`fs.watch('/data', () => { globalThis.seen = true; })`);
    writeFileSync(join(data, 'a'), 'changed');
    mkdirSync(join(data, 'more'));
    writeFileSync(join(data, 'more/c'), 'new');
    rmSync(join(data, 'sub'), { recursive: true });
    await lab.mounts.look();
    lab.guest.run();
    expect(
      lab.asks(`return [all('/data'), fs.readFileSync('/data/a', 'utf8'), globalThis.seen]`),
    ).toEqual([['a', 'more', 'more/c'], 'changed', true]);
    lab.asks(`fs.writeFileSync('/data/a', 'mine'); fs.rmSync('/data/more', { recursive: true });`);
    writeFileSync(join(data, 'a'), 'theirs, which is older than what waits');
    await lab.mounts.look();
    expect(lab.asks(`return [all('/data'), fs.readFileSync('/data/a', 'utf8')]`)).toEqual([
      ['a'],
      'mine',
    ]);
    lab.letOut();
    await lab.mounts.look();
    expect(onHost()).toEqual({ a: 'mine' });
  });

  test('that is read-only changes nothing, with Node’s errors', async () => {
    const lab = await Lab.start({ readOnly: true });
    for (const [line, said] of [
      [`fs.writeFileSync('/data/a', '')`, "EROFS: read-only file system, open '/data/a'"],
      [`fs.mkdirSync('/data/d')`, "EROFS: read-only file system, mkdir '/data/d'"],
      [`fs.unlinkSync('/data/a')`, "EROFS: read-only file system, unlink '/data/a'"],
      [`fs.chmodSync('/data/a', 0o600)`, "EROFS: read-only file system, chmod '/data/a'"],
      [
        `fs.renameSync('/data/a', '/data/b')`,
        "EROFS: read-only file system, rename '/data/a' -> '/data/b'",
      ],
    ])
      expect(lab.asks(line as string)).toBe(said);
    expect(lab.acts).toEqual([]);
    expect(readdirSync(data).sort()).toEqual(['a', 'sub']);
  });

  test('makes no links there, moves nothing across, and keeps the mount where it is', async () => {
    const lab = await Lab.start();
    for (const [line, code] of [
      [`fs.symlinkSync('/etc', '/data/l')`, 'EPERM'],
      [`fs.linkSync('/data/a', '/data/l')`, 'EPERM'],
      [`fs.linkSync('/data/a', '/tmp/l')`, 'EXDEV'],
      [`fs.renameSync('/data/a', '/tmp/a')`, 'EXDEV'],
      [`fs.renameSync('/data', '/tmp/d')`, 'EBUSY'],
      [
        `fs.rmSync('/data/sub', { recursive: true }); fs.unlinkSync('/data/a'); fs.rmdirSync('/data')`,
        'EBUSY',
      ],
    ])
      expect(lab.asks(line as string)).toMatch(new RegExp(`^${code}`));
  });
});

describe('acts of a guest', () => {
  const ACTS = `
    fs.writeFileSync('/data/x~', '1'); fs.renameSync('/data/x~', '/data/x');
    fs.writeFileSync('/data/x~', '2'); fs.renameSync('/data/x~', '/data/x');
    fs.appendFileSync('/data/x', '3'); fs.mkdirSync('/data/k'); fs.rmdirSync('/data/k');
    fs.rmSync('/data/sub', { recursive: true }); fs.renameSync('/data/a', '/data/b');
    fs.writeFileSync('/data/a', 'another');`;

  test('are done once, wherever the process before was killed', async () => {
    const first = await Lab.start();
    first.asks(ACTS);
    const acts = [...first.acts];
    expect(acts.length).toBeGreaterThan(10);
    for (let done = 0; done <= acts.length; done++) {
      rmSync(data, { recursive: true });
      mkdirSync(join(data, 'sub'), { recursive: true });
      writeFileSync(join(data, 'a'), 'of the host');
      writeFileSync(join(data, 'sub/b'), '');
      writeFileSync(join(data, `.hv-mount.run-1`), `${`1 0`.padEnd(47)}\n`);
      const dead = first.open(1);
      for (const act of acts.slice(0, done)) dead.release(act);
      // Killed between the act and its note: the marker is that of the one before.
      const note = readFileSync(join(data, '.hv-mount.run-1'));
      const next = acts[done];
      if (next !== undefined) dead.release(next);
      writeFileSync(join(data, '.hv-mount.run-1'), note);
      dead.close(false);
      const heir = first.open(2);
      // What has left is known late.
      for (const act of acts.slice(Math.max(0, done - 5))) heir.release(act);
      heir.close(false);
      expect(onHost(), `killed behind ${done} acts`).toEqual({
        ...{ a: 'another', b: 'of the host', x: '23' },
      });
      expect(first.troubles).toEqual([]);
    }
  });

  test('of a primary that was deposed are not done any more', async () => {
    const lab = await Lab.start();
    lab.asks(`fs.writeFileSync('/data/old', 'late')`);
    const heir = lab.open(3);
    lab.letOut();
    expect(existsSync(join(data, 'old'))).toBe(false);
    expect(lab.troubles).toEqual([['mount.deposed', expect.any(String)]]);
    heir.close(false);
  });

  test('never leave the directory, whatever the host has put there', async () => {
    const lab = await Lab.start();
    const outside = join(dir, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'f'), 'untouched');
    lab.asks(
      `fs.writeFileSync('/data/sub/f', 'x'); fs.writeFileSync('/data/a', 'y'); fs.rmSync('/data/sub/b')`,
    );
    renameSync(join(data, 'sub'), join(dir, 'away'));
    symlinkSync(outside, join(data, 'sub'));
    rmSync(join(data, 'a'));
    symlinkSync(join(outside, 'f'), join(data, 'a'));
    lab.letOut();
    expect(onHost(outside)).toEqual({ f: 'untouched' });
    expect(new Set(lab.troubles.map(([event]) => event))).toEqual(new Set(['mount.refused']));
  });

  test('are for the directory of the run alone: a run that goes on takes no other', async () => {
    const lab = await Lab.start();
    lab.mounts.close(false);
    rmSync(data, { recursive: true });
    mkdirSync(data);
    expect(() => lab.open(2)).toThrow(/is not the directory that the run has had there/);
    expect(readdirSync(data)).toEqual([]);
  });
});

test('--mount is read as host:guest[:ro], and passed on as it was meant', () => {
  const both = mountOption('./b:/b/c:ro', mountOption(`${dir}:/data/`));
  expect(both).toEqual([
    { host: dir, guest: '/data', readOnly: false },
    { host: join(process.cwd(), 'b'), guest: '/b/c', readOnly: true },
  ]);
  let again: readonly MountOption[] = [];
  for (const word of mountArguments(both)) if (word !== '--mount') again = mountOption(word, again);
  expect(again).toEqual(both);
  for (const wrong of ['data', 'data:rel', 'data:/', ':/x', '/a:/data/x', '/a:/'])
    expect(() => mountOption(wrong, both), wrong).toThrow('--mount takes');
});
