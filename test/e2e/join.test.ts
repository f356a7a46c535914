import { mkdirSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { untilAccepting } from '../../hypervisor/cli/demo/replicas.ts';
import { GUESTS, type HvProcess, Stage } from '../support/hv-process.ts';
import { freePort } from '../support/kv-client.ts';

/** More than the records up to which a log is streamed whole (JOIN_LOG_RECORDS). */
const ANSWERS = 3_000;

/** Asks so often, one line at a time, and goes. The last answer. */
function ask(port: number, times: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let answers = 0;
    let last = '';
    const socket = connect(port, '127.0.0.1', () => socket.write('?\n'));
    socket.on('data', (bytes) => {
      answers += 1;
      last = bytes.toString().trim();
      if (answers < times) socket.write('?\n');
      else socket.end();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(last));
  });
}

function accepting(port: number, primary: HvProcess): Promise<void> {
  const gaveUp = (): Error | undefined =>
    primary.over ? new Error(`the guest ended: ${primary.stderr}`) : undefined;
  return untilAccepting(port, { timeoutMs: 60_000, gaveUp });
}

/** A guest with a large memory and a long log that has nothing to do, and a backup on its way to it. */
async function joining(): Promise<{
  readonly stage: Stage;
  readonly port: number;
  readonly primary: HvProcess;
  readonly backup: HvProcess;
}> {
  const stage = new Stage();
  onTestFinished(() => stage.close());
  mkdirSync(join(stage.dir, 'arbiter'));
  const port = await freePort();
  const primary = stage.hv([
    ...['run', '--listen', '127.0.0.1:0', '--arbiter', `file:${join(stage.dir, 'arbiter')}`],
    ...['--detect', '5000', '--dir', 'primary', '--events-fd', '3', '--checkpoint', '1000000000'],
    ...[join(GUESTS, 'bench-heap.js'), String(port), '20'],
  ]);
  const { address = '' } = await primary.event('started');
  await accepting(port, primary);
  await ask(port, ANSWERS);
  const backup = stage.hv([
    ...['backup', '--listen', '127.0.0.1:0', '--join', address, '--dir', 'backup'],
    ...['--events-fd', '3'],
  ]);
  return { stage, port, primary, backup };
}

describe('a backup that joins a guest with nothing to do', () => {
  it('gets a snapshot that is taken for it, and takes over with all that was answered, also while its machine is being restored', {
    timeout: 120_000,
  }, async () => {
    const { stage, port, primary, backup } = await joining();
    const taken = await primary.event('checkpoint');
    await primary.event('protected');
    primary.child.kill('SIGKILL');
    await backup.event('live');
    await accepting(port, backup);
    expect(await ask(port, 1)).toBe(String(ANSWERS + 1));
    const snapshots = readdirSync(join(stage.dir, 'backup', 'bench-heap')).filter((name) =>
      name.endsWith('.hvsnap'),
    );
    expect(snapshots.map((name) => Number.parseInt(name, 10))).toContain(taken.lsn);
  });
});
