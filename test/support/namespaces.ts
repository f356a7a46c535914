/**
 * Several hosts on one machine: a network namespace each, joined by a bridge in a namespace of its own,
 * so that cables can be cut for real, one way or both, and a host can vanish without a word. Needs
 * root, `ip` and `iptables`. All share one file system; each reaches the arbiter's directory by a path
 * of its own, so that the arbiter can be cut off from one of them.
 */

import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface NetHost {
  readonly name: string;
  readonly address: string;
  /** What starts a program on it. */
  readonly within: readonly string[];
  /** `file:` URL of the arbiter as seen from it. */
  readonly arbiter: string;
}

/** Why there can be no namespaces here; undefined when there can. */
export function whyNoNamespaces(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  const probe = `hvp${process.pid}`;
  try {
    execFileSync('ip', ['netns', 'add', probe], { stdio: 'pipe' });
  } catch (error) {
    return `no namespaces: ${firstLine(error)}`;
  }
  try {
    const rule = ['iptables', '-w', '-A', 'INPUT', '-s', '192.0.2.1', '-j', 'DROP'];
    execFileSync('ip', ['netns', 'exec', probe, ...rule], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `no iptables: ${firstLine(error)}`;
  } finally {
    execFileSync('ip', ['netns', 'del', probe], { stdio: 'pipe' });
  }
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0] ?? '';
}

let created = 0;

export class NetLab {
  readonly #prefix: string;
  readonly #subnet: string;
  readonly #dir: string;
  readonly #hosts = new Map<string, NetHost>();
  readonly #cutArbiters = new Set<string>();

  private constructor(dir: string) {
    created += 1;
    this.#dir = dir;
    this.#prefix = `hv${process.pid}x${created}`;
    // 198.18.0.0/15 is for tests of networks (RFC 2544); two runs at once rarely get the same part.
    const part = (process.pid * 7 + created) % 512;
    this.#subnet = `198.${18 + (part >> 8)}.${part & 255}`;
  }

  /**
   * A bridge, the hosts `names` on it, and this process itself, which can reach them all and is where
   * clients are. `dir`: of the test; the arbiter's directory is made in it.
   */
  static async create(dir: string, names: readonly string[]): Promise<NetLab> {
    const lab = new NetLab(dir);
    const bridge = `${lab.#prefix}b`;
    mkdirSync(join(dir, 'arbiter'));
    try {
      await ip('netns', 'add', bridge);
      await ip('-n', bridge, 'link', 'add', 'br0', 'type', 'bridge');
      await ip('-n', bridge, 'link', 'set', 'br0', 'up');
      for (const [index, name] of names.entries()) await lab.#addHost(name, index + 1);
      // Our own end of a cable: it goes with the bridge.
      const own = `${lab.#prefix}c`;
      await ip('link', 'add', own, 'type', 'veth', 'peer', 'name', 'self', 'netns', bridge);
      await ip('-n', bridge, 'link', 'set', 'self', 'master', 'br0', 'up');
      await ip('addr', 'add', `${lab.#subnet}.254/24`, 'dev', own);
      await ip('link', 'set', own, 'up');
      return lab;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** The address of this process on the bridge. */
  get clientAddress(): string {
    return `${this.#subnet}.254`;
  }

  host(name: string): NetHost {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`there is no host ${name}`);
    return host;
  }

  /** Drops whatever `from` (a host, or `client`) sends to the host `to`, from now on. */
  async cut(from: string, to: string): Promise<void> {
    const source = from === 'client' ? this.clientAddress : this.host(from).address;
    await this.#iptables(to, '-A', 'INPUT', '-s', source, '-j', 'DROP');
  }

  async cutBoth(one: string, other: string): Promise<void> {
    await Promise.all([this.cut(one, other), this.cut(other, one)]);
  }

  /** The arbiter's directory is not there any more as far as `name` can tell. */
  cutArbiter(name: string): void {
    unlinkSync(this.#arbiterPath(name));
    this.#cutArbiters.add(name);
  }

  /** As if its plug were pulled: no packet leaves it, then all its processes are killed. */
  async tearDown(name: string): Promise<void> {
    const namespace = this.#namespace(name);
    await ip('-n', namespace, 'link', 'set', 'eth0', 'down');
    const { stdout } = await run('ip', ['netns', 'pids', namespace]);
    for (const pid of stdout.split('\n').filter((line) => line !== '')) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch (error) {
        // It was gone before.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  }

  /** All cables whole, all hosts up, the arbiter within reach of all. */
  async heal(): Promise<void> {
    for (const name of this.#cutArbiters) symlinkSync('arbiter', this.#arbiterPath(name));
    this.#cutArbiters.clear();
    for (const name of this.#hosts.keys()) {
      await this.#iptables(name, '-F', 'INPUT');
      await ip('-n', this.#namespace(name), 'link', 'set', 'eth0', 'up');
    }
  }

  /** The processes on the hosts must have ended. */
  async close(): Promise<void> {
    const { stdout } = await run('ip', ['netns', 'list']);
    for (const line of stdout.split('\n')) {
      const [name = ''] = line.split(' ');
      if (name.startsWith(this.#prefix)) await ip('netns', 'del', name);
    }
  }

  #arbiterPath(name: string): string {
    return join(this.#dir, `arbiter-of-${name}`);
  }

  #namespace(name: string): string {
    return `${this.#prefix}-${name}`;
  }

  async #addHost(name: string, number: number): Promise<void> {
    const namespace = this.#namespace(name);
    const bridge = `${this.#prefix}b`;
    const address = `${this.#subnet}.${number}`;
    await ip('netns', 'add', namespace);
    const port = `port${number}`;
    await ip(
      ...['-n', bridge, 'link', 'add', port, 'type', 'veth'],
      ...['peer', 'name', 'eth0', 'netns', namespace],
    );
    await ip('-n', bridge, 'link', 'set', port, 'master', 'br0', 'up');
    await ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    await ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    await ip('-n', namespace, 'link', 'set', 'lo', 'up');
    symlinkSync('arbiter', this.#arbiterPath(name));
    this.#hosts.set(name, {
      ...{ name, address, within: ['ip', 'netns', 'exec', namespace] },
      arbiter: `file:${this.#arbiterPath(name)}`,
    });
  }

  async #iptables(name: string, ...rule: readonly string[]): Promise<void> {
    await ip('netns', 'exec', this.#namespace(name), 'iptables', '-w', ...rule);
  }
}

async function ip(...args: readonly string[]): Promise<void> {
  await run('ip', args);
}
