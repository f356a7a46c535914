/**
 * Servers a newcomer copies from, unmodified, under `--backup local`: the primary is killed with -9 while
 * clients are at work that know what was acknowledged to them (hypervisor/cli/demo). They find nothing
 * lost and nothing doubled, and both logs replay.
 */

import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DEMO_GUESTS } from '../../hypervisor/cli/demo/guests.ts';
import { Tally } from '../../hypervisor/cli/demo/tally.ts';
import type { Workload } from '../../hypervisor/cli/demo/workload.ts';
import { GUESTS, Stage } from '../support/hv-process.ts';
import { freePort } from '../support/kv-client.ts';
import { LONG } from '../support/long.ts';

/** The others of the table go the same way: HV_LONG=1. */
const IN_THE_GATE = ['http'];
const CLIENTS = 3;
/** Of the ones with large packages, on a machine that is busy with other tests. */
const TIMEOUT_MS = 180_000;
/** Answers before the kill, and as many after it; each client has had several by then. */
const ANSWERS = 30;

let stage: Stage;
let workload: Workload | undefined;
let backupPid: number | undefined;
beforeEach(() => {
  stage = new Stage();
});
afterEach(async () => {
  workload?.stop();
  if (backupPid !== undefined) signal(backupPid, 'SIGKILL');
  backupPid = undefined;
  await stage.close();
});

/** False: the process has ended. It is no child of this one. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const names = Object.keys(DEMO_GUESTS).filter((name) => LONG || IN_THE_GATE.includes(name));

describe.each(names)('the guest %s', (name) => {
  test(
    'loses and doubles nothing when its primary is killed under load, and its logs replay',
    async () => {
      const guest = DEMO_GUESTS[name];
      if (guest === undefined) throw new Error(`no guest ${name}`);
      const [port, feedPort] = [await freePort(), await freePort()];
      const polling = ['127.0.0.1', `http://127.0.0.1:${feedPort}/feed`, '20'];
      const primary = stage.hv([
        ...[
          'run',
          '--backup',
          'local',
          '--name',
          'served',
          '--detect',
          '60000',
          '--events-fd',
          '3',
        ],
        ...[join(GUESTS, guest.file), String(port), ...(guest.polls ? polling : [])],
      ]);
      const [, pid] = await primary.output(/the local backup is pid (\d+)/);
      backupPid = Number(pid);
      await primary.event('protected');
      await primary.output(/listening on/);

      const tally = new Tally();
      const now = (): number => performance.now();
      workload = guest.start({ port, feedPort, clients: CLIENTS, now }, tally);
      workload.start();
      await until(() => tally.answered >= ANSWERS);
      primary.kill('SIGKILL');
      await primary.exited;
      await until(() => tally.gapsMs.length >= CLIENTS && tally.answered >= 2 * ANSWERS);
      await workload.finish(15_000);
      expect(tally.findings).toEqual([]);
      expect(tally.clean).toBe(true);

      signal(backupPid, 'SIGTERM');
      await until(() => backupPid === undefined || !signal(backupPid, 0));
      for (const log of LONG
        ? ['.hv/served', '.hv/backup-local/served']
        : ['.hv/backup-local/served']) {
        const replay = await stage.hv(['replay', '-q', log]).exited;
        expect([replay.code, replay.stderr], log).toEqual([0, expect.stringContaining('verified')]);
      }
    },
    TIMEOUT_MS,
  );
});
