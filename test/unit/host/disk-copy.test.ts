/** What a user finds in `disk/` beside a log is what the guest has, of whatever life of it. */

import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundleGuest } from '../../../hypervisor/host/bundle.ts';
import type { DiskRoom } from '../../../hypervisor/host/disk.ts';
import { DiskCopy } from '../../../hypervisor/host/disk-copy.ts';
import { shownTree } from '../../../hypervisor/host/disk-tree.ts';
import { loadEngineParts, loadFirmware } from '../../../hypervisor/host/engine-parts.ts';
import { Machine } from '../../../hypervisor/machine/machine.ts';
import { decodeValue, encodeValue, INTERRUPT } from '../../../log-format/index.ts';
import { GuestRunner, TEST_HEADER } from '../../support/guest-runner.ts';

/** Does what a line of standard input says, and answers with all that it has, by path. */
const GUEST = `
const fs = require('fs');
const path = require('path');
const show = (bytes) => {
  if (bytes.length < 100) return String(bytes);
  const sampled = [];
  for (let at = bytes.length - 1; at >= 0; at -= 3001) sampled.push(bytes[at]);
  return [bytes.length, bytes.indexOf('middle'), ...sampled].join();
};
const all = (dir) => fs.readdirSync(dir).sort().flatMap((name) => {
  const at = path.join(dir, name);
  const stat = fs.lstatSync(at);
  if (stat.isSymbolicLink()) return [[at, '->']];
  return stat.isDirectory() ? [[at, '/'], ...all(at)] : [[at, show(fs.readFileSync(at))]];
});
process.stdin.on('data', (line) => {
  new Function('fs', 'path', 'image', String(line))(fs, path, path.join(__dirname, 'note.txt'));
  console.log(JSON.stringify(all('/srv')));
});
`;

let dir: string;
let image: Awaited<ReturnType<typeof bundleGuest>>;
let script: string;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hv-disk-'));
  script = join(dir, 'app', 'main.js');
  mkdirSync(join(dir, 'app'));
  writeFileSync(script, GUEST);
  writeFileSync(join(dir, 'app', 'note.txt'), 'of the image\n');
  image = await bundleGuest(script, { cwd: join(dir, 'app') });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

class Lab {
  readonly guest: GuestRunner;
  readonly copy: DiskCopy;
  readonly troubles: string[] = [];

  constructor(room?: () => DiskRoom, diskBytesMax = 2 ** 26) {
    this.guest = new GuestRunner(image.code, image.sourceMap);
    this.guest.boot({ argv: ['node', script], cwd: '/srv', diskBytesMax }).run();
    this.copy = new DiskCopy({
      ...{ dir, disk: this.guest.machine.disk },
      onTrouble: (reason) => this.troubles.push(reason),
      ...(room === undefined ? {} : { host: { room } }),
    });
  }

  /** What the guest has then. */
  does(line: string): unknown {
    this.guest.stdout = '';
    this.guest.interrupt(INTERRUPT.stdinData, { payload: new TextEncoder().encode(line) });
    this.guest.run();
    expect(this.guest.stderr).toBe('');
    return JSON.parse(this.guest.stdout);
  }
}

/** What is shown of it, in the same form. */
function shown(at = join(dir, 'disk', 'srv'), path = '/srv'): unknown[] {
  return readdirSync(at)
    .sort()
    .flatMap((name) => {
      const [here, inside] = [join(at, name), `${path}/${name}`];
      const stat = lstatSync(here);
      if (stat.isSymbolicLink()) return [[inside, '->']];
      if (stat.isDirectory()) return [[inside, '/'], ...shown(here, inside)];
      return [[inside, contentOf(here)]];
    });
}

/** As the guest shows it. */
function contentOf(file: string): string {
  const bytes = readFileSync(file);
  if (bytes.length < 100) return String(bytes);
  const sampled: (number | undefined)[] = [];
  for (let at = bytes.length - 1; at >= 0; at -= 3001) sampled.push(bytes[at]);
  return [bytes.length, bytes.indexOf('middle'), ...sampled].join();
}

