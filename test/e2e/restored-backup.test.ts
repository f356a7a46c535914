import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { checkpointLsns } from '../../hypervisor/host/checkpoint-files.ts';
import type { CopyDirectory } from '../../hypervisor/host/copy-directory.ts';
import { cutCopy } from '../../hypervisor/host/cut-copy.ts';
import { openLog } from '../../hypervisor/host/log-reader.ts';
import { FileLogStore } from '../../hypervisor/host/log-store.ts';
import type { RemoteMachine, RemoteMachineOptions } from '../../hypervisor/host/remote-machine.ts';
import type { RestoredCopy } from '../../hypervisor/host/restore-copy.ts';
import type { FromWorker } from '../../hypervisor/host/worker-protocol.ts';
import type { MachineDivergence, ReplayGroup } from '../../hypervisor/ports.ts';
import { GroupSplitter, lastLsnOf } from '../../hypervisor/replica/group-splitter.ts';
import { asLsn, type Batch, type Lsn } from '../../log-format/index.ts';
import { RecordedRun, RUN_HEADER } from '../support/recorded-run.ts';

/** Workers run what was built. */
const builtDirectory = new URL('../../dist/hypervisor/host/copy-directory.js', import.meta.url)
  .href;
const built = new URL('../../dist/hypervisor/host/remote-machine.js', import.meta.url).href;

async function remoteMachine(options: RemoteMachineOptions): Promise<RemoteMachine> {
  const module = (await import(/* @vite-ignore */ built)) as {
    readonly RemoteMachine: typeof RemoteMachine;
  };
  const machine = new module.RemoteMachine({ header: RUN_HEADER, blobs: [] }, options);
  onTestFinished(() => machine.dispose());
  return machine;
}

function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'hv-restored-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const lastOf = ({ firstLsn, records }: Batch): Lsn => asLsn(firstLsn + records.length - 1);

it('a worker whose copy was replaced while it restored the machine ends nothing', {
  timeout: 120_000,
}, async () => {
  const dir = join(tempDir(), 'copy');
  const run = new RecordedRun(dir, { every: 6 }).boot();
  run.input('line');
  await run.close();
  const module = (await import(/* @vite-ignore */ builtDirectory)) as {
    readonly CopyDirectory: typeof CopyDirectory;
  };
  const errors: unknown[] = [];
  const failed = new Promise<void>((resolve) => {
    const directory = new module.CopyDirectory({
      dir,
      cold: false,
      warm: undefined,
      hangLimitMs: Number.POSITIVE_INFINITY,
      meters: undefined,
      onError: (error) => errors.push(error),
      onStore: () => undefined,
      trouble: () => undefined,
      onMachine: (machine) => {
        const fresh = directory.fresh();
        onTestFinished(() => new Promise((done) => fresh.close(done)));
        machine.worker.once('message', ({ type }: FromWorker) => {
          if (type === 'failed') setImmediate(resolve);
        });
      },
    });
    onTestFinished(() => directory.release());
    void directory.reopen(run.lsn, run.lsn);
  });
  await failed;
  expect(errors).toEqual([]);
});

it('a worker goes on from a copy that was cut, follows checkpoints, and says why if it cannot', {
  timeout: 120_000,
}, async () => {
  const from = tempDir();
  const run = new RecordedRun(from, { every: 6 }).boot();
  for (let n = 0; n < 10; n++) {
    run.input(`line ${n}`);
    await run.settled();
  }
  await run.close();
  const batches = [...openLog(from).batches()].map(({ batch }) => batch);
  const dir = join(tempDir(), 'copy');
  cpSync(from, dir, { recursive: true });
  const middle = batches.findIndex((batch) => lastOf(batch) >= run.lsn / 2);
  const { position, lsnLast } = await cutCopy(dir, lastOf(batches[middle] ?? (undefined as never)));
  const store = FileLogStore.resume(position, {
    onError: (error) => {
      throw error;
    },
  });
  let machine: RemoteMachine | undefined;
  const restored = await new Promise<RestoredCopy>((onRestored, onFailure) => {
    const restore = { dir, lsn: lsnLast, lsnReleased: lsnLast };
    void remoteMachine({
      hangLimitMs: Number.POSITIVE_INFINITY,
      onFailure,
      restore,
      onRestored,
      checkpoints: dir,
    }).then((made) => {
      machine = made;
    }, onFailure);
  });
  expect(restored.checkpoint).toBeGreaterThan(0);
  expect(restored.held).toEqual([]);
  const splitter = new GroupSplitter(restored);
  const taken: Promise<void>[] = [];
  for (const [index, batch] of batches.entries()) {
    if (index <= middle) continue;
    store.append(run.batches[index] ?? (undefined as never));
    for (const group of splitter.push(batch)) {
      const marked = group.records.at(-2)?.type === 'checkpoint';
      if (marked) store.placeOf(lastLsnOf(group), (place) => machine?.placed(place, splitter.view));
      if (marked && taken.length === 0)
        taken.push(
          new Promise((resolve) => {
            machine?.worker.on('message', (message: FromWorker) => {
              if (message.type === 'checkpoint') resolve();
            });
          }),
        );
      const divergence = await new Promise<MachineDivergence | undefined>((resolve) =>
        machine?.replay(group satisfies ReplayGroup, (_result, found) => resolve(found)),
      );
      expect(divergence).toBeUndefined();
    }
  }
  expect(taken).toHaveLength(1);
  await taken[0];
  expect(checkpointLsns(dir)[0]).toBeGreaterThan(lsnLast);
  await new Promise<void>((resolve) => store.close(resolve));

  const failure = await new Promise<unknown>((resolve) => {
    const restore = { dir, lsn: asLsn(run.lsn + 7), lsnReleased: asLsn(0) };
    void remoteMachine({
      hangLimitMs: Number.POSITIVE_INFINITY,
      onFailure: resolve,
      restore,
      onRestored: () => resolve('restored'),
    });
  });
  expect(failure).toMatchObject({ code: 'HV_E_LOG_DAMAGED' });
});
