import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Stage } from '../../support/hv-process.ts';

test.skipIf(!existsSync('/proc/self/cwd'))(
  'a stage that is closed ends what was started in it and is nobody’s child, as a local backup is',
  async () => {
    const stage = new Stage();
    const left = spawn('sleep', ['60'], { cwd: stage.dir, detached: true, stdio: 'ignore' });
    await once(left, 'spawn');
    const ended = once(left, 'exit');
    await stage.close();
    expect(await ended).toEqual([null, 'SIGKILL']);
  },
);
