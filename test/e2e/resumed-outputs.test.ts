import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Stage } from '../support/hv-process.ts';

let stage: Stage;
let script: string;
beforeEach(() => {
  stage = new Stage();
  script = join(stage.dir, 'diary.mjs');
  writeFileSync(script, DIARY);
});
afterEach(() => stage.close());

/** Prints what it is sent. */
const DIARY = `import net from 'node:net';
const server = net.createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', (data) => console.log('wrote', String(data)));
});
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port));
`;

/** Resolves when a log's file holds these bytes. */
async function holds(path: string, text: string): Promise<void> {
  const has = (): boolean =>
    statSync(path, { throwIfNoEntry: false }) !== undefined && readFileSync(path).includes(text);
  while (!has()) await new Promise((resolve) => setImmediate(resolve));
}

describe('a primary whose outputs waited for a backup when both were killed', () => {
  test('prints them when it goes on, and what it had printed it does not print again', async () => {
    const backup = await stage.backup('--dir', 'b1');
    const options = ['--backup', backup.address, '--detect', '60000', '--events-fd', '3'];
    const primary = stage.hv(['run', ...options, script]);
    await primary.event('protected');
    const [, port] = await primary.output(/port (\d+)/);
    const socket = connect({ port: Number(port), host: '127.0.0.1' });
    socket.once('error', () => undefined);
    socket.write('monday');
    await primary.output(/wrote monday/);
    backup.process.kill('SIGSTOP');
    await backup.process.untilStopped();
    socket.write('tuesday');
    const log = join(stage.dir, '.hv/diary/000001.hvlog');
    await holds(log, 'tuesday');
    // What comes behind it shows that the end of its group is in the log as well.
    socket.write('wednesday');
    await holds(log, 'wednesday');
    for (const one of [backup.process, primary]) one.kill('SIGKILL');
    expect((await primary.exited).stdout).not.toContain('tuesday');

    const resumed = stage.hv(['run', '--resume', '--name', 'diary']);
    await resumed.output(/wrote wednesday/);
    resumed.kill('SIGTERM');
    expect((await resumed.exited).stdout).toBe('wrote tuesday\nwrote wednesday\n');
  });
});