describe('the copy of a guest’s disk', () => {
  test('follows names, content, holes, moves and removals', async () => {
    const lab = new Lab();
    await lab.copy.finish();
    expect(existsSync(join(dir, 'disk'))).toBe(false);
    for (const line of [
      `fs.mkdirSync('a/b', { recursive: true }); fs.writeFileSync('a/b/c', 'one'); fs.mkdirSync('empty');`,
      `fs.appendFileSync('a/b/c', 'two'); fs.linkSync('a/b/c', 'hard'); fs.symlinkSync('a/b', 'soft');`,
      `fs.writeFileSync('big', 'x'.repeat(200_000)); fs.truncateSync('big', 70_000);`,
      `fs.writeFileSync('big', 'y', { flag: 'r+' }); fs.renameSync('a/b/c', 'moved');`,
      `const fd = fs.openSync('hole', 'w'); fs.writeSync(fd, 'end', 150_000); fs.closeSync(fd);`,
      `fs.writeFileSync('new', '1'); fs.renameSync('new', 'moved'); fs.truncateSync('hole', 160_000);`,
      `fs.rmSync('a', { recursive: true }); fs.writeFileSync('a', 'a file now'); fs.renameSync('empty', 'full');`,
      `fs.writeFileSync('full/x', ''); fs.unlinkSync('soft'); fs.mkdirSync('soft'); fs.writeFileSync('soft/y', 'z');`,
      `fs.writeFileSync('large', Buffer.alloc(3_000_000, 7)); fs.writeFileSync('hard', '');`,
      `fs.writeSync(fs.openSync('large', 'r+'), 'in the middle', 1_500_000); fs.unlinkSync('hole');`,
    ]) {
      const has = lab.does(line);
      await lab.copy.finish();
      expect(shown(), line).toEqual(has);
    }
    expect(lab.troubles).toEqual([]);
    expect(lstatSync(join(dir, 'disk', 'srv', 'large')).mode & 0o777).toBe(0o600);
  });

  test('holds of the image only what the guest has changed, and the image stays as it is', async () => {
    const lab = new Lab();
    lab.does(`fs.writeFileSync('seen', fs.readFileSync(image) + fs.statSync(image).size);`);
    await lab.copy.finish();
    expect(readFileSync(join(dir, 'disk/srv/seen'), 'utf8')).toBe('of the image\n13');
    const note = join(dir, 'disk', dir, 'app/note.txt');
    expect(existsSync(note)).toBe(false);
    lab.does(`fs.appendFileSync(image, 'and the guest');`);
    await lab.copy.finish();
    expect(readFileSync(note, 'utf8')).toBe('of the image\nand the guest');
    expect(readFileSync(join(dir, 'app/note.txt'), 'utf8')).toBe('of the image\n');
    lab.does(`fs.renameSync(path.dirname(image), '/srv/app');`);
    await lab.copy.finish();
    expect(existsSync(note)).toBe(false);
    expect(readdirSync(join(dir, 'disk/srv/app')).sort()).toEqual(['note.txt']);
  });

  test('is the same for a machine that was restored, and what an earlier life left is gone', async () => {
    const lab = new Lab();
    lab.does(
      `fs.mkdirSync('d'); fs.writeFileSync('d/f', 'x'.repeat(100_000)); fs.symlinkSync('d', 'l');`,
    );
    await lab.copy.finish();
    writeFileSync(join(dir, 'disk/srv/stale'), 'of an earlier life');
    const { state, memory } = lab.guest.machine.save();
    const restored = new Machine({
      parts: loadEngineParts(),
      firmware: loadFirmware(),
      header: TEST_HEADER,
      image: image.code,
      sourceMap: image.sourceMap,
      snapshot: { state: decodeValue(encodeValue(state)) as typeof state, memory },
    });
    const again = new DiskCopy({ dir, disk: restored.disk, onTrouble: () => undefined });
    await again.finish();
    expect(shown()).toEqual(lab.does(';'));
  });

  test('has no link that leads out of it', async () => {
    const lab = new Lab();
    lab.does(
      `fs.mkdirSync('in/deep', { recursive: true }); fs.writeFileSync('in/f', 'mine');
       fs.symlinkSync('/etc/passwd', 'absolute'); fs.symlinkSync('../'.repeat(40) + 'etc/passwd', 'in/deep/up');
       fs.symlinkSync('../f', 'in/deep/ok'); fs.symlinkSync('/srv/in/f', 'in/deep/too');`,
    );
    await lab.copy.finish();
    const at = (name: string) => join(dir, 'disk/srv', name);
    expect(readlinkSync(at('absolute'))).toBe('../etc/passwd');
    expect(readlinkSync(at('in/deep/up'))).toBe('../../../etc/passwd');
    expect(existsSync(at('absolute'))).toBe(false);
    for (const name of ['in/deep/ok', 'in/deep/too'])
      expect(realpathSync(at(name))).toBe(realpathSync(at('in/f')));
  });

  test('leaves the log its room, says so once, and is whole when there is room again', async () => {
    let free = 0;
    const lab = new Lab(() => ({ free, total: 1e12 }));
    lab.does(`fs.writeFileSync('f', 'content');`);
    await lab.copy.finish();
    lab.does(`fs.writeFileSync('g', 'more');`);
    await lab.copy.finish();
    expect(lab.troubles).toEqual([expect.stringContaining('are kept for the log')]);
    expect(existsSync(join(dir, 'disk'))).toBe(false);
    free = 1e12;
    const has = lab.does(';');
    await lab.copy.finish();
    expect(shown()).toEqual(has);
  });
});

