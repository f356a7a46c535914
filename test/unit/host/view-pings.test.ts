import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ArbiterHost } from '../../../hypervisor/host/arbiter-host.ts';
import { HttpArbiter } from '../../../hypervisor/host/http-arbiter.ts';
import { type PingState, type Pings, startPings } from '../../../hypervisor/host/view-pings.ts';
import type { Advice } from '../../../hypervisor/protocol/view-service.ts';
import { asEpoch, asLsn } from '../../../log-format/index.ts';
import { claimView, viewOf } from '../../support/arbiter-conformance.ts';

let root = '';
let host: ArbiterHost;
let running: Pings[] = [];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'hv-pings-'));
  host = await ArbiterHost.start({
    listen: '127.0.0.1:0',
    dir: join(root, 'views'),
    token: undefined,
    event: () => undefined,
    failed: (error) => {
      throw error;
    },
  });
});
afterEach(async () => {
  for (const pings of running) pings.stop();
  running = [];
  await host.close();
  rmSync(root, { recursive: true, force: true });
});

/** A replica that pings every few milliseconds, and what it was told. */
class Replica {
  readonly told: string[] = [];
  readonly troubles: string[] = [];
  readonly pings: Pings;
  state: PingState | undefined;
  #wake: () => void = () => undefined;

  constructor(replica: string, state: PingState, url = `http://${host.address}`) {
    this.state = state;
    this.pings = startPings({
      url,
      vm: 'kv',
      replica,
      everyMs: 20,
      state: () => this.state,
      onAdvice: (advice, view) => {
        this.told.push(`${words(advice)} @${view?.epoch ?? 0}`);
        this.#wake();
      },
      onTrouble: (reason) => {
        this.troubles.push(reason);
        this.#wake();
      },
    });
    running.push(this.pings);
  }

  /** Resolves when `happened` does, which each advice and trouble may bring about. */
  async until(happened: () => boolean): Promise<void> {
    while (!happened()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

function words(advice: Advice): string {
  return 'spares' in advice ? `${advice.type} ${advice.spares.join(',')}`.trimEnd() : advice.type;
}

function stateOf(role: PingState['role'], epoch: number, synced = role !== 'spare'): PingState {
  return { role, epoch: asEpoch(epoch), synced, lsn: asLsn(0) };
}

function arbiter(): HttpArbiter {
  return new HttpArbiter({ origin: `http://${host.address}`, tokenFile: undefined });
}

describe('pings', () => {
  test('bring a primary its spares, and a backup the view of a dead primary', async () => {
    await claimView(arbiter(), 'kv', 0, { next: viewOf(1, 'P', []) });
    const primary = new Replica('P', stateOf('primary', 1));
    const backup = new Replica('B', stateOf('spare', 0));
    await primary.until(() => primary.told.includes('recruit B @1'));
    await claimView(arbiter(), 'kv', 1, { next: viewOf(2, 'P', ['B']) });
    primary.state = stateOf('primary', 2);
    backup.state = { ...stateOf('backup', 2), primaryLink: 'up' };
    primary.pings.now();
    // The next process of the primary comes back with nothing.
    primary.pings.stop();
    backup.state = { ...stateOf('backup', 2), primaryLink: 'down' };
    const again = new Replica('P', stateOf('spare', 0));
    await backup.until(
      () => backup.told.includes('promoted @3') || backup.told.includes('promoted P @3'),
    );
    const mine = await claimView(arbiter(), 'kv', 2, { next: viewOf(3, 'B', []) });
    expect(mine.type).toBe('won');
    backup.state = stateOf('primary', 3);
    await backup.until(() => backup.told.includes('recruit P @3'));
    expect(again.told).toEqual([]);
  });

  test('of a spare for any guest are answered to the primary that has none', async () => {
    await claimView(arbiter(), 'kv', 0, { next: viewOf(1, 'P', []) });
    const spare: PingState = { ...stateOf('spare', 0), vm: undefined };
    const pool = startPings({
      url: `http://${host.address}`,
      replica: 'S',
      everyMs: 20,
      state: () => spare,
      onAdvice: () => undefined,
    });
    running.push(pool);
    const primary = new Replica('P', stateOf('primary', 1));
    await primary.until(() => primary.told.includes('recruit S @1'));
  });

  test('that are refused or get no answer are reported once, and again after they went well', async () => {
    const replica = new Replica('P', stateOf('primary', 9));
    await replica.until(() => replica.troubles.length === 1);
    expect(replica.troubles[0]).toContain('epoch 9 is in the future');
    await claimView(arbiter(), 'kv', 0, { next: viewOf(1, 'Q', []) });
    replica.state = stateOf('primary', 1);
    await replica.until(() => replica.told.includes('deposed @1'));
    expect(replica.troubles).toHaveLength(1);
    replica.state = stateOf('primary', 9);
    await replica.until(() => replica.troubles.length === 2);
  });

  test('are not sent to an arbiter that has no view service, nor without something to say', async () => {
    startPings({
      url: 'file:/srv/views',
      vm: 'kv',
      replica: 'P',
      state: () => {
        throw new Error('nobody asks');
      },
      onAdvice: () => undefined,
    }).now();
    const silent = new Replica('P', stateOf('primary', 9));
    silent.state = undefined;
    silent.pings.now();
    const other = new Replica('Q', stateOf('primary', 9));
    await other.until(() => other.troubles.length === 1);
    expect(silent.troubles).toEqual([]);
  });
});
