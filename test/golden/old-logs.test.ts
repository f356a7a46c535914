/** What can be done with a log of format 1, beyond replaying it: all but going on with it. */

import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLog } from '../../hypervisor/host/log-reader.ts';
import { FORMAT_VERSION } from '../../log-format/index.ts';
import { Stage } from '../support/hv-process.ts';
import { GOLDEN_DIR } from './goldens.ts';

const golden = (name: string): string => join(GOLDEN_DIR, `${name}.hvlog`);

let stage: Stage;
beforeAll(() => {
  stage = new Stage();
});
afterAll(() => stage.close());

describe('a log of format 1', () => {
  test('is not gone on with, and stays as it is', async () => {
    const dir = join(stage.dir, '.hv/kv-killed');
    mkdirSync(dir, { recursive: true });
    const segment = join(dir, '000001.hvlog');
    copyFileSync(golden('kv-killed'), segment);
    const { code, stderr } = await stage.hv(['run', '--resume', '--name', 'kv-killed']).exited;
    expect(stderr).toContain('in format 1: it can be replayed and inspected, not continued');
    expect(stderr).toContain('HV_E_LOG_VERSION');
    expect(code).toBe(122);
    expect(readFileSync(segment).equals(readFileSync(golden('kv-killed')))).toBe(true);
  });

  test('can be inspected', async () => {
    const lines = ['--at', '50%', '--eval', 'process.argv[2]', '--json'];
    const { code, stdout, stderr } = await stage.hv(['inspect', golden('ticker'), ...lines]).exited;
    expect(stdout, stderr).toContain('"6"');
    expect(code).toBe(0);
  });

  test('can be exported', async () => {
    const { code, stdout } = await stage.hv(['log', 'export', golden('hello'), '--format', 'jsonl'])
      .exited;
    expect(stdout).toContain('Hello, golden.');
    expect(code).toBe(0);
  });

  test('can be forked: the fork keeps its machine and has a log of today', async () => {
    const from = ['fork', golden('ticker'), '--at', '50%', '--name', 'forked'];
    const run = await stage.hv(from).exited;
    expect(run.stdout, run.stderr).toContain('last prices:');
    expect(run.code).toBe(0);
    const { header } = openLog(join(stage.dir, '.hv/forked'));
    expect(header).toMatchObject({ formatVersion: FORMAT_VERSION, machineVersion: 1 });
    const replay = await stage.hv(['replay', '.hv/forked']).exited;
    expect(replay.stdout, replay.stderr).toBe(run.stdout);
    expect(replay.code).toBe(0);
  });
});