test('a full disk is ENOSPC, for bytes and for names, the image’s own files not counted', () => {
  const lab = new Lab(undefined, 65_536);
  expect(
    lab.does(
      `const tries = (act) => { try { act(); return 'ok'; } catch (error) { return error.code; } };
       const said = [tries(() => fs.writeFileSync('most', 'x'.repeat(32_768)))];
       said.push(tries(() => fs.appendFileSync('most', 'x'.repeat(32_768))));
       said.push(tries(() => fs.appendFileSync('most', 'x')), fs.statSync('most').size);
       said.push(tries(() => fs.writeFileSync('rest', 'x'.repeat(40_000))), fs.existsSync('rest'));
       fs.rmSync('most');
       said.push(tries(() => fs.writeFileSync('rest', 'x'.repeat(40_000))));
       said.push(tries(() => fs.appendFileSync(image, '!')));
       fs.rmSync('rest');
       said.push(tries(() => { for (let n = 0; n < 20; n++) fs.writeFileSync('n' + n, ''); }));
       const { files, ffree } = fs.statfsSync('/');
       said.push(files, ffree, fs.existsSync('n15'), fs.existsSync('n16'), tries(() => fs.mkdirSync('d')));
       for (const name of fs.readdirSync('.')) fs.rmSync(name);
       fs.writeFileSync('said', said.join());`,
    ),
  ).toEqual([
    ['/srv/said', 'ok,ok,ENOSPC,65536,ENOSPC,true,ok,ENOSPC,ENOSPC,16,0,true,false,ENOSPC'],
  ]);
});

test('names that a host would take for a path are not shown', () => {
  const nothing = { hidden: false, target: '', size: 0, pages: new Map() };
  const file = { ...nothing, kind: 'file', entries: new Map() } as const;
  const names = ['..', '.', '', 'a/b', 'a\0b', 'fine'].map((name) => [name, 2] as const);
  const root = { ...nothing, kind: 'directory', entries: new Map(names) } as const;
  const tree = shownTree({
    root: 1,
    nodes: new Map<number, typeof root | typeof file>([
      [1, root],
      [2, file],
    ]),
  });
  expect([...tree.keys()]).toEqual(['fine']);
});
