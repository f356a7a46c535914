/** Hosts of a guest under `hv up`, all on loopback: a settings file and a directory each, one arbiter. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GUESTS, type HvEvent, type HvProcess, Stage } from './hv-process.ts';
import { freePort } from './kv-client.ts';
import { within } from './recording-clients.ts';

/** Longer than any wait that is right, on a busy machine. */
const WAIT_MS = 60_000;

export interface UpHost {
  readonly name: string;
  readonly address: string;
  readonly config: string;
}

export class UpPair {
  readonly stage: Stage = new Stage();
  readonly port: number;
  readonly hosts: readonly UpHost[];
  readonly #ups: HvProcess[] = [];

  private constructor(port: number, hosts: readonly UpHost[]) {
    this.port = port;
    this.hosts = hosts;
  }

  static async prepare(names: readonly string[], settings = ''): Promise<UpPair> {
    const ports: number[] = [];
    for (const _ of names) ports.push(await freePort());
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    const hosts = names.map((name, index) => ({
      name,
      address: addresses[index] ?? '',
      config: `${name}.toml`,
    }));
    const pair = new UpPair(await freePort(), hosts);
    mkdirSync(join(pair.stage.dir, 'views'));
    for (const { name, address, config } of hosts)
      writeFileSync(
        join(pair.stage.dir, config),
        `[guest]
script = ${JSON.stringify(join(GUESTS, 'kv.js'))}
args = ["${pair.port}"]
[replica]
listen = "${address}"
peers = ${JSON.stringify(addresses)}
dir = "${name}"
[protection]
arbiter = "file:views"
detect = "wan"
${settings}`,
      );
    return pair;
  }

  start(host: UpHost | undefined, ...more: readonly string[]): HvProcess {
    const config = host?.config ?? '';
    const process = this.stage.hv(['up', '--config', config, '--events-fd', '3', ...more]);
    this.#ups.push(process);
    return process;
  }

  event(process: HvProcess, evt: string, from = 0): Promise<HvEvent> {
    return within(WAIT_MS, process.event(evt, from), `${evt} of ${process.pid}`);
  }

  exit(process: HvProcess): ReturnType<() => HvProcess['exited']> {
    return within(WAIT_MS, process.exited, `the end of ${process.pid}`);
  }

  /** As a host that loses its power: the supervisor and its replica at once. */
  async kill(up: HvProcess): Promise<void> {
    up.kill('SIGKILL');
    killChild(up);
    await this.exit(up);
  }

  /** The replica of `up` does nothing from now on, but can be killed. */
  async freeze(up: HvProcess): Promise<void> {
    const pid = childOf(up) ?? 0;
    process.kill(pid, 'SIGSTOP');
    const tasks = `/proc/${pid}/task`;
    const isRunning = (): boolean =>
      readdirSync(tasks).some(
        (task) => !/^State:\s+T/m.test(readFileSync(`${tasks}/${task}/status`, 'utf8')),
      );
    while (isRunning()) await new Promise((resolve) => setImmediate(resolve));
  }

  async close(): Promise<void> {
    // A replica outlives a supervisor that is killed.
    for (const up of this.#ups) {
      up.kill('SIGKILL');
      killChild(up);
    }
    await this.stage.close();
  }
}

/** The replica that `up` has started last, unless it said that it ended. */
export function childOf(up: HvProcess): number | undefined {
  const last = up.events.findLast(({ evt }) => evt === 'up.started' || evt === 'up.ended');
  return last?.evt === 'up.started' ? Number(last.child) : undefined;
}

/** Roles of the replicas that `up` has started, in their order. */
export function rolesOf(up: HvProcess): unknown[] {
  return up.events.filter(({ evt }) => evt === 'up.started').map(({ role }) => role);
}

function killChild(up: HvProcess): void {
  const pid = childOf(up);
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
