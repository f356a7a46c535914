import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type BackupFacts, backupStatus } from '../../../hypervisor/host/backup-status.ts';
import { asEpoch, asLsn } from '../../../log-format/index.ts';
import { tempDir, writeLog } from './log-samples.ts';

/** A copy without a machine in `logDir`. */
function statusOf(logDir: string): Record<string, unknown> {
  const core = { phase: 'following', epoch: asEpoch(2), synced: true, lsnReceived: asLsn(7) };
  const facts = {
    ...{ name: 'kv', logDir, machine: undefined, supervisor: undefined, arbiter: undefined },
    ...{ replica: { core, lsnReplayed: asLsn(0) }, links: {}, followers: [] },
    member: { priority: 0, hidden: false, cold: true, chained: false, warm: false, delay: 0 },
  };
  let told: object = {};
  backupStatus(facts as unknown as BackupFacts, (status) => {
    told = status;
  });
  return told as Record<string, unknown>;
}

it('a cold backup whose copy was deleted still says who it is', async () => {
  const dir = join(tempDir(), 'kv');
  await writeLog(dir, { batches: 2 });
  expect(statusOf(dir)).toMatchObject({ role: 'backup', replication: { lsnReceived: 7 } });
  expect(statusOf(join(dir, 'deleted'))).toMatchObject({
    ...{ name: 'kv', role: 'backup', pid: process.pid, phase: 'following' },
  });
});
