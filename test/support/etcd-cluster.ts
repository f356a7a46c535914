/** A real etcd cluster on this machine: fast elections, directories of its own, killed with -9. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './kv-client.ts';
import type { TestCertificate } from './test-certificate.ts';

const POLL_MS = 10;
const READY_MS = 30_000;

interface Member {
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort: number;
  /** Health without TLS. */
  readonly metricsPort: number;
  process: ChildProcess | undefined;
}

export const hasEtcd: boolean = spawnSync('etcd', ['--version']).status === 0;

export class EtcdCluster {
  readonly #dir = mkdtempSync(join(tmpdir(), 'hv-etcd-'));
  readonly #members: Member[] = [];
  readonly #certificate: TestCertificate | undefined;
  #log = '';

  private constructor(certificate: TestCertificate | undefined) {
    this.#certificate = certificate;
  }

  /** With a certificate, clients must show it as well as members. */
  static async start(members: number, certificate?: TestCertificate): Promise<EtcdCluster> {
    const cluster = new EtcdCluster(certificate);
    for (let at = 0; at < members; at++)
      cluster.#members.push({
        name: `m${at}`,
        clientPort: await freePort(),
        peerPort: await freePort(),
        metricsPort: await freePort(),
        process: undefined,
      });
    for (const member of cluster.#members) cluster.#spawn(member, 'new');
    await cluster.ready();
    return cluster;
  }

  /** `host:port` of every member. */
  get hosts(): readonly string[] {
    return this.#members.map(({ clientPort }) => `127.0.0.1:${clientPort}`);
  }

  get url(): string {
    return `etcd://${this.hosts.join(',')}`;
  }

  /** Waits until a majority takes writes through some member, or through the one given. */
  async ready(at?: number): Promise<void> {
    const until = performance.now() + READY_MS;
    for (;;) {
      const member =
        at === undefined
          ? this.#members.find(({ process }) => process !== undefined)
          : this.#members[at];
      if (member !== undefined && (await this.#healthy(member))) return;
      if (performance.now() > until) throw new Error(`etcd does not start:\n${this.#log}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Puts a question to the gateway of a member that runs. */
  async ask(path: string, body: object, at?: number): Promise<Record<string, unknown>> {
    const member =
      at === undefined
        ? this.#members.find(({ process }) => process !== undefined)
        : this.#members[at];
    const response = await fetch(`http://127.0.0.1:${member?.clientPort}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    return (await response.json()) as Record<string, unknown>;
  }

  /** Number of the member that leads. */
  async leader(): Promise<number> {
    for (;;) {
      for (const [at, { process }] of this.#members.entries()) {
        if (process === undefined) continue;
        const { header, leader } = await this.ask('/v3/maintenance/status', {}, at);
        if ((header as { member_id?: string }).member_id === leader) return at;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async kill(at: number): Promise<void> {
    const member = this.#members[at];
    const process = member?.process;
    if (member === undefined || process === undefined) throw new Error(`member ${at} does not run`);
    member.process = undefined;
    const gone = new Promise((resolve) => process.once('exit', resolve));
    process.kill('SIGKILL');
    await gone;
  }

  /** Starts a member again that was killed; it has its data. */
  revive(at: number): void {
    const member = this.#members[at];
    if (member === undefined) throw new Error(`there is no member ${at}`);
    this.#spawn(member, 'existing');
  }

  async restartAll(): Promise<void> {
    await Promise.all(this.#members.map((_, at) => this.kill(at)));
    for (const [at] of this.#members.entries()) this.revive(at);
    await this.ready();
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#members.map(({ process }, at) => (process === undefined ? undefined : this.kill(at))),
    );
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #spawn(member: Member, state: 'new' | 'existing'): void {
    const { name, clientPort, peerPort, metricsPort } = member;
    const tls = this.#certificate;
    const client = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${clientPort}`;
    const peer = `http://127.0.0.1:${peerPort}`;
    const process = spawn(
      'etcd',
      [
        ...['--name', name, '--data-dir', join(this.#dir, name)],
        ...['--listen-client-urls', client, '--advertise-client-urls', client],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        '--initial-cluster',
        this.#members.map((one) => `${one.name}=http://127.0.0.1:${one.peerPort}`).join(','),
        ...['--initial-cluster-state', state, '--initial-cluster-token', this.#dir],
        // A leader that dies is replaced in some 300 ms instead of a second or two.
        ...['--heartbeat-interval', '30', '--election-timeout', '300'],
        ...['--listen-metrics-urls', `http://127.0.0.1:${metricsPort}`],
        ...(tls === undefined ? [] : ['--cert-file', tls.cert, '--key-file', tls.key]),
        ...(tls === undefined ? [] : ['--trusted-ca-file', tls.cert, '--client-cert-auth']),
        // Logins take some ms instead of a tenth of a second.
        ...['--bcrypt-cost', '4'],
        ...['--logger', 'zap', '--log-level', 'error'],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: globalThis.process.env.PATH } },
    );
    for (const stream of [process.stdout, process.stderr])
      stream.on('data', (bytes: Buffer) => {
        this.#log = (this.#log + bytes.toString()).slice(-20_000);
      });
    member.process = process;
  }

  async #healthy({ metricsPort }: Member): Promise<boolean> {
    try {
      const response = await fetch(`http://127.0.0.1:${metricsPort}/health`);
      return ((await response.json()) as { health?: string }).health === 'true';
    } catch {
      // It does not listen yet.
      return false;
    }
  }
}
