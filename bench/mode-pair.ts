/** A guest protected in a chosen way, as real processes: what bench/modes.ts measures and strikes. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { askStatus, statusPaths } from '../hypervisor/host/status-socket.ts';
import type { AckLevel } from '../hypervisor/protocol/ack-level.ts';
import { ChaosProxy } from '../test/support/chaos-proxy.ts';
import { GUESTS, type HvProcess, Stage } from '../test/support/hv-process.ts';
import { freePort } from '../test/support/kv-client.ts';
import { within } from '../test/support/recording-clients.ts';

export interface Mode {
  readonly ack: AckLevel;
  readonly backups: number;
  /** Of how many an output waits; 0: all. */
  readonly quorum: number;
  /** Milliseconds a byte takes to the backup: the round trip, because the way back takes none. */
  readonly delayMs: number;
  /** The link can be cut, at the price of a proxy in this process. */
  readonly cuttable?: boolean;
}

/** What a primary says its backup lacks. */
export interface Lag {
  readonly ms: number;
  readonly bytes: number;
}

const WAIT_MS = 60_000;

export class ModePair {
  readonly port: number;
  readonly #stage: Stage;
  readonly #primary: HvProcess;
  readonly #backups: readonly HvProcess[];
  readonly #proxies: readonly ChaosProxy[];

  private constructor(
    port: number,
    parts: {
      stage: Stage;
      primary: HvProcess;
      backups: readonly HvProcess[];
      proxies: readonly ChaosProxy[];
    },
  ) {
    this.port = port;
    this.#stage = parts.stage;
    this.#primary = parts.primary;
    this.#backups = parts.backups;
    this.#proxies = parts.proxies;
  }

  /** Once every backup is in the view and has replayed what it has. `detect`: as the option. */
  static async start(mode: Mode, detect: string): Promise<ModePair> {
    const stage = new Stage();
    const proxies: ChaosProxy[] = [];
    try {
      const arbiter = join(stage.dir, 'arbiter');
      mkdirSync(arbiter);
      const backups: HvProcess[] = [];
      const peers: string[] = [];
      for (let n = 0; n < mode.backups; n += 1) {
        const { process, address } = await stage.backup(...['--dir', `backup-${n}`]);
        backups.push(process);
        if (mode.delayMs === 0 && mode.cuttable !== true) {
          peers.push(address);
          continue;
        }
        const port = Number(address.split(':').at(-1));
        const proxy = await ChaosProxy.start({ host: '127.0.0.1', port }, { seed: n + 1 });
        proxy.impair({ there: { delayMs: mode.delayMs } });
        proxies.push(proxy);
        peers.push(proxy.address);
      }
      const port = await freePort();
      const primary = stage.hv([
        ...['run', ...peers.flatMap((peer) => ['--backup', peer]), '--arbiter', `file:${arbiter}`],
        ...['--ack', mode.ack, ...(mode.quorum === 0 ? [] : ['--quorum', String(mode.quorum)])],
        ...['--detect', detect, '--name', 'kv', '--dir', 'primary', '--events-fd', '3'],
        ...[join(GUESTS, 'kv.js'), String(port)],
      ]);
      await within(WAIT_MS, primary.event('protected'), 'the guest is not protected').catch(
        (error: unknown) => {
          const said = JSON.stringify([primary.events, ...backups.map(({ events }) => events)]);
          throw new Error(`--ack ${mode.ack}: ${primary.stderr}\n${said}`, { cause: error });
        },
      );
      for (const one of backups)
        await within(WAIT_MS, one.event('in.step'), 'a backup is not in step');
      return new ModePair(port, { stage, primary, backups, proxies });
    } catch (error) {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await stage.close();
      throw error;
    }
  }

  /** Throws when what was measured was not the mode: a backup was lost meanwhile. */
  demandWhole(): void {
    if (this.#primary.over) throw new Error(`the primary ended: ${this.#primary.stderr}`);
    if (this.#primary.events.some(({ evt }) => evt === 'unprotected' || evt === 'suspected'))
      throw new Error('the guest lost a backup while it was measured');
  }

  async lag(): Promise<Lag | undefined> {
    const [path = ''] = statusPaths(join(this.#stage.dir, 'primary'));
    const status = await askStatus(path);
    return status?.lag as Lag | undefined;
  }

  /** kill -9 of the primary; with `host` its link goes silent first, with whatever is under way on it. */
  kill(options: { readonly host: boolean }): void {
    if (options.host) for (const proxy of this.#proxies) proxy.blackhole();
    this.#primary.kill('SIGKILL');
  }

  /** Until a backup has taken over. */
  async live(): Promise<void> {
    await within(
      WAIT_MS,
      Promise.any(this.#backups.map((one) => one.event('live'))),
      'nobody takes over',
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
    await this.#stage.close();
  }
}
