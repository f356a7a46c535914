/** Files of a guest across a `kill -9` of its primary: in the guest, and beside the log of each replica. */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Stage } from '../support/hv-process.ts';
import { freePort } from '../support/kv-client.ts';

/** A store as embedded databases have one: each change appended to a journal, the whole by a rename. */
const STORE = `
const fs = require('fs');
const http = require('http');
const all = fs.existsSync('store.json') ? JSON.parse(fs.readFileSync('store.json')) : [];
http.createServer((request, response) => {
  if (request.method === 'POST') {
    const fd = fs.openSync('journal', 'a');
    fs.writeSync(fd, request.url + '\\n');
    fs.fsyncSync(fd);
    fs.closeSync(fd);
    all.push(request.url);
    fs.writeFileSync('store.json~', JSON.stringify(all));
    fs.renameSync('store.json~', 'store.json');
    fs.appendFileSync('/shared/out', request.url + '\\n');
    fs.writeFileSync('/shared/last~', fs.readFileSync('/shared/in', 'utf8') + request.url);
    fs.renameSync('/shared/last~', '/shared/last');
  }
  response.end(fs.readFileSync('journal', 'utf8') + fs.readFileSync('store.json', 'utf8'));
}).listen(Number(process.argv[2]));
`;

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.close());

test('what a guest has written survives its primary, and lies in disk/ of the one that goes on', async () => {
  writeFileSync(join(stage.dir, 'store.js'), STORE);
  const port = await freePort();
  const shared = join(stage.dir, 'shared');
  mkdirSync(shared);
  writeFileSync(join(shared, 'in'), 'read: ');
  const mount = ['--mount', `${shared}:/shared`];
  const { process: backup, address } = await stage.backup('--dir', 'b', ...mount);
  const run = ['run', '--backup', address, ...mount, '--events-fd', '3', 'store.js', String(port)];
  const primary = stage.hv(run);
  await primary.event('protected');
  const post = async (n: number): Promise<string> =>
    (await fetch(`http://127.0.0.1:${port}/${n}`, { method: 'POST' })).text();
  for (let n = 1; n <= 5; n++) await reached(() => post(n));
  primary.kill('SIGKILL');
  await backup.event('live');
  const said = await reached(() => post(6));
  const urls = [1, 2, 3, 4, 5, 6].map((n) => `/${n}`);
  expect(said).toBe(`${urls.join('\n')}\n${JSON.stringify(urls)}`);
  // Each once, though the heir has let out again what it did not know to have left.
  expect(readFileSync(join(shared, 'out'), 'utf8')).toBe(`${urls.join('\n')}\n`);
  expect(readFileSync(join(shared, 'last'), 'utf8')).toBe('read: /6');
  backup.kill('SIGTERM');
  await backup.exited;
  const home = join(stage.dir, 'b/store/disk', stage.dir);
  expect(readdirSync(home).sort()).toEqual(['journal', 'store.json']);
  expect(readFileSync(join(home, 'journal'), 'utf8')).toBe(`${urls.join('\n')}\n`);
  expect(JSON.parse(readFileSync(join(home, 'store.json'), 'utf8'))).toEqual(urls);
  expect(existsSync(join(stage.dir, 'journal'))).toBe(false);

  const again = ['run', '--resume', '--events-fd', '3', '--dir', 'b', 'store.js'];
  const refused = await stage.hv(again).exited;
  expect(refused.stderr).toContain('HV_E_MOUNT');
  expect(refused.code).toBe(2);
  const resumed = stage.hv([...again.slice(0, -1), ...mount, 'store.js']);
  await resumed.event('recovered');
  resumed.kill('SIGTERM');
  await resumed.exited;
  expect(readFileSync(join(shared, 'out'), 'utf8')).toBe(`${urls.join('\n')}\n`);
  expect(readdirSync(home).sort()).toEqual(['journal', 'store.json']);
});

/** The listener may not be there yet. */
async function reached<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
