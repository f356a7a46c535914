/** An image kept from an earlier start is used when, and only when, nothing it was made of has changed. */

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { bundleGuest, type GuestImage } from '../../../hypervisor/host/bundle.ts';
import { type Asked, ImageCache, imageDirectory } from '../../../hypervisor/host/bundle-cache.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'hv-image-cache-')));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let app = '';
let cacheDir = '';
let count = 0;
beforeEach(() => {
  count += 1;
  app = join(root, `app${count}`);
  cacheDir = join(root, `cache${count}`);
  mkdirSync(join(app, 'views'), { recursive: true });
  writeFileSync(
    join(app, 'main.js'),
    "console.log(require('./part'), require('fs').readFileSync(__dirname + '/views/a.html', 'utf8')); try { require('extra'); } catch {}",
  );
  writeFileSync(join(app, 'part.js'), 'module.exports = 1;');
  writeFileSync(join(app, 'views/a.html'), 'a');
});

const asked = (): Asked => ({ script: join(app, 'main.js'), preloads: [], include: [], cwd: app });
const cache = (): ImageCache => new ImageCache(cacheDir);
const start = (): Promise<GuestImage> => bundleGuest('main.js', { cwd: app, cache: cache() });
const kept = (): string => join(cacheDir, readdirSync(cacheDir)[0] ?? '');

test('the second start takes the image of the first, byte for byte', async () => {
  expect(cache().find(asked())).toBeUndefined();
  const first = await start();
  const found = cache().find(asked());
  expect(found).toEqual(first);
  expect(await start()).toEqual(first);
  expect(cache().find({ ...asked(), preloads: [join(app, 'part.js')] })).toBeUndefined();
});

test('a directory and a file of it are their owner’s alone', async () => {
  await start();
  expect(statSync(cacheDir).mode & 0o777).toBe(0o700);
  expect(statSync(kept()).mode & 0o777).toBe(0o600);
});

test.each([
  ['a source', 'part.js', 'module.exports = 2;'],
  ['a file in the image', 'views/a.html', 'b'],
  ['a package.json', 'package.json', '{"hv":{"include":["views"]}}'],
  ['a tsconfig.json', 'tsconfig.json', '{}'],
  ['a package that was not there', 'node_modules/extra/index.js', ''],
  ['a file that is found earlier', 'part', 'module.exports = 3;'],
])('%s that changes makes a new image', async (_, name, text) => {
  await start();
  expect(cache().find(asked())).toBeDefined();
  mkdirSync(join(app, name, '..'), { recursive: true });
  writeFileSync(join(app, name), text);
  expect(cache().find(asked())).toBeUndefined();
});

test('a file that the program writes beside itself changes nothing', async () => {
  await start();
  writeFileSync(join(app, 'out.log'), 'x');
  expect(cache().find(asked())).toBeDefined();
});

test('a kept image that is torn, changed or open to others is not used', async () => {
  await start();
  const whole = readFileSync(kept());
  for (const at of [3, 20, 60, whole.length - 1]) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] ?? 0) ^ 1;
    writeFileSync(kept(), changed);
    expect([at, cache().find(asked())]).toEqual([at, undefined]);
  }
  writeFileSync(kept(), whole.subarray(0, whole.length >> 1));
  expect(cache().find(asked())).toBeUndefined();
  writeFileSync(kept(), whole);
  expect(cache().find(asked())).toBeDefined();
  chmodSync(kept(), 0o666);
  expect(cache().find(asked())).toBeUndefined();
  chmodSync(kept(), 0o600);
  chmodSync(cacheDir, 0o770);
  expect(cache().find(asked())).toBeUndefined();
});

test('a directory that cannot be made costs the cache and nothing else', async () => {
  writeFileSync(cacheDir, 'a file');
  expect((await start()).files).toBe(2);
});

test('the images of a user lie where caches lie', () => {
  expect(imageDirectory({ XDG_CACHE_HOME: '/c', HOME: '/h' })).toBe('/c/hv/images');
  expect(imageDirectory({ XDG_CACHE_HOME: 'c', HOME: '/h' })).toBe('/h/.cache/hv/images');
});
